//! What the registry says of a file.

/// A file with the size and hash it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// File name, or path inside an archive or below a source's folder.
    pub name: String,
    /// Length in bytes. Of a file that is not pinned, the most that is accepted; its exact length
    /// is the hub's to say.
    pub size: u64,
    /// The hash it must have, or who names it.
    pub sha256: Hash,
}

/// The hash a file must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256 in lower-case hexadecimal, known before anything is fetched.
    Pinned(String),
    /// Not pinned. The hub that offers the file is asked first: its `X-Linked-Etag` is the SHA-256
    /// of a file in LFS, its `ETag` of a small file outside of LFS is the SHA-1 of the git blob.
    /// What arrives is verified against that, the manifest says that the hash came from the hub,
    /// and from then on the recorded SHA-256 is what the stored file is verified against. Only for
    /// sources of the kind `http`.
    FromHub,
}

impl FileSpec {
    /// The name without the folders before it.
    #[must_use]
    pub fn base_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}
