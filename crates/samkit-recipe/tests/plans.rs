//! What right recipes come to.

mod common;

use std::path::Path;

use samkit_recipe::{
    Kind, Link, Override, Plan, Recipe, STDIN, Source, json_schema, plan, template,
};
use serde_json::json;

fn load(path: &str, changes: &[&str]) -> (Recipe, Plan) {
    let source = Source::read(Path::new(path)).unwrap();
    let changes: Vec<Override> = changes.iter().map(|change| change.parse().unwrap()).collect();
    let recipe = Recipe::parse(source, &changes).unwrap_or_else(|error| panic!("{error}"));
    let plan = plan(&recipe, &common::catalogue()).unwrap_or_else(|error| panic!("{error}"));
    (recipe, plan)
}

fn files(plan: &Plan, step: usize) -> Vec<(&str, &str, &str)> {
    let files = plan.steps[step].save.iter();
    files.map(|file| (&*file.product, &*file.folder, &*file.suffix)).collect()
}

#[test]
fn a_chain_is_planned_with_variables_defaults_links_and_files() {
    let (recipe, plan) = load("tests/good/chain.yaml", &[]);
    assert_eq!(recipe.input, ["photos/*.jpg", "more"]);
    assert!(recipe.recursive);
    assert_eq!(recipe.output.as_deref(), Some("out/photos"));

    assert_eq!(
        serde_json::to_value(&plan.steps[0].params).unwrap(),
        json!({
            "score_threshold": 0.5,
            "classes": ["cat", "thing", "costs ${5}"],
            "weights": "tests/good/weights/photos.onnx",
            "tiles": [1, 1]
        }),
        "defaults stand in, variables are filled in, paths are relative to the recipe"
    );
    assert_eq!(plan.steps[2].params["points_per_side"], 32, "a whole variable keeps its type");
    assert_eq!(
        plan.steps[1].inputs,
        [Link { input: "boxes".into(), step: 0, output: "sure".into(), kind: Kind::Boxes }],
        "the image comes from the run"
    );
    assert_eq!(plan.steps[3].inputs[0].step, 2, "inputs stand in the order of their names");
    assert_eq!(plan.steps[3].inputs[1].step, 1);

    assert_eq!(files(&plan, 0), []);
    assert_eq!(
        files(&plan, 1),
        [("masks", "fill", "masks.json"), ("overlay", "fill", "overlay.png")]
    );
    assert_eq!(
        files(&plan, 2),
        [("thinned", "lines", "edges.png"), ("raw", "lines", "edges.raw.png")]
    );
}

#[test]
fn a_single_writer_needs_no_folder_and_a_product_waits_for_its_parameter() {
    let (_, plan) = load("tests/good/smallest.yaml", &[]);
    assert_eq!(files(&plan, 0), [("thinned", "", "edges.png"), ("overlay", "", "overlay.png")]);
    let (_, plan) = load("tests/good/smallest.yaml", &["steps.edges.params.threshold=0.5"]);
    assert_eq!(files(&plan, 0)[1], ("binary", "", "edges.binary.png"));
}

#[test]
fn variables_can_be_set() {
    let changes = ["vars.folder=new", "vars.points=4", "vars.save=raw"];
    let (recipe, plan) = load("tests/good/chain.yaml", &changes);
    assert_eq!(recipe.input[0], "new/*.jpg");
    assert_eq!(plan.steps[2].params["points_per_side"], 4);
    assert_eq!(files(&plan, 2), [("raw", "lines", "edges.raw.png")]);
}

