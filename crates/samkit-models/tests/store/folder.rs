//! Models that are a folder of files, from a hub, and every way in which that fails.

use std::fs;

use miette::Diagnostic;
use safetensors::SafeTensors;
use samkit_models::{
    Conversion, HashFrom, ModelError, ModelSpec, PullOptions, Silent, Source, Status, find,
};

use crate::hub::*;
use crate::support::*;

const DEFAULT: PullOptions = PullOptions { offline: false, source: None, force: false };
const OFFLINE: PullOptions = PullOptions { offline: true, ..DEFAULT };
const STORED: [&str; 2] = ["test-model", "test-model.json"];

/// Pulls and returns why that failed.
fn refusal(spec: &ModelSpec) -> ModelError {
    let folder = Folder::new();
    let error = folder.store.pull(spec, &DEFAULT, &Silent);
    assert_eq!(folder.left(), [""; 0], "a failed pull leaves nothing");
    assert_eq!(folder.store.status(spec), Status::Missing);
    match error {
        Err(ModelError::FolderMissing { mut attempts, .. }) => {
            assert_eq!(attempts.len(), 1);
            attempts.remove(0).error
        }
        other => panic!("expected a failed source, got {other:?}"),
    }
}

/// The three files with one of them changed.
fn files_but(
    name: &'static str,
    bytes: &[u8],
) -> std::collections::BTreeMap<&'static str, Vec<u8>> {
    let mut files = files();
    files.insert(name, bytes.to_vec());
    files
}

#[test]
fn pinned_files_become_a_folder_as_they_are() {
    let (folder, (hub, _storage)) = (Folder::new(), honest());
    let spec = clip(&hub, true);
    let local = folder.store.ensure(&spec, &DEFAULT, &Silent).expect("offered");

    assert_eq!(folder.left(), STORED);
    assert_eq!(local.path, folder.store.dir().join("test-model"));
    assert_eq!(local.source, format!("{}/model.safetensors", hub.url));
    let files = files();
    for (file, name) in local.files.iter().zip(NAMES) {
        assert_eq!(file.name, name);
        assert_eq!(fs::read(local.path.join(name)).expect("stored"), files[name]);
        assert_eq!((file.size, &file.sha256), (files[name].len() as u64, &sha256(&files[name])));
        assert_eq!(file.hash_from, HashFrom::Registry);
    }
    assert_eq!(local.size, files.values().map(|bytes| bytes.len() as u64).sum::<u64>());
    assert_eq!(local.source_sha256, NAMES.map(|name| sha256(&files[name])));
    let lines = NAMES.map(|name| format!("{}  {name}\n", sha256(&files[name])));
    assert_eq!(local.sha256, sha256(lines.concat().as_bytes()));
    assert_eq!(folder.store.verify(&spec).expect("intact"), local);
    assert_eq!(folder.store.ensure(&spec, &OFFLINE, &Silent).expect("there"), local);
    assert_eq!(fs::read_dir(&local.path).expect("a folder").count(), 3);
}

#[test]
fn a_hash_that_is_not_pinned_is_the_hubs_and_the_manifest_says_so() {
    let (folder, (hub, storage)) = (Folder::new(), honest());
    let spec = clip(&hub, false);
    let record = Record::default();
    let local = folder.store.pull(&spec, &DEFAULT, &record).expect("offered");

    assert!(local.files.iter().all(|file| file.hash_from == HashFrom::Hub));
    assert_eq!(local.files[0].sha256, sha256(&weights()));
    assert_eq!(local.files[1].sha256, sha256(CONFIG), "a SHA-256, though git's name was compared");
    let manifest = folder.store.dir().join("test-model.json");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(manifest).expect("stored")).expect("JSON");
    assert_eq!(manifest["files"][0]["hash_from"], "hub");
    // The total is known before the first byte.
    let all = format!("all {} bytes", local.size);
    assert_eq!(record.lines().iter().filter(|line| **line == all).count(), 1);
    assert_eq!(storage.requests(), 1, "the hub alone is asked for hashes");

    fs::write(local.path.join("config.json"), CONFIG.to_ascii_uppercase()).expect("writable");
    let error = folder.store.verify(&spec).expect_err("changed");
    assert!(error.to_string().contains(&sha256(CONFIG)), "{error}");
}

