//! What recipes mean, and what is said about those that are wrong.

use samkit_recipe::{Override, Path, Problem, Recipe, RecipeError, Source, Spot, locate};

const GOOD: &str = "\
version: 1
input: [photos, more/*.png]
output: out
engine: { model: mobile-sam, device: cpu, threads: 2 }
steps:
  - id: fine
    task: edges
    params: { points_per_side: 32 }
    save: [raw]
  - task: everything
    inputs: { boxes: fine }
";

fn parse(text: &str) -> Result<Recipe, RecipeError> {
    Recipe::parse(Source::new("r.yaml", text), &[])
}

fn parse_with(text: &str, changes: &[&str]) -> Result<Recipe, RecipeError> {
    let changes: Result<Vec<Override>, _> = changes.iter().map(|change| change.parse()).collect();
    Recipe::parse(Source::new("r.yaml", text), &changes?)
}

/// The message, then the marked text, the words beside it, and the hint.
fn report(error: &RecipeError) -> String {
    let diagnostic: &dyn miette::Diagnostic = error;
    let mut report = error.to_string();
    for label in diagnostic.labels().into_iter().flatten() {
        let source = diagnostic.source_code().expect("a label has a source");
        let span = source.read_span(label.inner(), 0, 0).expect("the span lies in the text");
        let text = std::str::from_utf8(span.data()).expect("the span cuts no character");
        report += &format!("\n{text} <- {}", label.label().unwrap_or_default());
    }
    if let Some(help) = diagnostic.help() {
        report += &format!("\nhint: {help}");
    }
    report
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = parse(text).expect_err("the recipe is wrong");
    assert_eq!(report(&error), expected);
}

#[test]
fn a_recipe_is_read_with_its_defaults() {
    let recipe = parse(GOOD).unwrap();
    assert_eq!(recipe.input, ["photos", "more/*.png"]);
    assert_eq!(recipe.output.as_deref(), Some("out"));
    assert_eq!(recipe.engine.threads, Some(2));
    assert_eq!(recipe.steps[0].save.as_deref(), Some(&["raw".to_owned()][..]));
    assert_eq!(recipe.steps[1].id, "everything", "the task names the step where no id does");
    assert_eq!(recipe.steps[1].inputs["boxes"], "fine");
    assert_eq!(recipe.steps[0].params["points_per_side"], 32);
    assert_eq!(recipe.steps[1].params.get("points_per_side"), None);
}

#[test]
fn unknown_keys_get_the_nearest_name() {
    refused(
        "version: 1\nstepps: []\n",
        "r.yaml:2:1: unknown key `stepps`\nstepps <- did you mean `steps`?\n\
         hint: the keys here are `version`, `include`, `vars`, `input`, `output`, \
         `report`, `engine`, `steps`",
    );
    refused(
        "version: 1\nsteps:\n  - { task: edges, parms: {} }\n",
        "r.yaml:3:20: unknown key `parms`\nparms <- did you mean `params`?\n\
         hint: the keys here are `id`, `task`, `params`, `inputs`, `save`; \
         parameters of the task stand under `params`, indented",
    );
}

#[test]
fn a_missing_or_foreign_version_is_refused() {
    refused(
        "steps:\n  - task: edges\n",
        "r.yaml:1:1: `version` is missing\nsteps <- `version` belongs in here\n\
         hint: add `version`: the number 1, for this format of recipes",
    );
    refused(
        "version: 7\nsteps:\n  - task: edges\n",
        "r.yaml:1:10: this recipe is of version 7, and this samkit reads version 1\n\
         7 <- expected 1\nhint: a newer samkit may read it",
    );
    refused(
        "version: one\nsteps:\n  - task: edges\n",
        "r.yaml:1:10: `version` is the text `one`, expected the number 1\none <- expected the number 1",
    );
}

#[test]
fn wrong_types_are_shown_at_the_value() {
    refused(
        "version: 1\nengine:\n  threads: many # all\nsteps:\n  - task: edges\n",
        "r.yaml:3:12: `engine.threads` is the text `many`, expected a whole number of at least 1\n\
         many <- expected a whole number of at least 1",
    );
    refused(
        "version: 1\ninput: 7\nsteps:\n  - task: edges\n",
        "r.yaml:2:8: `input` is 7, expected a file, folder or glob, or a list of them\n\
         7 <- expected a file, folder or glob, or a list of them",
    );
}

#[test]
fn a_recipe_without_steps_is_refused() {
    for text in ["version: 1\nsteps: []\n", "version: 1\nsteps:\n", "version: 1\n"] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains("steps"), "{message}");
    }
    assert!(parse("").unwrap_err().to_string().starts_with("r.yaml:1:1: `recipe` is empty"));
}

#[test]
fn two_steps_of_one_id_are_refused_at_the_second() {
    refused(
        "version: 1\nsteps:\n  - { id: a, task: edges }\n  - { id: a, task: edges }\n",
        "r.yaml:4:11: two steps have the id `a`\na <- second step of this name\n\
         hint: give each step an `id` of its own",
    );
    let error = parse("version: 1\nsteps:\n  - task: edges\n  - task: edges\n").unwrap_err();
    assert!(error.to_string().starts_with("r.yaml:4:11: two steps have the id `edges`"));
}

#[test]
fn an_id_that_could_leave_the_output_folder_is_refused() {
    let error = parse("version: 1\nsteps:\n  - { id: ../up, task: edges }\n").unwrap_err();
    assert!(error.to_string().starts_with("r.yaml:3:11: `steps[0].id` is the text `../up`"));
}

#[test]
fn bad_yaml_is_shown_where_the_parser_stopped() {
    let error = parse("version: 1\nsteps: [\n  - task: edges\n").unwrap_err();
    assert!(report(&error).contains("not valid YAML"), "{}", report(&error));
    assert!(error.to_string().starts_with("r.yaml:3:"), "{error}");
}

#[test]
fn a_key_that_stands_twice_is_shown_at_its_second_place() {
    refused(
        "version: 1\nsteps:\n  - task: edges\n    save: raw\n    save: raw\n",
        "r.yaml:5:5: the same key stands here twice\nsave <- second time\nhint: keep one of the two",
    );
}

#[test]
fn faults_found_later_are_shown_at_their_place_or_around_it() {
    let recipe = parse(GOOD).unwrap();
    let error = recipe.param_fault(0, "points_per_side", "32", "a number from 1 to 8");
    assert_eq!(
        report(&error),
        "r.yaml:8:32: `points_per_side` is 32, expected a number from 1 to 8\n\
         32 <- expected a number from 1 to 8"
    );
    let absent = recipe.param_fault(1, "smoothing", "9", "a number from 0 to 8");
    assert!(absent.to_string().starts_with("r.yaml:10:5:"), "{absent}");
    let path = Path::root().key("steps").index(1).key("task");
    let problem = Problem::UnknownName {
        what: "task",
        name: "everything".into(),
        allowed: vec!["edges".into()],
    };
    let error = recipe.fault(&path, Spot::Value, problem);
    assert_eq!(
        report(&error),
        "r.yaml:10:11: unknown task `everything`\neverything <- no such task\nhint: the only task here is `edges`"
    );
}

#[test]
fn overrides_change_values_by_number_and_by_id() {
    let changes = [
        "steps.fine.params.points_per_side=4",
        "steps.1.params.smoothing=2.5",
        "engine.device=auto",
    ];
    let recipe = parse_with(GOOD, &changes).unwrap();
    assert_eq!(recipe.steps[0].params["points_per_side"], 4);
    assert_eq!(recipe.steps[1].params["smoothing"], 2.5);
    assert_eq!(recipe.engine.device.as_deref(), Some("auto"));
}

#[test]
fn an_override_that_is_wrong_is_shown_as_it_was_given() {
    let error = parse_with(GOOD, &["engine.threads=many"]).unwrap_err();
    assert_eq!(
        report(&error),
        "--set:1:16: `engine.threads` is the text `many`, expected a whole number of at least 1\n\
         many <- expected a whole number of at least 1"
    );
    let error = parse_with(GOOD, &["steps.fine.tsak=edges"]).unwrap_err();
    assert!(
        report(&error).starts_with("--set:1:12: unknown key `tsak`\ntsak <- did you mean `task`?")
    );
    let error = parse_with(GOOD, &["steps.fin.task=edges"]).unwrap_err();
    assert_eq!(
        report(&error),
        "cannot apply `--set steps.fin.task=edges`: there is no entry `fin`\nhint: did you mean `fine`?"
    );
    for malformed in ["no-equals", "a..b=1", "=1", "a=[1"] {
        assert!(malformed.parse::<Override>().is_err(), "{malformed}");
    }
}

#[test]
fn positions_survive_comments_quotes_and_wide_characters() {
    let text = "# Größe\nname: \"é\"\nlist:\n  - a\n  - { \"ключ\": 'x y', other: 2 }\n";
    let at = |path: &Path, spot| {
        let position = locate(text, path, spot).expect("the path is there");
        (position.line, position.column, &text[position.offset..][..position.length])
    };
    let entry = Path::root().key("list").index(1);
    assert_eq!(at(&Path::root().key("name"), Spot::Value), (2, 7, "\"é\""));
    assert_eq!(at(&entry.key("ключ"), Spot::Key), (5, 7, "\"ключ\""));
    assert_eq!(at(&entry.key("ключ"), Spot::Value), (5, 15, "'x y'"));
    assert_eq!(at(&entry.key("other"), Spot::Value), (5, 29, "2"));
    assert_eq!(locate(text, &entry.key("absent"), Spot::Key), None);
}

#[test]
fn positions_survive_files_from_windows_and_odd_line_ends() {
    let path = Path::root().key("steps").index(0).key("task");
    for text in [
        "version: 1\r\nsteps:\r\n  - task: edges\r\n",
        "version: 1 # a\u{2028}# b\nsteps:\n  - task: edges\n",
        "# é\u{85}# ü\n\nsteps: [{ a: 1,\n    bc: 字, task: edges }]\n",
    ] {
        let position =
            locate(text, &path, Spot::Value).unwrap_or_else(|| panic!("{text:?} is not found"));
        assert_eq!(&text[position.offset..][..position.length], "edges", "{text:?}");
        let line = text.split('\n').nth(position.line - 1).unwrap();
        let rest: String = line.chars().skip(position.column - 1).collect();
        assert!(rest.starts_with("edges"), "{text:?} {position:?}");
    }
    refused(
        "\u{feff}version: 1\r\nsteps:\r\n  - tsk: edges\r\n    task: edges\r\n",
        "r.yaml:3:5: unknown key `tsk`\ntsk <- did you mean `task`?\n\
         hint: the keys here are `id`, `task`, `params`, `inputs`, `save`; \
         parameters of the task stand under `params`, indented",
    );
}
