//! What is named as images: lists on standard input, and names that match nothing.

use std::fs::File;

use crate::support::{Place, Run, scene};

/// The program with `list` on standard input, without weights.
fn piped(place: &Place, list: impl AsRef<[u8]>, args: &[&str]) -> Run {
    let list = place.write("list.txt", list);
    let empty = place.path("no-models");
    place.run_with(args, |command| {
        command.env("SAMKIT_MODELS_DIR", empty).stdin(File::open(list).expect("it was written"));
    })
}

fn names(run: &Run) -> Vec<String> {
    let plan = run.json();
    let images = plan["images"].as_array().expect("a list of images");
    images.iter().map(|image| image.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn standard_input_lists_images() {
    let place = Place::new();
    for name in ["a.png", "sub/b.png", "c.png"] {
        place.picture(name, &scene(8, 8));
    }
    let list = "sub/b.png\n\na.png\r\n";
    let run = piped(&place, list, &["edges", "-", "c.png", "--dry-run", "--json"]).exits(0);
    assert_eq!(names(&run), ["sub/b.png", "a.png", "c.png"]);

    // Also in a recipe that lies elsewhere.
    let steps = "steps:\n  - task: edges\n";
    place.write("sub/r.yaml", format!("version: 1\ninput: [\"-\", b.png]\n{steps}"));
    let args = ["run", "sub/r.yaml", "--dry-run", "--json"];
    assert_eq!(names(&piped(&place, "a.png\n", &args).exits(0)), ["a.png", "sub/b.png"]);
    let args = ["run", "sub/r.yaml", "--input", "-", "--dry-run", "--json"];
    assert_eq!(names(&piped(&place, "c.png\n", &args).exits(0)), ["c.png"]);
}

#[test]
fn a_bad_list_is_refused_with_its_line() {
    let place = Place::new();
    place.picture("a.png", &scene(8, 8));
    let refused = |list: &[u8], args: &[&str], parts: &[&str]| {
        piped(&place, list, args).exits(2).says(parts);
    };
    let edges = ["edges", "-"];
    refused(b"a.png\nnothing.png\n", &edges, &["line 2 of standard input", "`nothing.png`"]);
    refused(b"\n", &edges, &["standard input names no images", "ls *.jpg"]);
    refused(b"\xff\xfe\n", &edges, &["line 1 of standard input", "not UTF-8"]);
    refused(b"a.png\n", &["edges", "-", "a.png", "-"], &["`-` is there twice"]);
    refused(b"a.png\n", &["edges", "-", "no.png"], &["no file or folder `no.png`"]);
}

#[test]
fn an_input_that_matches_nothing_is_shown_in_the_recipe() {
    let place = Place::new();
    place.picture("a.png", &scene(8, 8));
    place.write("empty/notes.txt", "");
    let check = |input: &str, parts: &[&str]| {
        let steps = "steps:\n  - task: edges\n";
        place.write("r.yaml", format!("version: 1\ninput:\n  - a.png\n  - {input}\n{steps}"));
        piped(&place, "a.png\nno.png\n", &["run", "r.yaml"]).exits(2).says(parts);
    };
    check("b.png", &["r.yaml:4:5", "no file or folder `b.png`", "- b.png", "the recipe's folder"]);
    check("'*.jpg'", &["r.yaml:4:5", "*.jpg"]);
    check("empty", &["r.yaml:4:5", "no images in the folder `empty`", "recursive: true"]);
    check("'-'", &["r.yaml:4:5", "line 2 of standard input", "`no.png`"]);
}
