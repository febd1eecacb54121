//! `samkit run`: recipes, built in or from files, right or wrong.

use crate::support::{Place, Run, needs_weights, scene};

const RECIPE: &str = "\
version: 1
input: a.png
steps:
  - id: fine
    task: edges
    params: { points_per_side: 2 }
";

/// The recipe with one line changed is refused before images or weights are looked at.
#[track_caller]
fn refused(from: &str, to: &str, parts: &[&str]) {
    let place = Place::new();
    assert!(RECIPE.contains(from));
    place.write("r.yaml", RECIPE.replace(from, to));
    offline(&place, &["run", "r.yaml"]).exits(2).says(parts);
}

fn offline(place: &Place, args: &[&str]) -> Run {
    let empty = place.path("no-models");
    place.run_with(args, |c| _ = c.env("SAMKIT_MODELS_DIR", empty))
}

#[test]
fn a_missing_recipe_names_the_built_in_ones() {
    let place = Place::new();
    offline(&place, &["run", "egdes.yaml"]).exits(2).says(&[
        "no recipe `egdes.yaml`",
        "did you mean `edges.yaml`?",
        "built-in recipes",
    ]);
}

#[test]
fn a_misspelt_name_without_ending_finds_the_recipe() {
    offline(&Place::new(), &["run", "edgs"]).exits(2).says(&["did you mean `edges`?"]);
}

#[test]
fn a_photograph_is_no_recipe() {
    let place = Place::new();
    place.picture("a.jpg", &scene(48, 32));
    offline(&place, &["run", "a.jpg"]).exits(2).says(&["a.jpg:1:1", "not UTF-8 text"]);
}

#[test]
fn a_built_in_recipe_needs_input_elsewhere_than_in_a_clone() {
    let place = Place::new();
    offline(&place, &["run", "edges"]).exits(2).says(&["--input"]);
}

#[test]
fn a_built_in_recipe_runs_on_the_images_that_are_given() {
    needs_weights!();
    let place = Place::new();
    place.picture("photos/a.png", &scene(48, 32));
    let quick = "steps.edges.params.points_per_side=2";
    place.run(&["run", "edges.yaml", "--input", "photos", "--set", quick]).exits(0);
    assert_eq!(place.names("out/edges"), ["a.edges.png", "a.edges.raw.png", "a.overlay.png"]);
}

#[test]
fn paths_in_a_recipe_are_relative_to_its_file() {
    needs_weights!();
    let place = Place::new();
    place.picture("data/in/a.png", &scene(48, 32));
    let recipe = RECIPE.replace("input: a.png", "input: ../data/in\noutput: ../data/out");
    place.write("recipes/r.yaml", recipe);
    place.run(&["run", "recipes/r.yaml"]).exits(0);
    assert_eq!(place.names("data/out"), ["a.edges.png", "a.overlay.png"]);
}

