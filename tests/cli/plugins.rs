//! `samkit plugins`.

use std::{
    env::consts::DLL_EXTENSION,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Place, needs_weights, scene, text};

/// Builds the plugin `bright` in C from `examples/plugins` into `plugins/`.
fn bright(place: &Place) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plugins/c/bright.c");
    compiled(place, &source)
}

/// The same, made to demand more inputs (name and kind) and to do something before its work.
fn bright_taking(place: &Place, inputs: &[(&str, &str)], before: &str) {
    let slots: String = inputs
        .iter()
        .map(|(name, kind)| format!(", {{.name = TEXT(\"{name}\"), .kind = SAMKIT_KIND_{kind}}}"))
        .collect();
    let run = "const SamkitOutputs *out) {";
    let source = include_str!("../../examples/plugins/c/bright.c")
        .replace("SAMKIT_KIND_IMAGE}};", &format!("SAMKIT_KIND_IMAGE}}{slots}}};"))
        .replace(".input_count = 1", &format!(".input_count = {}", inputs.len() + 1))
        .replace(run, &format!("{run}\n  {before}"));
    compiled(place, &place.write("bright.c", source));
}

fn compiled(place: &Place, source: &Path) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = place.write(&format!("plugins/bright.{DLL_EXTENSION}"), []);
    let built = Command::new("cc")
        .args(["-std=c11", "-shared", "-fPIC", "-I"])
        .arg(repository.join("crates/samkit-plugin-abi/include"))
        .arg("-o")
        .args([library.as_path(), source])
        .status()
        .expect("a C compiler");
    assert!(built.success());
    text(&library).to_owned()
}

#[test]
fn plugins_are_listed_and_shown() {
    let place = Place::new();
    bright(&place);
    let folder = place.path("plugins");
    let listed = place.run(&["plugins", "list", "--plugin-path", text(&folder)]).exits(0);
    assert!(listed.stdout.contains("bright") && listed.stdout.contains("looked for in"));
    let by_variable = |args: &[&str]| {
        place.run_with(args, |command| _ = command.env("SAMKIT_PLUGIN_PATH", &folder))
    };
    let json = by_variable(&["plugins", "list", "--json"]).exits(0).json();
    assert_eq!(json["plugins"][0]["id"], "edges");
    assert_eq!(json["plugins"][0]["origin"], "the program itself");
    // The program's own come first.
    let last = json["plugins"].as_array().expect("a list").len() - 1;
    assert_eq!(json["plugins"][last]["id"], "bright");
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(0));

    let shown = by_variable(&["plugins", "show", "bright"]).exits(0).stdout;
    let schema = &json["plugins"][last]["params_schema"];
    for (name, parameter) in schema["properties"].as_object().expect("parameters") {
        assert!(shown.contains(name.as_str()), "{name} in {shown}");
        assert!(shown.contains(&parameter["default"].to_string()), "{name} in {shown}");
    }
    // Long lists of defaults and descriptions fit a window.
    let shown = by_variable(&["plugins", "show", "text"]).exits(0).stdout;
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    assert!(shown.contains("blurry") && shown.contains("background: a list"), "{shown}");
    by_variable(&["plugins", "show", "brihgt"]).exits(2).says(&["did you mean `bright`?"]);
}

#[test]
fn a_file_that_is_no_plugin_is_named_and_keeps_no_other_away() {
    let place = Place::new();
    bright(&place);
    place.write(&format!("plugins/a.{DLL_EXTENSION}"), "no library");
    let folder = place.path("plugins");
    let run = place.run(&["plugins", "list", "--plugin-path", text(&folder)]).exits(1);
    assert!(run.stdout.contains("bright"), "{}", run.stdout);
    run.says(&["expected a shared library"]);
}

#[test]
fn folders_to_search_are_whole_paths() {
    let place = Place::new();
    place.run(&["plugins", "list", "--plugin-path", "plugins"]).exits(2).says(&["relative path"]);
}

#[test]
fn a_good_plugin_passes_the_check() {
    let place = Place::new();
    let library = bright(&place);
    let run = place.run(&["plugins", "check", &library]).exits(0);
    assert!(run.stdout.contains("pass  ") && !run.stdout.contains("FAIL"), "{}", run.stdout);
    place.run(&["plugins", "check", "nothing.so"]).exits(2).says(&["nothing.so"]);
}

