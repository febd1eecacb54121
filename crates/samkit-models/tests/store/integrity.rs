//! Stored files that changed after they were stored.

use std::fs;

use samkit_models::{ModelError, ModelSpec, PullOptions, Silent, Status};

use crate::support::*;

const OFFLINE: PullOptions = PullOptions { offline: true, source: None, force: false };

/// A store with the model in it, after something has happened to it.
fn after(accident: impl Fn(&Folder, &ModelSpec)) -> (Folder, ModelSpec, Server) {
    let (folder, server) = (Folder::new(), Server::offering(&weights()));
    let spec = model(vec![http(&server.url)]);
    let pulled = folder.store.pull(&spec, &PullOptions::default(), &Silent);
    pulled.expect("offered");
    accident(&folder, &spec);
    (folder, spec, server)
}

fn edit(folder: &Folder, spec: &ModelSpec, change: impl Fn(&mut Vec<u8>)) {
    let path = folder.store.path(spec);
    let mut bytes = fs::read(&path).expect("stored");
    change(&mut bytes);
    fs::write(&path, bytes).expect("writable");
}

/// The reason that status, and the same that an offline `ensure`, gives.
fn damage((folder, spec, _server): &(Folder, ModelSpec, Server)) -> String {
    let Err(ModelError::Damaged { reason: said, .. }) =
        folder.store.ensure(spec, &OFFLINE, &Silent)
    else {
        panic!("offline, damaged weights are an error");
    };
    let Status::Damaged { reason } = folder.store.status(spec) else {
        panic!("expected damage");
    };
    assert_eq!(reason, said);
    reason
}

#[test]
fn a_truncated_file_is_seen_by_its_size() {
    let reason = damage(&after(|folder, spec| {
        edit(folder, spec, |bytes| bytes.truncate(bytes.len() - 4));
    }));
    assert!(reason.contains("bytes, expected"), "{reason}");
}

#[test]
fn an_empty_file_is_damaged() {
    damage(&after(|folder, spec| edit(folder, spec, Vec::clear)));
}

#[test]
fn a_header_overwritten_is_seen() {
    for garbage in [0x00, 0xff] {
        let reason = damage(&after(|folder, spec| {
            edit(folder, spec, |bytes| bytes[..64].fill(garbage));
        }));
        assert!(reason.contains("safetensors header"), "{reason}");
    }
}

#[test]
fn weights_without_a_manifest_are_not_taken_for_complete() {
    let reason = damage(&after(|folder, _| {
        fs::remove_file(folder.store.dir().join("test-model.json")).expect("stored");
    }));
    assert_eq!(reason, "its manifest is missing");
}

#[test]
fn a_damaged_manifest_is_seen() {
    let reason = damage(&after(|folder, _| {
        fs::write(folder.store.dir().join("test-model.json"), "{\"revi").expect("writable");
    }));
    assert!(reason.starts_with("its manifest is damaged"), "{reason}");
}

#[test]
fn damaged_weights_are_fetched_again_where_that_is_allowed() {
    let (folder, spec, server) = after(|folder, spec| edit(folder, spec, Vec::clear));
    let ensured = folder.store.ensure(&spec, &PullOptions::default(), &Silent);
    ensured.expect("offered again");
    assert_eq!(server.requests(), 2);
    folder.store.verify(&spec).expect("whole again");
}

#[test]
fn a_flipped_bit_is_for_verify_which_names_both_hashes() {
    let (folder, spec, _server) = after(|folder, spec| {
        edit(folder, spec, |bytes| {
            *bytes.last_mut().expect("not empty") ^= 1;
        });
    });
    assert!(matches!(folder.store.status(&spec), Status::Present(_)));
    let error = folder.store.verify(&spec).expect_err("a bit is wrong");
    let ModelError::HashMismatch { expected, found, .. } = &error else {
        panic!("unexpected {error:?}");
    };
    let bytes = fs::read(folder.store.path(&spec)).expect("stored");
    assert_eq!(*found, sha256(&bytes));
    assert_ne!(found, expected);
}

#[test]
fn the_registry_is_listed_with_what_is_there() {
    let folder = Folder::new();
    let listed = folder.store.list();
    assert_eq!(listed.len(), samkit_models::registry().len());
    assert!(listed.iter().all(|(_, status)| *status == Status::Missing));
}
