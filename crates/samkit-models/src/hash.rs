//! SHA-256 of files and of streams.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{FileSpec, ModelError, Progress};

/// Large enough that system calls do not matter, small enough for the cache.
const CHUNK: usize = 128 * 1024;

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
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

/// Bytes of a pull so far: what came before this file, and in all.
#[derive(Clone, Copy)]
pub(crate) struct Meter<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) before: u64,
    pub(crate) total: u64,
}

/// Copies `from` to the new file `to` and verifies it on the way.
///
/// Stops at the first byte too many, so that a hostile source cannot fill the
/// disk. On any error the file at `to` is unfinished and must not be used.
pub(crate) fn copy_verified(
    from: &mut dyn Read,
    to: &Path,
    spec: &FileSpec,
    meter: Meter<'_>,
) -> Result<(), ModelError> {
    let mut file = File::create(to).map_err(ModelError::io("create", to))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut done = 0u64;
    let cut = |done, reason: String| ModelError::Interrupted {
        file: spec.name.clone(),
        done,
        expected: spec.size,
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
        if done > spec.size {
            return Err(ModelError::SizeMismatch {
                file: spec.name.clone(),
                expected: spec.size,
                found: done,
            });
        }
        hasher.update(&chunk[..n]);
        file.write_all(&chunk[..n]).map_err(ModelError::io("write", to))?;
        meter.progress.bytes(meter.before + done, meter.total);
    }
    if done < spec.size {
        return Err(cut(done, "end of the stream".to_owned()));
    }
    let found = hex(hasher.finalize());
    if found != spec.sha256 {
        return Err(ModelError::HashMismatch {
            file: spec.name.clone(),
            expected: spec.sha256.clone(),
            found,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn copy(bytes: &[u8], size: u64, sha256: &str) -> Result<(), ModelError> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let spec = FileSpec { name: "f".into(), size, sha256: sha256.into() };
        let meter = Meter { progress: &Silent, before: 0, total: size };
        copy_verified(&mut &bytes[..], &dir.path().join("f"), &spec, meter)
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
}
