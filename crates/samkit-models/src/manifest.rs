//! What a stored file is and where it came from: `ID.json` beside it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Raised when conversions change, so that files made by an older version are
/// fetched again instead of being misread.
const REVISION: u32 = 1;

/// Weights that are in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModel {
    /// Id of the model.
    pub id: String,
    /// The safetensors file, or the folder of a model that is a folder.
    pub path: PathBuf,
    /// Where the weights came from: a URL, `npm NAME@VERSION`, or `import of
    /// FILE…` for files the registry does not know.
    pub source: String,
    /// SHA-256 of each source file, in the source's order.
    pub source_sha256: Vec<String>,
    /// SHA-256 of the safetensors file: the identity of the weights for
    /// manifests and cache keys. Of a folder, the SHA-256 of one line
    /// `HASH  NAME` a file, in the order of `files`.
    pub sha256: String,
    /// Size of the safetensors file, or of all files together, in bytes.
    pub size: u64,
    /// Whether the source is one of the registry's.
    pub known: bool,
    /// The files of a folder; empty for a model that is one file.
    pub files: Vec<LocalFile>,
}

/// One file of a model that is a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFile {
    /// Its name in the folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the stored bytes, which [`Store::verify`](crate::Store::verify) compares.
    pub sha256: String,
    /// What the bytes were compared with before they were stored.
    pub hash_from: HashFrom,
}

/// Who vouched for a file when it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashFrom {
    /// The registry: its SHA-256 is pinned there.
    Registry,
    /// The hub, on the first download: the registry pins none.
    Hub,
    /// Nobody: the file came by import and the registry does not know its hash.
    Import,
    /// samkit wrote the file, from weights whose hash is in `source_sha256`.
    Converted,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    revision: u32,
    id: String,
    size: u64,
    sha256: String,
    source: String,
    source_sha256: Vec<String>,
    known: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<LocalFile>,
}

/// Reads the manifest of `path`; its size and hash are what should be there.
pub(crate) fn read(manifest: &Path, id: &str, path: &Path) -> Result<LocalModel, String> {
    let text = std::fs::read_to_string(manifest).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "its manifest is missing".to_owned(),
        _ => format!("its manifest cannot be read: {e}"),
    })?;
    let found: Manifest =
        serde_json::from_str(&text).map_err(|e| format!("its manifest is damaged: {e}"))?;
    if found.revision != REVISION {
        return Err("it was stored by another version of samkit".to_owned());
    }
    if found.id != id {
        return Err(format!("its manifest is of {}", found.id));
    }
    Ok(LocalModel {
        id: found.id,
        path: path.to_owned(),
        source: found.source,
        source_sha256: found.source_sha256,
        sha256: found.sha256,
        size: found.size,
        known: found.known,
        files: found.files,
    })
}

/// Writes the manifest of `local`, whole or not at all.
pub(crate) fn write(manifest: &Path, local: &LocalModel, scratch: &Path) -> Result<(), ModelError> {
    let text = serde_json::to_string_pretty(&Manifest {
        revision: REVISION,
        id: local.id.clone(),
        size: local.size,
        sha256: local.sha256.clone(),
        source: local.source.clone(),
        source_sha256: local.source_sha256.clone(),
        known: local.known,
        files: local.files.clone(),
    })
    .expect("a manifest is strings and numbers");
    let unfinished = scratch.join("manifest.json");
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(ModelError::io("write", &unfinished))?;
    std::fs::rename(&unfinished, manifest).map_err(ModelError::io("replace", manifest))
}
