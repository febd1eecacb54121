//! Segments by description, and names for masks. CLIP is the small one of `tests/data/clip-shapes`.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Place, needs_weights};

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/clip-shapes");

/// A red circle and a blue square on grey.
fn place() -> Place {
    let place = Place::new();
    let picture = RgbImage::from_fn(320, 240, |x, y| {
        let is_circle = (f64::from(x) - 90.0).hypot(f64::from(y) - 120.0) < 45.0;
        let is_square = (200..280).contains(&x) && (80..160).contains(&y);
        match (is_circle, is_square) {
            (true, _) => Rgb([215, 35, 40]),
            (_, true) => Rgb([40, 70, 210]),
            _ => Rgb([150, 150, 145]),
        }
    });
    place.picture("a.png", &picture);
    place
}

/// The cosine is the one that the small CLIP was trained to tell right from wrong by.
const QUICK: [&str; 8] =
    ["--clip-model", CLIP, "--min-similarity", "0.55", "--points-per-side", "8", "--output", "out"];

fn labels(masks: &Value) -> Vec<&str> {
    let masks = masks.as_array().expect("a list");
    masks.iter().map(|mask| mask["label"].as_str().expect("a label")).collect()
}

#[test]
fn queries_find_what_is_there_and_nothing_else() {
    needs_weights!();
    let place = place();
    let queries = ["--query", "a red circle", "-Q", "a blue square", "-Q", "a green star"];
    let args = ["text", "a.png", "--save", "masks,overlay,relevance,classes,coco"];
    let run = place.run(&[&args[..], &queries[..], &QUICK[..]].concat()).exits(0);
    run.says(&["nothing fits `a green star`"]);
    let masks = place.json("out/a.text.json");
    assert_eq!(labels(&masks), ["a red circle", "a blue square"]);
    // Areas of a disc of 45 pixels and of a square of 80.
    for (mask, area) in [(&masks[0], 6362.0), (&masks[1], 6400.0)] {
        let found = mask["area"].as_f64().expect("an area");
        assert!((found / area - 1.0).abs() < 0.1, "{found}, expected {area}");
    }
    let relevance = image::open(place.path("out/a.text.relevance.png")).expect("a picture");
    let relevance = relevance.to_luma16();
    assert!(relevance.get_pixel(90, 120)[0] > 40_000 && relevance.get_pixel(2, 2)[0] < 20_000);
    let classes = image::open(place.path("out/a.classes.png")).expect("a picture").to_luma16();
    assert_eq!([classes.get_pixel(90, 120)[0], classes.get_pixel(240, 120)[0]], [1, 2]);
    let legend = std::fs::read_to_string(place.path("out/classes.csv")).expect("a legend");
    assert_eq!(legend, "id,name\n1,a red circle\n2,a blue square\n");
    assert_eq!(place.json("out/coco.json")["categories"][1]["name"], "a blue square");
}

#[test]
fn nothing_found_is_a_result() {
    needs_weights!();
    let place = place();
    let args = ["text", "a.png", "--query", "a yellow ring"];
    let run = place.run(&[&args[..], &QUICK[..]].concat()).exits(0);
    run.says(&["64 prompts an image", "nothing fits `a yellow ring`", "below 0.5"]);
    assert_eq!(place.json("out/a.text.json"), json!([]));
}

#[test]
fn masks_get_names_out_of_a_vocabulary() {
    needs_weights!();
    let place = place();
    let recipe = format!(
        "version: 1\ninput: a.png\noutput: out\nsteps:\n  - id: parts\n    task: everything\n    \
         params: {{ points_per_side: 8 }}\n    save: []\n  - id: names\n    task: semantic\n    \
         inputs: {{ masks: parts }}\n    params:\n      vocabulary: [blue square, green star, red \
         circle]\n      model: {CLIP}\n    save: [masks, areas, classes, overlay]\n"
    );
    place.write("r.yaml", recipe);
    place.run(&["run", "r.yaml"]).exits(0);
    let masks = place.json("out/a.semantic.json");
    let mut names = labels(&masks);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["blue square", "red circle"]);
    let classes = image::open(place.path("out/a.classes.png")).expect("a picture").to_luma16();
    assert_eq!([classes.get_pixel(90, 120)[0], classes.get_pixel(240, 120)[0]], [3, 1]);
    let areas = std::fs::read_to_string(place.path("out/a.semantic.areas.csv")).expect("a table");
    assert!(areas.starts_with("class,masks,pixels,share\nblue square,"), "{areas}");
}

#[test]
fn missing_weights_are_one_message_with_everything() {
    let place = place();
    let models = place.path("models");
    let run = place.run_with(
        &["text", "a.png", "--query", "a cat", "--offline", "--output", "out"],
        |command| _ = command.env("SAMKIT_MODELS_DIR", &models),
    );
    let run = run.exits(2).says(&[
        // As for Segment Anything's weights: the plugin that asked does not matter.
        "× the weights of clip-vit-b32 are not in",
        "help: needed: model.safetensors",
        "607 MB",
        "samkit models pull clip-vit-b32",
        "samkit models import clip-vit-b32 FOLDER",
    ]);
    assert!(!run.stderr.contains("samkit.clip"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("https://").count(), 1, "{}", run.stderr);
    assert!(!place.path("models/clip-vit-b32").exists() && place.names("out").is_empty());
}

#[test]
fn wrong_requests_end_before_anything_runs() {
    let place = place();
    let text = |more: &[&str]| place.run(&[&["text", "a.png", "--output", "out"], more].concat());
    text(&[]).exits(2).says(&["--query"]);
    let model = ["--query", "a cat", "--clip-model", "no-such-folder"];
    text(&model).exits(2).says(&[
        "× `no-such-folder` is no model of CLIP",
        "clip-vit-b32",
        "folder",
    ]);
    let misspelt = ["--query", "a cat", "--clip-model", "clip-vit-b23"];
    text(&misspelt).exits(2).says(&["`clip-vit-b23`", "help: did you mean `clip-vit-b32`?"]);
    let other = ["--query", "a cat", "--clip-model", "mobile-sam"];
    text(&other).exits(2).says(&["`mobile-sam` is a model, but not one of CLIP"]);
    let file = ["--query", "a cat", "--clip-model", "a.png"];
    text(&file).exits(2).says(&["`a.png` is a file", "help: expected", "config.json"]);
    let template = ["--query", "a cat", "--template", "a photo"];
    text(&template).exits(2).says(&["`--template`", "`{}`"]);
    text(&["-Q", "a cat", "-Q", "a cat"]).exits(2).says(&["`--query`", "`a cat` twice"]);
    text(&["-Q", "a cat", "--model", "clip-vit-b32"]).exits(2).says(&["not Segment Anything"]);
    let recipe =
        "version: 1\ninput: a.png\nsteps:\n  - task: text\n    params: { querys: [cat] }\n";
    place.write("r.yaml", recipe);
    place.run(&["run", "r.yaml"]).exits(2).says(&["querys", "queries"]);
    assert!(place.names("out").is_empty());
}
