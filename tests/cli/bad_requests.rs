//! Requests that are wrong: one message with a hint, exit code 2, and nothing has happened.

use crate::support::{Place, Run, scene, text};

/// A place with one image and no weights: what gets as far as needing them fails with another
/// message than the tests expect.
fn place() -> Place {
    let place = Place::new();
    place.picture("a.png", &scene(64, 48));
    place
}

fn run(place: &Place, args: &[&str]) -> Run {
    let empty = place.path("no-models");
    place.run_with(args, |c| _ = c.env("SAMKIT_MODELS_DIR", empty))
}

#[track_caller]
fn refused(args: &[&str], parts: &[&str]) {
    let place = place();
    let run = run(&place, args).exits(2).says(parts);
    assert_eq!(run.stdout, "");
    assert!(!place.path("samkit-out").exists(), "nothing was written");
}

#[test]
fn a_value_out_of_range() {
    refused(&["edges", "a.png", "--points-per-side", "0"], &["--points-per-side", "1 to 256"]);
    refused(&["edges", "a.png", "--box-nms-thresh", "NaN"], &["--box-nms-thresh", "0 to 1"]);
    refused(&["everything", "a.png", "--crop-n-layers", "99"], &["--crop-n-layers", "0 to 4"]);
}

#[test]
fn a_value_that_is_no_number() {
    let side = &["edges", "a.png", "--points-per-side", "many"];
    refused(side, &["--points-per-side", "expected a whole number"]);
    refused(&["edges", "a.png", "--smoothing", "much"], &["--smoothing", "expected a number"]);
    refused(&["edges", "a.png", "--threads", "0"], &["--threads", "a whole number from 1"]);
}

#[test]
fn an_unknown_name() {
    refused(&["edges", "a.png", "--thinning", "sobel"], &["canny", "structured-edges"]);
    refused(&["edges", "a.png", "--save", "thin"], &["`thin`", "`thinned`"]);
    refused(&["edges", "a.png", "--device", "gpu"], &["`cuda`"]);
    refused(&["edges", "a.png", "--model", "mobilesam"], &["did you mean `mobile-sam`?"]);
    refused(&["edges", "a.png", "--save", "binary"], &["--threshold"]);
}

#[test]
fn an_unknown_flag() {
    refused(&["edges", "a.png", "--point-per-side", "4"], &["--points-per-side"]);
}

#[test]
fn no_image() {
    refused(&["edges"], &["<IMAGE>"]);
    refused(&["edges", "b.png"], &["b.png"]);
    refused(&["edges", "*.tiff"], &["*.tiff"]);
}

#[test]
fn a_folder_without_images() {
    let place = place();
    place.write("notes/readme.txt", "nothing to see");
    run(&place, &["edges", "notes"]).exits(2).says(&["notes"]);
}

#[test]
fn a_folder_that_is_input_and_output() {
    let place = place();
    place.picture("in/b.png", &scene(64, 48));
    run(&place, &["edges", "in", "--output", "in"])
        .exits(2)
        .says(&["`in` is the output folder too", "another output folder"]);
    assert_eq!(place.names("in"), ["b.png"]);
}

#[test]
fn a_point_outside_the_image() {
    refused(&["segment", "a.png", "--point", "64,10"], &["(64, 10)", "64×48", "from 0 to 63"]);
    refused(&["segment", "a.png", "--point", "-1,10"], &["(-1, 10)", "64×48"]);
}

#[test]
fn an_inverted_box() {
    refused(&["segment", "a.png", "--box", "40,10,20,30"], &["inverted", "x0 < x1"]);
    refused(&["segment", "a.png", "--box", "10,10,20,49"], &["64×48"]);
}

#[test]
fn a_prompt_that_is_no_number() {
    refused(&["segment", "a.png", "--point", "NaN,3"], &["`NaN` is not a finite number"]);
    refused(&["segment", "a.png", "--point", "3"], &["x,y"]);
    refused(&["segment", "a.png", "--point", "3,4,2"], &["label 0 or 1"]);
    refused(&["segment", "a.png"], &["--point"]);
}

#[test]
fn a_mask_prompt_that_is_none() {
    let place = place();
    place.write("m.npy", "not numpy");
    run(&place, &["segment", "a.png", "--mask", "m.npy"]).exits(2).says(&["m.npy", "256×256"]);
}

#[test]
fn point_grids_of_the_wrong_form() {
    let place = place();
    run(&place, &["everything", "a.png", "--point-grids", "gone.json"])
        .exits(2)
        .says(&["gone.json", "expected the path of a JSON file"]);
    place.write("g.json", "[[0.5, 0.5]]");
    run(&place, &["everything", "a.png", "--point-grids", "g.json"])
        .exits(2)
        .says(&["g.json", "[[["]);
    place.write("g.json", "[[[0.5, 7]]]");
    run(&place, &["everything", "a.png", "--point-grids", "g.json"])
        .exits(2)
        .says(&["point-grids"]);
}

#[test]
fn an_unwritable_output_folder() {
    let place = place();
    // A file where the folder should be: holds for every user, the superuser too.
    place.write("taken", "a file");
    let run = run(&place, &["edges", "a.png", "--output", "taken/out"]);
    run.exits(2).says(&["cannot write to the output folder", "taken is a file", "--output"]);
    let run = self::run(&place, &["edges", "a.png", "--output", "taken"]);
    run.exits(2).says(&["the output folder taken: taken is a file", "help: name a folder"]);
    assert_eq!(std::fs::read_to_string(place.path("taken")).expect("still there"), "a file");
}

#[test]
fn missing_weights() {
    let place = place();
    let run = run(&place, &["edges", "a.png", "--offline"]);
    run.exits(2).says(&["mobile-sam", "--offline", "samkit models"]);
    // Weights that a plugin asks for are told alike.
    let run = self::run(&place, &["detect", "a.png", "--offline"]);
    run.exits(2).says(&["× the weights of ssdlite-mobilenet-v2 are not", "help: drop `--offline`"]);
}

#[test]
fn damaged_weights() {
    let place = place();
    place.write("no-models/mobile-sam.safetensors", "cut off");
    run(&place, &["edges", "a.png", "--offline"]).exits(2).says(&["damaged", "samkit models pull"]);
}

#[test]
fn no_network() {
    let place = place();
    let empty = place.path("no-models");
    let run = place.run_with(&["edges", "a.png"], |command| {
        // Nothing listens there, and without PATH there is no npm.
        let nowhere = "http://127.0.0.1:9";
        command.env("SAMKIT_MODELS_DIR", empty).env("PATH", "");
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(name, nowhere);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
    });
    run.exits(2).says(&["no source of mobile-sam worked", "samkit models import"]);
    assert!(!place.path("no-models/mobile-sam.safetensors").exists());
}

#[test]
fn a_dry_run_checks_and_writes_nothing() {
    let place = place();
    let run = run(&place, &["edges", "a.png", "--dry-run"]).exits(0);
    assert!(run.stdout.contains("a.png") && run.stdout.contains("mobile-sam"), "{}", run.stdout);
    assert!(!place.path("samkit-out").exists());
    let path = place.path("missing.png");
    self::run(&place, &["edges", text(&path), "--dry-run"]).exits(2).says(&["missing.png"]);
}
