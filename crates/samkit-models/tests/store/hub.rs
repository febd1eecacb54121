//! A model hub on this machine, with one CLIP, and the host that has its large files.

use std::collections::BTreeMap;
use std::io::Write;

use samkit_models::{Conversion, FileSpec, Hash, ModelSpec, Source};
use sha1::{Digest, Sha1};

use crate::support::*;

pub(crate) const CONFIG: &[u8] = br#"{"model_type": "clip", "text_config": {}}"#;
pub(crate) const TOKENIZER: &[u8] = br#"{"model": {"type": "BPE"}}"#;
pub(crate) const NAMES: [&str; 3] = ["model.safetensors", "config.json", "tokenizer.json"];

/// The three files of the model.
pub(crate) fn files() -> BTreeMap<&'static str, Vec<u8>> {
    NAMES.into_iter().zip([weights(), CONFIG.to_vec(), TOKENIZER.to_vec()]).collect()
}

/// The name that git has for these bytes.
pub(crate) fn git_blob(bytes: &[u8]) -> String {
    let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    Sha1::digest(blob).iter().map(|b| format!("{b:02x}")).collect()
}

/// A model that is to be had from this hub, with every hash pinned, or none.
pub(crate) fn clip(hub: &Server, pinned: bool) -> ModelSpec {
    let files = files();
    let spec = |name: &str| match pinned {
        true => file_spec(name, &files[name]),
        false => FileSpec { name: name.into(), size: 4096, sha256: Hash::FromHub },
    };
    let folder = format!("{}/", hub.url);
    ModelSpec {
        conversion: Conversion::Clip,
        ..model(vec![Source::Http { folder, files: NAMES.map(spec).to_vec() }])
    }
}

/// The host of large files. Its entity tags are nobody's hash.
pub(crate) fn storage(body: &[u8]) -> Server {
    let head = head("200 OK", &[("Content-Length", &body.len()), ("ETag", &"\"1-of-2\"")]);
    Server::answering([head.as_bytes(), body].concat())
}

/// A hub whose weights lie at `storage`; it names what `truth` has, and itself gives small files as
/// `given` has them. A file that neither has is not found.
pub(crate) fn hub(
    storage: &Server,
    truth: BTreeMap<&'static str, Vec<u8>>,
    given: BTreeMap<&'static str, Vec<u8>>,
) -> Server {
    let weights_at = storage.url.clone();
    Server::asked(move |asked, stream| {
        let (method, path) = asked.split_once(' ').expect("a method and a path");
        let name = path.rsplit('/').next().expect("a name");
        let answer = match (truth.get(name), given.get(name)) {
            (Some(bytes), _) if name == NAMES[0] => {
                let etag = format!("\"{}\"", sha256(bytes));
                let size = bytes.len();
                head(
                    "302 Found",
                    &[
                        ("Location", &weights_at),
                        ("X-Linked-Etag", &etag),
                        ("X-Linked-Size", &size),
                        ("Content-Length", &0),
                    ],
                )
                .into_bytes()
            }
            (Some(_), _) if path.starts_with("/w/") => {
                let cache = format!("/api/cache/{name}");
                let fields: [(&str, &dyn std::fmt::Display); 2] =
                    [("Location", &cache), ("Content-Length", &0)];
                head("307 Temporary Redirect", &fields).into_bytes()
            }
            (Some(bytes), Some(given)) => {
                let etag = format!("\"{}\"", git_blob(bytes));
                let fields: [(&str, &dyn std::fmt::Display); 2] =
                    [("ETag", &etag), ("Content-Length", &bytes.len())];
                let head = head("200 OK", &fields);
                let body = if method == "GET" { &given[..] } else { b"" };
                [head.as_bytes(), body].concat()
            }
            _ => head("404 Not Found", &[("Content-Length", &0)]).into_bytes(),
        };
        // A client that has heard enough may hang up.
        let _ = stream.write_all(&answer);
    })
}

/// A hub that is as it should be, with its storage.
pub(crate) fn honest() -> (Server, Server) {
    let storage = storage(&weights());
    (hub(&storage, files(), files()), storage)
}

pub(crate) fn head(status: &str, fields: &[(&str, &dyn std::fmt::Display)]) -> String {
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{fields}Connection: close\r\n\r\n")
}