#[test]
fn a_new_project_is_written_once() {
    let place = Place::new();
    place.run(&["plugins", "new", "my-task", "--lang", "c"]).exits(0);
    assert_eq!(place.names("my-task"), ["Makefile", "my-task.c", "samkit_plugin.h"]);
    place.run(&["plugins", "new", "my-task"]).exits(2).says(&["my-task"]);
    place.run(&["plugins", "new", "../up"]).exits(2).says(&["a task cannot be called"]);
}

const RECIPE: &str = "\
version: 1
input: .
steps:
  - id: lights
    task: bright
    params: { threshold: 160 }
  - id: fine
    task: edges
    params: { points_per_side: 2 }
";

#[test]
fn a_step_of_a_recipe_runs_a_plugin() {
    needs_weights!();
    let place = Place::new();
    bright(&place);
    place.picture("a.png", &scene(48, 32));
    place.write("r.yaml", RECIPE);
    let folder = place.path("plugins");
    let found = ["--plugin-path", text(&folder)];
    let plan = place.run(&[&["run", "r.yaml", "--dry-run"], &found[..]].concat()).exits(0).stdout;
    assert!(plan.contains("STEM.bright.json") && plan.contains("threshold: 160"), "{plan}");

    place.run(&[&["run", "r.yaml"], &found[..]].concat()).exits(0);
    let names = place.names("samkit-out/lights");
    assert_eq!(names, ["a.bright.json", "a.overlay.png"]);
    let boxes = place.json("samkit-out/lights/a.bright.json");
    // The disc of the scene is the one thing that is that bright.
    assert_eq!(boxes.as_array().map(Vec::len), Some(1), "{boxes}");
    let [x, y, width, height] = [0, 1, 2, 3].map(|i| boxes[0]["bbox"][i].as_f64().expect("XYWH"));
    assert!((x..x + width).contains(&14.4) && (y..y + height).contains(&14.4), "{boxes}");
    assert_eq!(place.json("samkit-out/run.json")["networks"]["images_encoded"], 1);
}

#[test]
fn a_recipe_that_names_a_plugin_wrongly_is_refused() {
    let place = Place::new();
    bright(&place);
    let folder = place.path("plugins");
    let refused = |from: &str, to: &str, parts: &[&str]| {
        place.write("r.yaml", RECIPE.replace(from, to));
        let args = ["recipe", "check", "r.yaml", "--plugin-path", text(&folder)];
        place.run(&args).exits(2).says(parts);
    };
    refused("task: bright", "task: brihgt", &["r.yaml:5:11", "did you mean `bright`?"]);
    refused("threshold: 160", "threshold: 900", &["r.yaml:6:26", "900"]);
    refused("threshold: 160", "treshold: 190", &["r.yaml:6:15", "did you mean `threshold`?"]);
    refused("  - id: fine\n", "    save: [fire]\n  - id: fine\n", &["`fire`", "`boxes`"]);
    place.write("r.yaml", RECIPE);
    place.run(&["recipe", "check", "r.yaml"]).exits(2).says(&["unknown task `bright`"]);
}

#[test]
fn a_plugin_that_breaks_a_rule_fails_its_step_and_others_go_on() {
    needs_weights!();
    let place = Place::new();
    let source = include_str!("../../examples/plugins/c/bright.c");
    let start = "const SamkitOutputs *out) {";
    assert_eq!(source.matches(start).count(), 1);
    let broken = place.write("bright.c", source.replace(start, &format!("{start} return 99;")));
    compiled(&place, &broken);
    place.picture("a.png", &scene(48, 32));
    place.picture("b.png", &scene(40, 32));
    place.write("r.yaml", RECIPE);
    let folder = place.path("plugins");
    place
        .run(&["run", "r.yaml", "--plugin-path", text(&folder)])
        .exits(1)
        .says(&["`bright` broke a rule", "returned 99, which is no status"]);
    let names = place.names("samkit-out/fine");
    assert_eq!(names, ["a.edges.png", "a.overlay.png", "b.edges.png", "b.overlay.png"]);
}

