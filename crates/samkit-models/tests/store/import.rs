//! Files that the user brings.

use std::path::PathBuf;

use samkit_models::{
    Conversion, ImportOptions, LocalModel, ModelError, ModelSpec, Silent, Source, Status,
};

use crate::support::*;

const KNOWN: ImportOptions = ImportOptions { allow_unknown: false };
const ANY: ImportOptions = ImportOptions { allow_unknown: true };

fn import(
    folder: &Folder,
    spec: &ModelSpec,
    files: &[PathBuf],
    options: ImportOptions,
) -> Result<LocalModel, ModelError> {
    folder.store.import(spec, files, &options, &Silent)
}

#[test]
fn a_file_of_the_registry_is_known_by_its_hash_whatever_its_name() {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w.safetensors")]);
    let file = folder.file("renamed.bin", &weights());
    let local = import(&folder, &spec, &[file], KNOWN).expect("known");
    assert_eq!(local.source, "https://example.org/w.safetensors");
    assert!(local.known);
    assert_eq!(folder.store.local(&spec).expect("stored"), local);
}

#[test]
fn an_unknown_file_is_refused_with_both_hashes_and_taken_when_allowed() {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w.safetensors")]);
    let mut other = weights();
    *other.last_mut().expect("not empty") ^= 1;
    let file = folder.file("tuned.safetensors", &other);

    let error = import(&folder, &spec, std::slice::from_ref(&file), KNOWN);
    let message = error.expect_err("unknown").to_string();
    for hash in [sha256(&other), sha256(&weights())] {
        assert!(message.contains(&hash), "{message}");
    }
    assert_eq!(folder.store.status(&spec), Status::Missing);

    let local = import(&folder, &spec, &[file], ANY).expect("allowed");
    assert_eq!(local.source, "import of tuned.safetensors");
    assert_eq!(local.source_sha256, [sha256(&other)]);
    assert!(!local.known);
    assert!(!folder.store.local(&spec).expect("stored").known);
}

#[test]
fn half_of_a_pair_is_incomplete() {
    let folder = Folder::new();
    let spec = model(vec![Source::Npm {
        package: "pair@1.0.0".into(),
        members: vec![file_spec("p/a.onnx", b"a"), file_spec("p/b.onnx", b"b")],
    }]);
    let half = folder.file("a.onnx", b"a");
    let error = import(&folder, &spec, &[half], KNOWN).expect_err("half");
    let message = error.to_string();
    assert!(message.ends_with("expected p/a.onnx and p/b.onnx"), "{message}");
}

#[test]
fn a_damaged_safetensors_file_is_an_error_at_every_length() {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w")]);
    let whole = weights();
    for length in [0, 4, 8, 20, whole.len() / 2, whole.len() - 1] {
        let file = folder.file("cut.safetensors", &whole[..length]);
        let error = import(&folder, &spec, &[file], ANY).expect_err("cut");
        assert!(matches!(error, ModelError::Format { .. }), "{length}: {error:?}");
    }
    assert_eq!(folder.left(), [""; 0]);
}

#[test]
fn a_web_page_saved_as_weights_is_called_one() {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w")]);
    let file = folder.file("w.pt", b"<!DOCTYPE html><title>Sign in</title>");
    let error = import(&folder, &spec, &[file], ANY).expect_err("no weights");
    assert!(error.to_string().ends_with("it looks like a web page"), "{error}");
}

#[test]
fn other_weights_of_the_wrong_network_are_refused() {
    let folder = Folder::new();
    let spec = ModelSpec {
        conversion: Conversion::SamVit { embed_dim: 768, depth: 12 },
        ..model(vec![http("https://example.org/w")])
    };
    let file = folder.file("w.safetensors", &weights());
    let error = import(&folder, &spec, &[file], ANY).expect_err("not a ViT");
    assert!(matches!(error, ModelError::WrongModel { .. }), "{error:?}");
}

#[test]
fn an_onnx_file_that_is_none_is_refused() {
    let folder = Folder::new();
    let spec = ModelSpec {
        conversion: Conversion::MobileSam,
        ..model(vec![http("https://example.org/w")])
    };
    let (a, b) = (
        folder.file("a.onnx", b"\x08\x06\x3a\xff\xff\xff\xff\x0f"),
        folder.file("b.onnx", b"\x08\x06\x3a\0"),
    );
    let error = import(&folder, &spec, &[a, b.clone()], ANY).expect_err("cut");
    assert!(matches!(error, ModelError::Format { format: "ONNX", .. }), "{error:?}");
    let error = import(&folder, &spec, &[b.clone(), b], ANY).expect_err("empty graphs");
    assert!(error.to_string().contains("not one encoder and one decoder"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let spec = model(vec![http("https://example.org/w")]);
    let error = import(&folder, &spec, &["nowhere.pt".into()], KNOWN).expect_err("not there");
    assert_eq!(error.to_string(), "cannot open nowhere.pt");
}
