//! What a model hub says of a file before it is fetched, for files whose hash is not pinned.
//!
//! A hub answers a request for a file in LFS with a redirect to wherever the bytes are, and names
//! them there and then: `X-Linked-Etag` is their SHA-256, `X-Linked-Size` their number. A file
//! outside of LFS it offers itself, perhaps behind a redirect to another path of its own, with the
//! name of the git blob as `ETag`. Answers of other hosts are never asked for a hash.

use ureq::{Body, http::Response};

use super::http::{agent, failure};
use crate::hash::{Expected, Fingerprint};
use crate::{FileSpec, ModelError};

/// Redirects from one path of the hub to another.
const HOPS: usize = 4;

/// Asks for size and hash of the file at `url`.
///
/// # Errors
/// [`ModelError::Http`] if the hub cannot be reached, names no hash, or announces more bytes than
/// the file may have.
pub(super) fn ask(url: &str, spec: &FileSpec) -> Result<Expected, ModelError> {
    let refused = |reason: String| ModelError::Http { url: url.to_owned(), reason };
    let agent = agent(0);
    let mut address = url.to_owned();
    for _ in 0..HOPS {
        let answer = agent.head(&address).call().map_err(|e| failure(&address, &e))?;
        if let Some((size, fingerprint)) = announced(&answer) {
            if size > spec.size {
                return Err(refused(format!(
                    "the hub announces {size} bytes for `{}`, expected at most {}",
                    spec.name, spec.size
                )));
            }
            return Ok(Expected { name: spec.name.clone(), size, fingerprint });
        }
        match own_path(&answer) {
            Some(path) => address = format!("{}{path}", origin(url)),
            None => break,
        }
    }
    Err(refused(format!(
        "the hub names no size and hash of `{}`, which is not pinned: expected the headers \
         X-Linked-Etag and X-Linked-Size, or ETag and Content-Length",
        spec.name
    )))
}

fn announced(answer: &Response<Body>) -> Option<(u64, Fingerprint)> {
    let linked = header(answer, "x-linked-etag").zip(header(answer, "x-linked-size"));
    let own = || header(answer, "etag").zip(header(answer, "content-length"));
    let named = if answer.status().is_success() { linked.or_else(own) } else { linked };
    let (etag, size) = named?;
    Some((size.parse().ok()?, fingerprint(etag)?))
}

/// Which hash an entity tag is, by its length.
fn fingerprint(etag: &str) -> Option<Fingerprint> {
    let hash = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_ascii_lowercase();
    match hash.len() {
        _ if !hash.bytes().all(|b| b.is_ascii_hexdigit()) => None,
        64 => Some(Fingerprint::Sha256(hash)),
        40 => Some(Fingerprint::GitBlob(hash)),
        _ => None,
    }
}

/// The path that a redirect within the same host leads to.
fn own_path(answer: &Response<Body>) -> Option<&str> {
    let location = header(answer, "location")?;
    (location.starts_with('/') && !location.starts_with("//")).then_some(location)
}

/// Scheme and host of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |slash| &url[..host + slash])
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_is_a_hash_of_one_length_or_the_other() {
        let (sha256, git) = ("a".repeat(64), "0123456789ABCDEF0123456789abcdef01234567");
        assert_eq!(fingerprint(&format!("\"{sha256}\"")), Some(Fingerprint::Sha256(sha256)));
        let lower = git.to_ascii_lowercase();
        assert_eq!(fingerprint(&format!("W/\"{git}\"")), Some(Fingerprint::GitBlob(lower)));
        for other in ["", "\"\"", "\"d41d8cd98f00b204e9800998ecf8427e-5\"", &"z".repeat(64)] {
            assert_eq!(fingerprint(other), None, "{other}");
        }
    }

    #[test]
    fn the_origin_ends_before_the_path() {
        assert_eq!(origin("https://example.org/a/b"), "https://example.org");
        assert_eq!(origin("http://127.0.0.1:80"), "http://127.0.0.1:80");
    }
}
