//! What is said about wrong recipes: each file of `tests/bad` beside what people see of it.
//!
//! A file can begin with `# set: PATH=VALUE`, which is then given like `--set`. With
//! `UPDATE_SNAPSHOTS=1` in the environment, what people see is written anew; read it aloud before
//! it is kept.

mod common;

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use samkit_recipe::{Override, Recipe, RecipeError, Source};

fn check(path: &str) -> Result<(), RecipeError> {
    let source = Source::read(Path::new(path))?;
    let set = source.text().lines().next().and_then(|line| line.strip_prefix("# set: "));
    let overrides: Vec<Override> = set.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    Recipe::parse_and_plan(source, &overrides, &common::catalogue()).map(drop)
}

/// The wrong recipes, in the order of their names.
fn recipes() -> Vec<String> {
    let entries = std::fs::read_dir("tests/bad").expect("the folder is there");
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut paths: Vec<_> = names
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| format!("tests/bad/{name}"))
        .collect();
    paths.sort();
    paths
}

fn report(error: &RecipeError) -> String {
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut report = String::new();
    handler.render_report(&mut report, error).expect("texts can be written to");
    report.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn every_wrong_recipe_is_explained() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let recipes = recipes();
    assert!(recipes.len() >= 40, "only {} wrong recipes", recipes.len());
    let mut differing = Vec::new();
    for path in recipes {
        let Err(error) = check(&path) else { panic!("{path} is right") };
        let said = report(&error);
        let snapshot = path.replace(".yaml", ".txt");
        if update {
            std::fs::write(&snapshot, said).expect("snapshots can be written");
        } else if std::fs::read_to_string(&snapshot).unwrap_or_default() != said {
            differing.push(format!("{snapshot} is now\n{said}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn no_message_is_longer_than_a_few_lines_for_each_error() {
    for path in recipes() {
        let error = check(&path).expect_err("the recipe is wrong");
        let lines = report(&error).lines().count();
        let errors = error.each().len();
        assert!(lines <= 16 * errors + 8, "{path}: {lines} lines for {errors} errors");
    }
}
