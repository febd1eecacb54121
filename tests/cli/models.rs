//! `samkit models`: weights on this machine.

use std::fs;

use crate::support::{Place, needs_weights};

#[test]
fn the_list_is_a_table_and_json() {
    let place = Place::new();
    let empty = place.path("models");
    let run =
        |args: &[&str]| place.run_with(args, |c| _ = c.env("SAMKIT_MODELS_DIR", &empty)).exits(0);
    let table = run(&["models", "list"]).stdout;
    assert!(table.contains("mobile-sam") && table.contains("not here"), "{table}");
    let list = run(&["models", "list", "--json"]).json();
    assert_eq!(list["models"][0]["id"], "mobile-sam");
    assert_eq!(list["models"][0]["status"], "missing");
    assert!(!empty.exists(), "looking makes no folder");
}

#[test]
fn the_path_is_one_line() {
    let place = Place::new();
    let run = place
        .run_with(&["models", "path", "mobile-sam"], |c| _ = c.env("SAMKIT_MODELS_DIR", "m"))
        .exits(0);
    assert_eq!(run.stdout.trim_end(), "m/mobile-sam.safetensors");
    place.run(&["models", "path", "sam-b"]).exits(2).says(&["sam-vit-b"]);
}

#[test]
fn verifying_finds_a_single_changed_byte() {
    needs_weights!();
    let weights = samkit_models::testing::local_or_skip("mobile-sam").expect("just there");
    let place = Place::new();
    let mut bytes = fs::read(&weights).unwrap();
    let manifest = fs::read(weights.with_extension("json")).unwrap();
    place.write("m/mobile-sam.json", manifest);
    let verify = |bytes: &[u8]| {
        place.write("m/mobile-sam.safetensors", bytes);
        place.run_with(&["models", "verify"], |c| _ = c.env("SAMKIT_MODELS_DIR", "m"))
    };
    let run = verify(&bytes).exits(0);
    assert!(run.stdout.contains("mobile-sam: ok"), "{}", run.stdout);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let run = verify(&bytes).exits(1);
    assert!(run.stdout.contains("FAILED") && run.stdout.contains("SHA-256"), "{}", run.stdout);
}

#[test]
fn a_file_that_is_no_known_weights_is_not_imported() {
    let place = Place::new();
    place.write("w.pth", "something else");
    place
        .run_with(&["models", "import", "mobile-sam", "w.pth"], |c| {
            _ = c.env("SAMKIT_MODELS_DIR", "m");
        })
        .exits(2)
        .says(&["w.pth", "SHA-256"]);
    assert!(!place.path("m/mobile-sam.safetensors").exists());
}
