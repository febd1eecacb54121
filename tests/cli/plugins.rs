//! `samkit plugins`.

use std::{env::consts::DLL_EXTENSION, path::Path, process::Command};

use crate::support::{Place, text};

/// Builds the plugin `bright` in C from `examples/plugins` into `plugins/`.
fn bright(place: &Place) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = place.write(&format!("plugins/bright.{DLL_EXTENSION}"), []);
    let built = Command::new("cc")
        .args(["-std=c11", "-shared", "-fPIC", "-I"])
        .arg(repository.join("crates/samkit-plugin-abi/include"))
        .arg("-o")
        .args([&library, &repository.join("examples/plugins/c/bright.c")])
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
    assert_eq!(json["plugins"][0]["id"], "bright");
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(0));

    let shown = by_variable(&["plugins", "show", "bright"]).exits(0).stdout;
    let schema = &json["plugins"][0]["params_schema"];
    for (name, parameter) in schema["properties"].as_object().expect("parameters") {
        assert!(shown.contains(name.as_str()), "{name} in {shown}");
        assert!(shown.contains(&parameter["default"].to_string()), "{name} in {shown}");
    }
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