#[test]
fn the_repositorys_own_recipe_is_right() {
    let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/edges.yaml");
    let place = Place::new();
    let run = place.run(&["run", recipe, "--dry-run", "--json"]).exits(0);
    let images = run.json()["images"].as_array().map_or(0, Vec::len);
    assert!(images >= 3, "{}", run.stdout);
    place.run(&["recipe", "check", "edges"]).exits(0);
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest() {
    refused("task: edges", "tsk: edges", &["r.yaml:5:5", "`tsk`", "did you mean `task`?"]);
    refused(
        "points_per_side",
        "point_per_side",
        &["r.yaml:6:15", "point_per_side: 2", "did you mean `points_per_side`?"],
    );
}

#[test]
fn a_value_out_of_range_is_shown_at_its_place() {
    refused("points_per_side: 2", "points_per_side: 0", &["r.yaml:6:32", "1 to 256"]);
    refused("points_per_side: 2", "points_per_side: two", &["r.yaml:6:32", "whole number"]);
}

#[test]
fn an_unknown_task_result_model_or_device_is_shown() {
    refused("task: edges", "task: edge", &["r.yaml:5:11", "unknown task `edge`", "`edges`?"]);
    refused("task: edges", "task: edges\n    save: [raws]", &["r.yaml:6:12", "`raws`", "`raw`?"]);
    refused("steps:", "engine: { model: sam }\nsteps:", &["r.yaml:3:18", "model `sam`"]);
    refused("steps:", "engine: { device: gpu }\nsteps:", &["r.yaml:3:19", "`cuda`"]);
    refused("task: edges", "task: edges\n    inputs: { boxes: x }", &["r.yaml:6:15", "`boxes`"]);
}

#[test]
fn a_recipe_of_another_version_or_without_steps_is_refused() {
    refused("version: 1", "version: 2", &["r.yaml:1:10", "version 2"]);
    refused("version: 1\n", "", &["`version` is missing"]);
    let steps = &RECIPE[RECIPE.find("steps:").expect("there are steps")..];
    refused(steps, "steps: []\n", &["r.yaml:3:8", "at least one step"]);
}

#[test]
fn bad_yaml_is_shown_where_it_breaks() {
    refused("{ points_per_side: 2 }", "{ points_per_side: 2", &["r.yaml:", "not valid YAML"]);
}

#[test]
fn a_wrong_override_is_shown_as_it_was_given() {
    let place = Place::new();
    place.write("r.yaml", RECIPE);
    let run = |change| offline(&place, &["run", "r.yaml", "--set", change]);
    run("steps.fine.params.smoothing=99").exits(2).says(&["--set:1:29", "0 to 32"]);
    run("steps.fin.task=edges").exits(2).says(&["did you mean `fine`?"]);
    run("nonsense").exits(2).says(&["no `=`"]);
}

#[test]
fn a_recipe_without_input_says_how_to_give_it() {
    refused("input: a.png\n", "", &["names no input", "--input"]);
}

#[test]
fn an_included_recipe_keeps_its_own_folder() {
    let place = Place::new();
    place.picture("shared/photos/a.png", &scene(48, 32));
    place.write(
        "shared/base.yaml",
        "version: 1\ninput: photos\noutput: here\nvars: { side: 4 }\nsteps:\n  - task: edges\n    \
         params: { points_per_side: \"${side}\" }\n",
    );
    place.write(
        "my.yaml",
        "version: 1\ninclude: shared/base.yaml\nvars: { side: 6 }\noutput: out\n",
    );
    let plan = offline(&place, &["run", "my.yaml", "--dry-run", "--json"]).exits(0).json();
    let plan = plan.to_string();
    assert!(plan.contains("shared/photos/a.png") && plan.contains("\"output\":\"out\""), "{plan}");
    assert!(plan.contains("\"points_per_side\":6"), "{plan}");
}

#[test]
fn folders_are_searched_further_on_request() {
    let place = Place::new();
    place.picture("in/a.png", &scene(48, 32));
    place.picture("in/sub/b.png", &scene(48, 32));
    let images = |input: &str| {
        place.write("r.yaml", RECIPE.replace("input: a.png", input));
        let plan = offline(&place, &["run", "r.yaml", "--dry-run", "--json"]).exits(0).json();
        plan["images"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(images("input: in"), 1);
    assert_eq!(images("input: { paths: in, recursive: true }"), 2);
    place.write("r.yaml", RECIPE);
    let flag = offline(&place, &["run", "r.yaml", "--input", "in", "--dry-run", "--json"]);
    assert_eq!(flag.exits(0).json()["images"].as_array().map_or(0, Vec::len), 2);
}

/// `UPDATE_SNAPSHOTS=1 cargo test --test cli schema` writes the file.
#[test]
fn the_schema_for_editors_is_up_to_date_and_named_by_every_recipe() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = repository.join("schema/recipe.schema.json");
    let place = Place::new();
    let nowhere = place.path("no-plugins");
    let schema = place.run_with(&["recipe", "schema"], |command| {
        let command = command.env_remove("SAMKIT_PLUGIN_PATH");
        _ = command.env("XDG_DATA_HOME", &nowhere).env("HOME", &nowhere);
    });
    let schema = schema.exits(0).stdout;
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, &schema).expect("a file");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), schema);

    for recipe in std::fs::read_dir(repository.join("configs")).expect("a folder") {
        let path = recipe.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a recipe");
        let first = "# yaml-language-server: $schema=../schema/recipe.schema.json\n";
        assert!(text.starts_with(first), "{}", path.display());
    }
}
