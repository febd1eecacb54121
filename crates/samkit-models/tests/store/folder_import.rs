//! Folders that the user brings.

use std::fs;
use std::path::PathBuf;

use samkit_models::{HashFrom, ImportOptions, LocalModel, ModelError, ModelSpec, Silent, Status};

use crate::hub::*;
use crate::support::*;

const KNOWN: ImportOptions = ImportOptions { allow_unknown: false };
const ANY: ImportOptions = ImportOptions { allow_unknown: true };

fn spec(pinned: bool) -> ModelSpec {
    // Nobody is asked.
    clip(&Server::answering(Vec::new()), pinned)
}

/// A folder of the user's with the three files, after `change`.
fn brought(
    folder: &Folder,
    change: impl Fn(&mut std::collections::BTreeMap<&str, Vec<u8>>),
) -> PathBuf {
    let mut files = files();
    change(&mut files);
    let dir = folder.path().join("mine");
    fs::create_dir(&dir).expect("writable");
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).expect("writable");
    }
    dir
}

fn import(
    folder: &Folder,
    spec: &ModelSpec,
    path: PathBuf,
    options: ImportOptions,
) -> Result<LocalModel, ModelError> {
    folder.store.import(spec, &[path], &options, &Silent)
}

/// Why such a folder is refused, even where strangers are allowed.
fn refusal(change: impl Fn(&mut std::collections::BTreeMap<&str, Vec<u8>>)) -> String {
    let folder = Folder::new();
    let dir = brought(&folder, change);
    let error = import(&folder, &spec(false), dir, ANY).expect_err("refused");
    assert_eq!(folder.left(), [""; 0], "a refused import leaves nothing");
    error.to_string()
}

#[test]
fn the_registrys_files_are_known_and_other_files_stay_where_they_are() {
    let (folder, spec) = (Folder::new(), spec(true));
    let dir = brought(&folder, |files| drop(files.insert("README.md", b"# CLIP".to_vec())));
    let local = import(&folder, &spec, dir.clone(), KNOWN).expect("known");
    assert!(local.known && local.source.ends_with("/model.safetensors"), "{}", local.source);
    assert!(local.files.iter().all(|file| file.hash_from == HashFrom::Registry));
    assert_eq!(local.path, folder.store.path(&spec));
    assert_eq!(fs::read_dir(&local.path).expect("a folder").count(), 3);
    assert_eq!(fs::read_dir(dir).expect("a folder").count(), 4, "copied, not moved");
    assert_eq!(folder.store.verify(&spec).expect("stored"), local);
}

#[test]
fn where_nothing_is_pinned_a_folder_is_taken_and_not_called_known() {
    let (folder, spec) = (Folder::new(), spec(false));
    let dir = brought(&folder, |_| ());
    let local = import(&folder, &spec, dir, KNOWN).expect("nobody can say that it is wrong");
    assert_eq!((local.known, &local.source[..]), (false, "import of mine"));
    assert!(local.files.iter().all(|file| file.hash_from == HashFrom::Import));
    folder.store.verify(&spec).expect("stored");
}

#[test]
fn a_stranger_is_refused_with_both_hashes_and_taken_when_allowed() {
    for name in NAMES {
        let (folder, spec) = (Folder::new(), spec(true));
        let dir = brought(&folder, |files| {
            let bytes = files.get_mut(name).expect("one of the three");
            match name {
                "model.safetensors" => *bytes.last_mut().expect("not empty") ^= 1,
                _ => bytes.push(b'\n'),
            }
        });
        let bytes = fs::read(dir.join(name)).expect("brought");
        let message = import(&folder, &spec, dir.clone(), KNOWN).expect_err("unknown").to_string();
        assert!(message.contains(&sha256(&bytes)) && message.contains(name), "{message}");
        assert!(message.contains(&sha256(&files()[name])), "{message}");
        assert_eq!(folder.store.status(&spec), Status::Missing);
        let local = import(&folder, &spec, dir, ANY).expect("allowed");
        assert!(!local.known, "{name}");
    }
}

#[test]
fn pytorch_weights_will_do_where_there_are_no_safetensors() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/wrapped_model.pt");
    let folder = Folder::new();
    let dir = brought(&folder, |files| {
        files.remove("model.safetensors");
        files.insert("pytorch_model.bin", fs::read(fixture).expect("a fixture"));
    });
    let local = import(&folder, &spec(false), dir, ANY).expect("a state dict");
    assert_eq!(local.files[0].name, "model.safetensors");
    assert_eq!(local.files[0].hash_from, HashFrom::Converted);
    folder.store.verify(&spec(false)).expect("stored");
}

#[test]
fn each_missing_file_is_named() {
    for name in NAMES {
        let reason = refusal(|files| drop(files.remove(name)));
        assert!(reason.ends_with(&format!("it has no `{name}`")), "{reason}");
    }
}

#[test]
fn files_that_are_not_what_they_are_called_are_refused() {
    let set = |name: &'static str, bytes: &'static [u8]| {
        refusal(move |files| drop(files.insert(name, bytes.to_vec())))
    };
    for (reason, expected) in [
        (set("config.json", br#"{"model_type": "bert"}"#), "describes no CLIP"),
        (set("config.json", br#"{"text_config": {}}"#), "describes no CLIP"),
        (set("config.json", b""), "config.json as JSON"),
        (set("tokenizer.json", br#"{"model": "#), "tokenizer.json as JSON"),
        (set("tokenizer.json", b"[]"), "expected an object"),
        (set("model.safetensors", b"version https://git-lfs.github.com/spec/v1"), "Git LFS"),
        (set("model.safetensors", b"<!DOCTYPE html>"), "web page"),
        (set("model.safetensors", b"\x02\0\0\0\0\0\0\0{}more"), "as safetensors"),
    ] {
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_config_with_both_towers_needs_no_model_type() {
    let folder = Folder::new();
    let dir = brought(&folder, |files| {
        drop(files.insert("config.json", br#"{"text_config": {}, "vision_config": {}}"#.to_vec()));
    });
    import(&folder, &spec(false), dir, KNOWN).expect("a CLIP");
}

#[test]
fn one_folder_is_wanted_and_no_file() {
    let (folder, spec) = (Folder::new(), spec(true));
    let dir = brought(&folder, |_| ());
    let file = dir.join("model.safetensors");
    let error = import(&folder, &spec, file.clone(), ANY).expect_err("a file").to_string();
    assert!(error.ends_with("it is not a folder"), "{error}");
    let both = folder.store.import(&spec, &[dir, file], &ANY, &Silent);
    assert!(matches!(both, Err(ModelError::IncompleteFolder { .. })), "{both:?}");
}
