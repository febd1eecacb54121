//! A model of one tensor, and servers on this machine that offer it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use safetensors::tensor::{Dtype, TensorView};
use samkit_models::{Conversion, FileSpec, Hash, ModelSpec, Progress, Source, Store};
use sha2::{Digest, Sha256};

/// The weights file that the test sources offer: one tensor `w` = 1, 2, …
pub(crate) fn weights() -> Vec<u8> {
    let data: Vec<u8> = (1..=64).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![8, 8], &data).expect("64 values");
    safetensors::serialize([("w", view)], None).expect("one tensor")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn file_spec(name: &str, bytes: &[u8]) -> FileSpec {
    let sha256 = Hash::Pinned(sha256(bytes));
    FileSpec { name: name.into(), size: bytes.len() as u64, sha256 }
}

/// A model that is to be had from these sources.
pub(crate) fn model(sources: Vec<Source>) -> ModelSpec {
    ModelSpec {
        id: "test-model".into(),
        description: "one tensor".into(),
        licence: "CC0-1.0".into(),
        sources,
        conversion: Conversion::Unchanged,
    }
}

/// A source that expects [`weights`] at `url`.
pub(crate) fn http(url: &str) -> Source {
    let (folder, name) = url.rsplit_once('/').expect("an address with a path");
    Source::Http { folder: format!("{folder}/"), files: vec![file_spec(name, &weights())] }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    format!("http://{address}/w")
}

/// A store in a folder of its own.
pub(crate) struct Folder {
    pub(crate) store: Store,
    dir: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { store: Store::at(dir.path().join("models")), dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file beside the store, as a user would have one.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        path
    }

    /// What lies in the store, except for locks.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.store.dir())
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("readable").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names
    }
}

/// A server that gives every request the same answer, byte for byte, and then
/// closes the connection.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn answering(answer: Vec<u8>) -> Self {
        Self::with(move |stream| {
            // A client that has heard enough may hang up.
            let _ = stream.write_all(&answer);
        })
    }

    /// `200 OK` with this body.
    pub(crate) fn offering(body: &[u8]) -> Self {
        Self::answering(ok(body.len(), body))
    }

    pub(crate) fn with(handle: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::asked(move |_, stream| handle(stream))
    }

    /// The handler also gets the request, such as `HEAD /w`.
    pub(crate) fn asked(handle: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/w", listener.local_addr().expect("bound"));
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, handle) = (Arc::clone(&requests), Arc::new(handle));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || {
                    let request = read_request(&mut stream);
                    let (asked, _) = request.split_once(" HTTP/").unwrap_or_default();
                    handle(asked, &mut stream);
                });
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A response that announces `length` bytes and then sends `body`.
pub(crate) fn ok(length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// Keeps what was reported.
#[derive(Default)]
pub(crate) struct Record(Mutex<Vec<String>>);

impl Record {
    fn push(&self, line: String) {
        self.0.lock().expect("no test panics while it writes").push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it writes").clone()
    }
}

impl Progress for Record {
    fn trying(&self, source: &str, _: &Path) {
        self.push(format!("trying {source}"));
    }
    fn failed(&self, source: &str, _: &str) {
        self.push(format!("failed {source}"));
    }
    fn bytes(&self, done: u64, total: u64) {
        if done == total {
            self.push(format!("all {total} bytes"));
        }
    }
    fn converting(&self) {
        self.push("converting".into());
    }
    fn done(&self, _: &Path) {
        self.push("done".into());
    }
}