#[test]
fn an_included_recipe_holds_where_this_one_is_silent() {
    let (recipe, plan) = load("tests/good/include.yaml", &[]);
    assert_eq!(recipe.input, ["images"]);
    assert_eq!(recipe.input_folder(), Path::new("tests/good/parts"), "who names it counts");
    assert_eq!(recipe.output.as_deref(), Some("here"));
    assert_eq!(recipe.output_folder(), Path::new("tests/good"));
    assert_eq!(recipe.engine.model.as_deref(), Some("sam-vit-b"), "included twice over");
    assert_eq!(recipe.engine.threads, Some(4));

    let ids: Vec<_> = plan.steps.iter().map(|step| &*step.id).collect();
    assert_eq!(ids, ["find", "lines", "words"], "included steps first, new ones after them");
    assert_eq!(plan.steps[0].params["weights"], "tests/good/parts/detect.onnx");
    assert_eq!(plan.steps[1].params["points_per_side"], 24, "the variable is that of this recipe");
    assert_eq!(plan.steps[1].params["smoothing"], 2);
    assert_eq!(files(&plan, 1), [("raw", "lines", "edges.raw.png")]);

    let changes = ["steps.find.params.weights=mine.onnx", "input=mine"];
    let (recipe, plan) = load("tests/good/include.yaml", &changes);
    assert_eq!(plan.steps[0].params["weights"], "tests/good/mine.onnx");
    assert_eq!(recipe.input_folder(), Path::new("tests/good"));
}

#[test]
fn aliases_are_values_and_whole_numbers_may_have_a_point() {
    let (recipe, plan) = load("tests/good/anchors.yaml", &[]);
    assert_eq!(recipe.input, [STDIN]);
    assert!(!recipe.recursive);
    assert_eq!(plan.steps[1].params, plan.steps[0].params);
    assert_eq!(plan.steps[1].params["points_per_side"].to_string(), "64");
    assert_eq!(plan.steps[1].params["threshold"], json!(null));
}

#[test]
fn an_input_that_matches_nothing_is_shown_where_it_is_named() {
    let (recipe, _) = load("tests/good/chain.yaml", &[]);
    let error = recipe.input_fault(1, "there is no file or folder `more`", "check the spelling");
    assert_eq!(error.to_string(), "tests/good/chain.yaml:8:37: there is no file or folder `more`");
    let (recipe, _) = load("tests/good/chain.yaml", &["input=[a, b]"]);
    let error = recipe.input_fault(1, "there is no file or folder `b`", "check the spelling");
    assert_eq!(error.to_string(), "--set:1:7: there is no file or folder `b`");
    let (recipe, _) = load("tests/good/include.yaml", &[]);
    let error = recipe.input_fault(0, "no images", "look elsewhere");
    assert_eq!(error.to_string(), "tests/good/parts/base.yaml:4:8: no images");
}

#[test]
fn a_new_recipe_of_every_task_is_right_at_once() {
    let catalogue = common::catalogue();
    for task in &catalogue.tasks {
        let text = template(task, &catalogue);
        let (_, plan) = Recipe::parse_and_plan(Source::new("new.yaml", &*text), &[], &catalogue)
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(plan.steps.last().unwrap().task, task.name);
    }
    for name in ["instances", "edges"] {
        let text = template(catalogue.find(name).unwrap(), &catalogue);
        let snapshot = format!("tests/new/{name}.yaml");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&snapshot, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(snapshot).unwrap());
    }
}

#[test]
fn the_schema_for_editors_knows_every_task_and_is_always_the_same() {
    let mut catalogue = common::catalogue();
    let schema = json_schema(&catalogue);
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let step = &schema["definitions"]["step"];
    assert_eq!(
        step["properties"]["task"]["enum"],
        json!(["caption", "compare", "detect", "edges", "instances"])
    );
    assert_eq!(step["allOf"].as_array().unwrap().len(), 5);
    let edges = &schema["definitions"]["params-edges"];
    assert_eq!(edges["additionalProperties"], json!(false));
    assert_eq!(
        edges["properties"]["thinning"]["anyOf"][0]["$ref"],
        "#/definitions/params-edges/$defs/Thinning"
    );
    assert!(schema.pointer("/definitions/params-edges/$defs/Thinning").is_some());

    catalogue.tasks.reverse();
    assert_eq!(json_schema(&catalogue).to_string(), schema.to_string());
}
