//! SHA-256 of files and of streams, and the hash that git gives a small file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{FileSpec, Hash, ModelError, Progress};

/// Large enough that system calls do not matter, small enough for the cache.
const CHUNK: usize = 128 * 1024;

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// What a file must be to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// As its [`FileSpec`] names it.
    pub(crate) name: String,
    /// Length in bytes.
    pub(crate) size: u64,
    pub(crate) fingerprint: Fingerprint,
}

/// A hash in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fingerprint {
    Sha256(String),
    /// SHA-1 of `blob LENGTH`, a zero byte and the bytes: the name that git, and so a hub, has for
    /// a file outside of LFS. It shows that the file arrived as the repository has it; against
    /// somebody who made two files with one SHA-1 it does not help.
    GitBlob(String),
}

impl Expected {
    /// What the registry itself says of the file, if it pins its hash.
    pub(crate) fn pinned(spec: &FileSpec) -> Option<Self> {
        let Hash::Pinned(sha256) = &spec.sha256 else { return None };
        let fingerprint = Fingerprint::Sha256(sha256.clone());
        Some(Self { name: spec.name.clone(), size: spec.size, fingerprint })
    }
}

/// SHA-256 of bytes in memory, in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// SHA-256 of a whole file, in lower-case hexadecimal.
pub(crate) fn sha256_file(path: &Path) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(ModelError::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex(hasher.finalize())),
            Ok(n) => hasher.update(&chunk[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(ModelError::io("read", path)(e)),
        }
    }
}

/// Reads a stored file in full and compares its SHA-256.
pub(crate) fn verify_file(path: &Path, expected: &str) -> Result<(), ModelError> {
    let found = sha256_file(path)?;
    if found != expected {
        return Err(ModelError::HashMismatch {
            file: path.display().to_string(),
            algorithm: "SHA-256",
            expected: expected.to_owned(),
            found,
        });
    }
    Ok(())
}

/// Bytes of a pull so far: what came before this file, and in all.
#[derive(Clone, Copy)]
pub(crate) struct Meter<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) before: u64,
    pub(crate) total: u64,
}

/// Copies `from` to the new file `to`, verifies it on the way, and returns its SHA-256.
///
/// Stops at the first byte too many, so that a hostile source cannot fill the
/// disk. On any error the file at `to` is unfinished and must not be used.
pub(crate) fn copy_verified(
    from: &mut dyn Read,
    to: &Path,
    expected: &Expected,
    meter: Meter<'_>,
) -> Result<String, ModelError> {
    let mut file = File::create(to).map_err(ModelError::io("create", to))?;
    let mut hasher = Sha256::new();
    let mut git = Sha1::new_with_prefix(format!("blob {}\0", expected.size));
    let small = matches!(expected.fingerprint, Fingerprint::GitBlob(_));
    let mut chunk = vec![0; CHUNK];
    let mut done = 0u64;
    let cut = |done, reason: String| ModelError::Interrupted {
        file: expected.name.clone(),
        done,
        expected: expected.size,
        reason,
    };
    loop {
        let n = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(cut(done, e.to_string())),
        };
        done += n as u64;
        if done > expected.size {
            return Err(ModelError::SizeMismatch {
                file: expected.name.clone(),
                expected: expected.size,
                found: done,
            });
        }
        hasher.update(&chunk[..n]);
        if small {
            git.update(&chunk[..n]);
        }
        file.write_all(&chunk[..n]).map_err(ModelError::io("write", to))?;
        meter.progress.bytes(meter.before + done, meter.total);
    }
    if done < expected.size {
        return Err(cut(done, "end of the stream".to_owned()));
    }
    let sha256 = hex(hasher.finalize());
    let (algorithm, wanted, found) = match &expected.fingerprint {
        Fingerprint::Sha256(wanted) => ("SHA-256", wanted, sha256.clone()),
        Fingerprint::GitBlob(wanted) => ("git blob SHA-1", wanted, hex(git.finalize())),
    };
    if found != *wanted {
        return Err(ModelError::HashMismatch {
            file: expected.name.clone(),
            algorithm,
            expected: wanted.clone(),
            found,
        });
    }
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn copy_as(bytes: &[u8], size: u64, fingerprint: Fingerprint) -> Result<String, ModelError> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let expected = Expected { name: "f".into(), size, fingerprint };
        let meter = Meter { progress: &Silent, before: 0, total: size };
        copy_verified(&mut &bytes[..], &dir.path().join("f"), &expected, meter)
    }

    fn copy(bytes: &[u8], size: u64, sha256: &str) -> Result<String, ModelError> {
        copy_as(bytes, size, Fingerprint::Sha256(sha256.into()))
    }

    #[test]
    fn the_published_digest_of_abc() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").expect("writable");
        assert_eq!(sha256_file(&path).expect("readable"), ABC);
    }

    #[test]
    fn only_the_pinned_bytes_pass() {
        copy(b"abc", 3, ABC).expect("these are the pinned bytes");
        assert!(matches!(
            copy(b"abd", 3, ABC),
            Err(ModelError::HashMismatch { expected, found, .. }) if expected == ABC && found != ABC
        ));
        assert!(matches!(copy(b"ab", 3, ABC), Err(ModelError::Interrupted { done: 2, .. })));
        assert!(matches!(copy(b"abcd", 3, ABC), Err(ModelError::SizeMismatch { .. })));
    }

    #[test]
    fn a_git_blob_is_known_by_the_name_git_gives_it() {
        // `printf abc | git hash-object --stdin`
        let git = Fingerprint::GitBlob("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f".into());
        assert_eq!(copy_as(b"abc", 3, git.clone()).expect("git's own example"), ABC);
        let error = copy_as(b"abd", 3, git).expect_err("another blob").to_string();
        assert!(error.contains("wrong git blob SHA-1"), "{error}");
    }
}
