//! Several processes, one store. The processes are this test program, asked for
//! the one test that is ignored otherwise.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use samkit_models::{PullOptions, Silent, Status, Store};

use crate::support::*;

const STORE: &str = "SAMKIT_TEST_STORE";
const URL: &str = "SAMKIT_TEST_URL";

#[test]
#[ignore = "run in processes of their own by the tests below"]
fn pull_in_a_process_of_its_own() {
    let (Ok(dir), Ok(url)) = (std::env::var(STORE), std::env::var(URL)) else {
        eprintln!("skipped: not started by another test");
        return;
    };
    let store = Store::at(dir);
    let spec = model(vec![http(&url)]);
    let pulled = store.pull(&spec, &PullOptions::default(), &Silent);
    pulled.expect("the parent offers it");
}

fn start(folder: &Folder, server: &Server) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "parallel::pull_in_a_process_of_its_own"])
        .env(STORE, folder.store.dir())
        .env(URL, &server.url)
        .stdout(Stdio::null())
        .spawn()
        .expect("this program can be started again")
}

#[test]
fn processes_that_want_the_same_model_fetch_it_once() {
    let folder = Folder::new();
    let server = Server::with(|stream| {
        // Long enough for all to be waiting.
        std::thread::sleep(Duration::from_millis(500));
        stream.write_all(&ok(weights().len(), &weights())).expect("the first process listens");
    });
    let children: Vec<Child> = (0..4).map(|_| start(&folder, &server)).collect();
    for mut child in children {
        assert!(child.wait().expect("started").success());
    }
    assert_eq!(server.requests(), 1);
    assert_eq!(folder.left(), ["test-model.json", "test-model.safetensors"]);
    let spec = model(vec![http(&server.url)]);
    folder.store.verify(&spec).expect("intact");
}

#[test]
fn a_killed_process_leaves_nothing_that_looks_complete_or_stays() {
    let folder = Folder::new();
    let stalled = Server::with(|stream| {
        let half = &weights()[..weights().len() / 2];
        stream.write_all(&ok(weights().len(), half)).expect("the process listens");
        std::thread::sleep(Duration::from_secs(60));
    });
    let mut child = start(&folder, &stalled);
    let patience = Instant::now();
    while stalled.requests() == 0 || folder.left().is_empty() {
        assert!(patience.elapsed() < Duration::from_secs(30), "it never began");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("running");
    child.wait().expect("started");
    let left = folder.left();
    assert!(left.iter().all(|name| name.starts_with(".test-model.")), "{left:?}");
    assert_eq!(left.len(), 1, "the unfinished work is still there");

    let server = Server::offering(&weights());
    let spec = model(vec![http(&server.url)]);
    assert_eq!(folder.store.status(&spec), Status::Missing);
    let pulled = folder.store.pull(&spec, &PullOptions::default(), &Silent);
    pulled.expect("the lock went with its process");
    assert_eq!(folder.left(), ["test-model.json", "test-model.safetensors"]);
}
