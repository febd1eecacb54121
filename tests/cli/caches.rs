//! `--cache` and `engine.cache`: images that were encoded once are not encoded again.

use std::{fs, process::Command};

use crate::support::{Place, Run, needs_weights, scene};

/// A quick run of `edges` on `a.png` with the cache `kept`.
fn edges(place: &Place, output: &str) -> Run {
    let args = ["edges", "a.png", "--points-per-side", "2", "--cache", "kept", "-v"];
    place.run(&[&args[..], &["--output", output]].concat()).exits(0)
}

/// How often the encoder ran, what the cache gave, and where the first image's embedding is from.
fn encoded(place: &Place, output: &str) -> (u64, u64, String) {
    let record = place.json(&format!("{output}/run.json"));
    let count = |name: &str| record["networks"][name].as_u64().expect("a number");
    let origin = record["images"][0]["embedding"].as_str().unwrap_or("none").to_owned();
    (count("images_encoded"), count("embeddings_from_cache"), origin)
}

fn picture() -> Place {
    let place = Place::new();
    place.picture("a.png", &scene(90, 60));
    place
}

#[test]
fn the_second_run_encodes_nothing_and_writes_the_same_bytes() {
    needs_weights!();
    let place = picture();
    edges(&place, "first");
    assert_eq!(encoded(&place, "first"), (1, 0, "encoded".into()));
    edges(&place, "second");
    assert_eq!(encoded(&place, "second"), (0, 1, "cache".into()));
    assert!(place.files("first") == place.files("second"), "the second run wrote other bytes");
    assert_eq!(place.names("kept").len(), 1);
}

#[test]
fn an_image_of_the_same_pixels_is_known_in_another_file_and_for_another_task() {
    needs_weights!();
    let place = picture();
    edges(&place, "first");
    place.picture("copies/b.bmp", &scene(90, 60));
    let point = ["segment", "copies", "--point", "30,30", "--cache", "kept", "--output", "second"];
    place.run(&point).exits(0);
    assert_eq!(encoded(&place, "second"), (0, 1, "cache".into()));
}

#[test]
fn a_truncated_file_is_noted_and_replaced() {
    needs_weights!();
    let place = picture();
    edges(&place, "first");
    let kept = place.files("kept");
    let (name, bytes) = kept.first_key_value().expect("one embedding");
    place.write(&format!("kept/{name}"), &bytes[..bytes.len() / 2]);
    edges(&place, "second").says(&[name, "holds no image embedding"]);
    assert_eq!(encoded(&place, "second"), (1, 0, "encoded".into()));
    assert!(place.files("first") == place.files("second"), "the second run wrote other bytes");
    edges(&place, "third");
    assert_eq!(encoded(&place, "third"), (0, 1, "cache".into()), "the file is whole again");
}

#[test]
fn two_programs_at_once_share_a_folder() {
    needs_weights!();
    let place = picture();
    let start = |output: &str| {
        Command::new(env!("CARGO_BIN_EXE_samkit"))
            .args(["edges", "a.png", "--points-per-side", "2", "--cache", "kept", "-q"])
            .args(["--output", output])
            .current_dir(place.path(""))
            .spawn()
            .expect("the program starts")
    };
    let running = ["first", "second"].map(start);
    for mut program in running {
        assert!(program.wait().expect("it ends").success());
    }
    assert!(place.files("first") == place.files("second"), "they wrote different bytes");
    assert_eq!(place.names("kept").len(), 1, "one embedding and no temporary file");
    edges(&place, "third");
    assert_eq!(encoded(&place, "third"), (0, 1, "cache".into()));
}

#[test]
fn a_recipes_cache_is_relative_to_its_file_and_the_flag_goes_before_it() {
    needs_weights!();
    let place = Place::new();
    place.picture("recipes/a.png", &scene(90, 60));
    place.write(
        "recipes/r.yaml",
        "version: 1\ninput: a.png\noutput: out\nengine: { cache: kept }\n\
         steps:\n  - { task: edges, params: { points_per_side: 2 } }\n",
    );
    place.run(&["run", "recipes/r.yaml"]).exits(0);
    assert_eq!(place.names("recipes/kept").len(), 1);
    place.run(&["run", "recipes/r.yaml", "--cache", "other"]).exits(0);
    assert_eq!(place.names("other").len(), 1);
    assert_eq!(encoded(&place, "recipes/out"), (1, 0, "encoded".into()));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_any_work() {
    let place = picture();
    // A file where the folder should be: holds for every user, the superuser too.
    place.write("taken", "a file");
    let empty = place.path("no-models");
    place
        .run_with(&["edges", "a.png", "--cache", "taken/kept"], |command| {
            command.env("SAMKIT_MODELS_DIR", empty);
        })
        .exits(2)
        .says(&["cannot keep embeddings", "taken/kept", "leave the cache out"]);
    assert_eq!(fs::read(place.path("taken")).expect("the file"), b"a file");
}