#[test]
fn weights_that_are_not_what_the_hub_named_are_refused() {
    let mut other = weights();
    *other.last_mut().expect("not empty") ^= 1;
    let storage = storage(&other);
    for pinned in [true, false] {
        let hub = hub(&storage, files(), files());
        let error = refusal(&clip(&hub, pinned));
        let ModelError::HashMismatch { algorithm, expected, found, .. } = &error else {
            panic!("unexpected {error:?}");
        };
        assert_eq!(
            (*algorithm, expected, found),
            ("SHA-256", &sha256(&weights()), &sha256(&other))
        );
    }
}

#[test]
fn a_small_file_that_is_not_the_blob_the_hub_named_is_refused() {
    let storage = storage(&weights());
    let other = CONFIG.to_ascii_uppercase();
    let hub = hub(&storage, files(), files_but("config.json", &other));
    let error = refusal(&clip(&hub, false)).to_string();
    assert!(error.contains("git blob SHA-1") && error.contains(&git_blob(CONFIG)), "{error}");
}

#[test]
fn a_truncated_body_leaves_nothing() {
    let storage = Server::answering(ok(weights().len(), &weights()[..100]));
    let hub = hub(&storage, files(), files());
    let error = refusal(&clip(&hub, false));
    assert!(matches!(error, ModelError::Interrupted { done: 100, .. }), "{error:?}");
}

#[test]
fn a_file_that_the_hub_has_not_is_not_found_and_leaves_nothing() {
    let storage = storage(&weights());
    for pinned in [true, false] {
        let mut files = files();
        files.remove("tokenizer.json");
        let hub = hub(&storage, files.clone(), files);
        let error = refusal(&clip(&hub, pinned)).to_string();
        assert_eq!(error, "not found (HTTP 404)");
    }
}

#[test]
fn a_hub_that_announces_too_much_is_refused_before_the_transfer() {
    let storage = storage(&weights());
    let hub = hub(&storage, files_but("model.safetensors", &[0; 5000]), files());
    let error = refusal(&clip(&hub, false)).to_string();
    assert!(error.contains("announces 5000 bytes") && error.contains("at most 4096"), "{error}");
    assert_eq!(storage.requests(), 0);
}

#[test]
fn another_hosts_hash_is_not_asked_for() {
    let storage = storage(&weights());
    let location = storage.url.clone();
    let front = Server::with(move |stream| {
        use std::io::Write;
        let fields: [(&str, &dyn std::fmt::Display); 2] =
            [("Location", &location), ("Content-Length", &0)];
        stream.write_all(head("302 Found", &fields).as_bytes()).expect("the client listens");
    });
    let error = refusal(&clip(&front, false)).to_string();
    assert!(error.contains("names no size and hash of `model.safetensors`"), "{error}");
    assert_eq!(storage.requests(), 0);
}