/// The plugin runs in a loop that never ends: the program waits a few seconds, and goes.
#[test]
#[cfg(unix)]
fn a_plugin_that_does_not_stop_ends_the_run() {
    needs_weights!();
    let place = Place::new();
    let start = "const SamkitOutputs *out) {";
    let endless = "fclose(fopen(\"started\", \"w\")); for (volatile int i = 0;; i = 0) {}";
    let source = include_str!("../../examples/plugins/c/bright.c")
        .replace(start, &format!("{start} {endless}"))
        .replace("#include <string.h>", "#include <string.h>\n#include <stdio.h>");
    let source = place.write("bright.c", source);
    compiled(&place, &source);
    place.picture("a.png", &scene(48, 32));
    let steps = "  - { id: fine, task: edges, params: { points_per_side: 2 } }\n  - task: bright\n";
    place.write("r.yaml", format!("version: 1\ninput: .\nsteps:\n{steps}"));
    let folder = place.path("plugins");
    let child = Command::new(env!("CARGO_BIN_EXE_samkit"))
        .args(["run", "r.yaml", "--plugin-path", text(&folder)])
        .current_dir(place.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let patience = Instant::now() + Duration::from_secs(120);
    while !place.path("started").exists() {
        assert!(Instant::now() < patience, "the plugin does not start");
        thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    let ended = child.wait_with_output().expect("its end");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(errors.contains("`bright` was asked to stop and did not within 5.0 s"), "{errors}");
    assert_eq!(ended.status.code(), Some(130), "{errors}");
    // An image's files appear when all of its steps are done.
    assert!(place.names("samkit-out").is_empty());
    assert_eq!(place.json("samkit-out/run.json")["interrupted"], true);
}

#[test]
fn a_plugin_takes_what_earlier_steps_found() {
    needs_weights!();
    let place = Place::new();
    let few = "return fail(SAMKIT_FAILED, \"too few masks\");";
    bright_taking(
        &place,
        &[("masks", "MASKS"), ("edges", "EDGE_MAP")],
        &format!(
            "for (size_t i = 0; i < in->artifact_count; i++)\n    \
             if (in->artifacts[i]->kind == SAMKIT_KIND_MASKS && \
             in->artifacts[i]->region_count < 3) {few}"
        ),
    );
    place.picture("a.png", &scene(48, 32));
    let recipe = "\
version: 1
input: a.png
steps:
  - id: parts
    task: everything
    params: { points_per_side: 4, pred_iou_thresh: 0, stability_score_thresh: 0 }
    save: []
  - id: fine
    task: edges
    params: { points_per_side: 2 }
    save: []
  - id: lights
    task: bright
    params: { threshold: 160 }
    inputs: { masks: parts, edges: fine.raw }
";
    let folder = place.path("plugins");
    let found = ["--plugin-path", text(&folder)];
    place.write("r.yaml", recipe);
    place.run(&[&["run", "r.yaml"], &found[..]].concat()).exits(0);
    assert_eq!(place.names("samkit-out"), ["a.bright.json", "a.overlay.png"]);
    assert_eq!(place.json("samkit-out/run.json")["networks"]["images_encoded"], 1);

    place.write("r.yaml", recipe.replace("side: 4", "side: 1").replace("thresh: 0", "thresh: 1"));
    place
        .run(&[&["run", "r.yaml"], &found[..]].concat())
        .exits(1)
        .says(&["`bright` failed: too few masks"]);
    place.write("r.yaml", recipe.replace("masks: parts", "masks: fine"));
    place.run(&[&["run", "r.yaml"], &found[..]].concat()).exits(2).says(&["r.yaml:", "masks"]);
}

/// Every recipe in the guide is one.
#[test]
fn the_guides_recipes_can_be_planned() {
    let place = Place::new();
    bright_taking(&place, &[("masks", "MASKS")], "");
    let folder = place.path("plugins");
    place.write("house.yaml", "version: 1\nsteps:\n  - task: edges\n");
    let guide = include_str!("../../docs/recipes.md");
    let recipes: Vec<_> = guide.split("```yaml\n").skip(1).collect();
    assert_eq!(recipes.len(), 4);
    for recipe in recipes {
        let (recipe, _) = recipe.split_once("```").expect("the end of the block");
        place.write("r.yaml", recipe);
        place.run(&["recipe", "check", "r.yaml", "--plugin-path", text(&folder)]).exits(0);
    }
}

#[test]
fn a_new_recipe_is_right_at_once() {
    let place = Place::new();
    bright(&place);
    let folder = place.path("plugins");
    for task in ["edges", "everything", "bright"] {
        let found = ["--plugin-path", text(&folder)];
        let text = place.run(&[&["recipe", "new", task], &found[..]].concat()).exits(0).stdout;
        place.write("new.yaml", text);
        place.run(&[&["recipe", "check", "new.yaml"], &found[..]].concat()).exits(0);
    }
    place.run(&["recipe", "new", "egdes"]).exits(2).says(&["did you mean `edges`?"]);
}