#[test]
fn files_that_are_no_clip_are_refused_though_the_hub_vouches_for_them() {
    let storage = storage(&weights());
    for (config, expected) in [
        (&br#"{"model_type": "bert"}"#[..], "describes no CLIP"),
        (b"[1, 2]", "expected an object"),
        (b"<html>", "as JSON"),
    ] {
        let files = files_but("config.json", config);
        let hub = hub(&storage, files.clone(), files);
        let error = refusal(&clip(&hub, false)).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn pytorch_weights_are_stored_as_safetensors() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/wrapped_model.pt");
    let pytorch = fs::read(fixture).expect("a fixture");
    let storage = storage(&pytorch);
    let files = files_but("model.safetensors", &pytorch);
    let (folder, hub) = (Folder::new(), hub(&storage, files.clone(), files));
    let mut spec = clip(&hub, true);
    let Source::Http { files, .. } = &mut spec.sources[0] else { panic!("it is one") };
    files[0] = file_spec("model.safetensors", &pytorch);

    let local = folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered");
    let bytes = fs::read(local.path.join("model.safetensors")).expect("stored");
    let stored = SafeTensors::deserialize(&bytes).expect("safetensors");
    assert_eq!(stored.tensor("w").expect("the tensor was in the file").shape(), [2, 3]);
    assert_eq!(local.files[0].hash_from, HashFrom::Converted);
    assert_eq!(local.files[0].sha256, sha256(&bytes));
    assert_eq!(local.source_sha256[0], sha256(&pytorch));
    folder.store.verify(&spec).expect("intact");
}

#[test]
fn what_happens_to_a_stored_folder_is_seen() {
    let (hub, _storage) = honest();
    let spec = clip(&hub, true);
    let accident = |happen: &dyn Fn(&std::path::Path)| {
        let folder = Folder::new();
        let local = folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered");
        happen(&local.path);
        let status = folder.store.status(&spec);
        folder.store.ensure(&spec, &DEFAULT, &Silent).expect("offered again");
        folder.store.verify(&spec).expect("whole again");
        match status {
            Status::Damaged { reason } => reason,
            other => panic!("expected damage, got {other:?}"),
        }
    };
    let gone = accident(&|path| fs::remove_file(path.join("tokenizer.json")).expect("stored"));
    assert_eq!(gone, "`tokenizer.json` is missing");
    let cut = accident(&|path| fs::write(path.join("config.json"), "{}").expect("writable"));
    assert_eq!(cut, format!("`config.json` has 2 bytes, expected {}", CONFIG.len()));
    let unlisted = accident(&|path| fs::remove_file(path.with_extension("json")).expect("stored"));
    assert_eq!(unlisted, "its manifest is missing");
}

#[test]
fn a_forced_pull_that_fails_keeps_what_is_stored_and_one_that_works_replaces_it() {
    let (folder, (hub, _storage)) = (Folder::new(), honest());
    let spec = clip(&hub, true);
    let first = folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered");
    let forced = PullOptions { force: true, ..DEFAULT };
    let dead = ModelSpec { sources: vec![http(&nobody())], ..spec.clone() };
    folder.store.pull(&dead, &forced, &Silent).expect_err("nobody is there");
    assert_eq!(folder.store.verify(&spec).expect("still there"), first);
    folder.store.pull(&spec, &forced, &Silent).expect("offered");
    assert_eq!(folder.store.verify(&spec).expect("replaced"), first);
    assert_eq!(folder.left(), STORED);
}

#[test]
fn threads_that_want_the_same_folder_fetch_it_once() {
    let (folder, (hub, storage)) = (Folder::new(), honest());
    let spec = clip(&hub, false);
    std::thread::scope(|scope| {
        let pull = || folder.store.ensure(&spec, &DEFAULT, &Silent).expect("offered");
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(pull)).collect();
        let pulled: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
        assert!(pulled.iter().all(|local| *local == pulled[0]));
    });
    assert_eq!(storage.requests(), 1);
    assert_eq!(folder.left(), STORED);
}

#[test]
fn one_message_says_what_is_needed_how_large_from_where_and_what_to_do() {
    let folder = Folder::new();
    let spec = find("clip-vit-b32").expect("in the registry");
    let dead = ModelSpec {
        id: spec.id.clone(),
        conversion: Conversion::Clip,
        ..model(vec![Source::Http {
            folder: nobody().replace("/w", "/repo/"),
            files: spec.sources[0].files().to_vec(),
        }])
    };
    let local = folder.store.local(spec).expect_err("nothing is stored");
    let offline = folder.store.ensure(spec, &OFFLINE, &Silent).expect_err("nothing is stored");
    let unreachable = folder.store.ensure(&dead, &DEFAULT, &Silent).expect_err("nobody is there");
    for (error, from) in [
        (&local, "huggingface.co/openai/clip-vit-base-patch32"),
        (&offline, "offline mode forbids"),
        (&unreachable, "cannot connect"),
    ] {
        let message = error.to_string();
        let help = error.help().expect("has help").to_string();
        assert!(message.contains(from) || help.contains(from), "{message}\n{help}");
        for advice in [
            "needed: model.safetensors, config.json, tokenizer.json (607 MB)",
            "samkit models pull clip-vit-b32",
            "samkit models import clip-vit-b32 FOLDER",
            "give the folder's path as the model",
        ] {
            assert!(help.contains(advice), "{help}");
        }
    }
    assert_eq!(folder.left(), [""; 0]);
}
