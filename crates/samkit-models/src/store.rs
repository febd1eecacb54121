//! The folder that holds converted weights.
//!
//! A model is two files: `ID.safetensors` and its manifest `ID.json`; or the
//! folder `ID` and the manifest (see the module `folder`). The
//! manifest is removed before the weights are replaced and written after them,
//! so its presence says that the weights are complete. Work in progress lives
//! in hidden folders `.ID.*`, and `ID.lock` keeps writers apart.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde_json::json;

use crate::lock::Lock;
use crate::tensor::{StateDict, write_safetensors};
use crate::{LocalModel, ModelError, ModelSpec, folder, format, hash, manifest, registry};

/// Environment variable that overrides where weights are kept.
pub const MODELS_DIR_VARIABLE: &str = "SAMKIT_MODELS_DIR";

/// A folder of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    dir: PathBuf,
}

/// What the store has of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    Missing,
    /// Weights of the right size with an intact header. Whether their content
    /// is intact too is for [`Store::verify`].
    Present(LocalModel),
    /// Something that cannot be used.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
}

impl Store {
    /// The store named by `SAMKIT_MODELS_DIR`, else `samkit/models` in the
    /// user's cache directory.
    ///
    /// # Errors
    /// [`ModelError::NoCacheDir`] if neither is known.
    pub fn open_default() -> Result<Self, ModelError> {
        if let Some(dir) = std::env::var_os(MODELS_DIR_VARIABLE).filter(|dir| !dir.is_empty()) {
            return Ok(Self::at(dir));
        }
        let base = etcetera::choose_base_strategy().map_err(|_| ModelError::NoCacheDir)?;
        Ok(Self::at(base.cache_dir().join("samkit").join("models")))
    }

    /// The store in this folder, which is made when something is stored.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the weights of this model are, or would be.
    #[must_use]
    pub fn path(&self, spec: &ModelSpec) -> PathBuf {
        if spec.is_folder() {
            return self.dir.join(&spec.id);
        }
        self.dir.join(format!("{}.safetensors", spec.id))
    }

    pub(crate) fn manifest_path(&self, spec: &ModelSpec) -> PathBuf {
        self.dir.join(format!("{}.json", spec.id))
    }

    /// What is there, without reading all of it: presence, size, header.
    #[must_use]
    pub fn status(&self, spec: &ModelSpec) -> Status {
        let path = self.path(spec);
        if !path.exists() {
            return Status::Missing;
        }
        self.check(spec, &path).map_or_else(|reason| Status::Damaged { reason }, Status::Present)
    }

    fn check(&self, spec: &ModelSpec, path: &Path) -> Result<LocalModel, String> {
        let local = manifest::read(&self.manifest_path(spec), &spec.id, path)?;
        if spec.is_folder() {
            return folder::check(&local).map(|()| local);
        }
        let size = fs::metadata(path).map_err(|e| format!("its size is unknown: {e}"))?.len();
        if size != local.size {
            return Err(format!("it has {size} bytes, expected {}", local.size));
        }
        format::safetensors::check(path)?;
        Ok(local)
    }

    /// The weights as they are in the store, never fetching anything.
    ///
    /// # Errors
    /// [`ModelError::Missing`] (of a folder [`ModelError::FolderMissing`]) or
    /// [`ModelError::Damaged`].
    pub fn local(&self, spec: &ModelSpec) -> Result<LocalModel, ModelError> {
        match self.status(spec) {
            Status::Present(local) => Ok(local),
            Status::Missing if spec.is_folder() => Err(self.folder_missing(spec, false, vec![])),
            Status::Missing => {
                Err(ModelError::Missing { id: spec.id.clone(), dir: self.dir.clone() })
            }
            Status::Damaged { reason } => Err(self.damaged(spec, reason)),
        }
    }

    pub(crate) fn damaged(&self, spec: &ModelSpec, reason: String) -> ModelError {
        ModelError::Damaged { id: spec.id.clone(), path: self.path(spec), reason }
    }

    /// Reads the whole file, or every file of a folder, and compares hashes with the manifest's.
    ///
    /// # Errors
    /// As [`Store::local`]; [`ModelError::HashMismatch`] names both hashes.
    pub fn verify(&self, spec: &ModelSpec) -> Result<LocalModel, ModelError> {
        let local = self.local(spec)?;
        if spec.is_folder() {
            folder::verify(&local)?;
        } else {
            hash::verify_file(&local.path, &local.sha256)?;
        }
        Ok(local)
    }

    /// Every model of the registry with what the store has of it.
    #[must_use]
    pub fn list(&self) -> Vec<(&'static ModelSpec, Status)> {
        registry().iter().map(|spec| (spec, self.status(spec))).collect()
    }

    /// Locks the model for writing, making the folder if need be.
    pub(crate) fn lock(
        &self,
        spec: &ModelSpec,
        progress: &dyn crate::Progress,
    ) -> Result<Lock, ModelError> {
        fs::create_dir_all(&self.dir).map_err(ModelError::io("create", &self.dir))?;
        Lock::acquire(&self.dir, &spec.id, progress)
    }

    /// A folder for unfinished work, removed when dropped. Whoever holds the
    /// lock may also remove what a killed process left.
    pub(crate) fn scratch(
        &self,
        spec: &ModelSpec,
        _held: &Lock,
    ) -> Result<tempfile::TempDir, ModelError> {
        let prefix = format!(".{}.", spec.id);
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&self.dir)
            .map_err(ModelError::io("create a folder in", &self.dir))
    }

    /// Puts converted tensors in place, complete or not at all.
    pub(crate) fn put(
        &self,
        spec: &ModelSpec,
        tensors: &StateDict,
        origin: Origin,
        scratch: &Path,
    ) -> Result<LocalModel, ModelError> {
        let unfinished = scratch.join("weights.safetensors");
        write_safetensors(tensors, origin.metadata(spec), &unfinished)?;
        let size = File::open(&unfinished)
            .and_then(|file| {
                file.sync_all()?;
                file.metadata()
            })
            .map_err(ModelError::io("write", &unfinished))?
            .len();
        let local = LocalModel {
            id: spec.id.clone(),
            path: self.path(spec),
            source: origin.source,
            source_sha256: origin.sha256,
            sha256: hash::sha256_file(&unfinished)?,
            size,
            known: origin.known,
            files: Vec::new(),
        };
        self.clear_manifest(spec)?;
        fs::rename(&unfinished, &local.path).map_err(ModelError::io("replace", &local.path))?;
        manifest::write(&self.manifest_path(spec), &local, scratch)?;
        Ok(local)
    }

    /// Says that what is stored is not complete, until the next manifest.
    pub(crate) fn clear_manifest(&self, spec: &ModelSpec) -> Result<(), ModelError> {
        let path = self.manifest_path(spec);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(ModelError::io("replace", &path)(e))
            }
            _ => Ok(()),
        }
    }
}

/// Where tensors came from.
pub(crate) struct Origin {
    pub(crate) source: String,
    pub(crate) sha256: Vec<String>,
    pub(crate) known: bool,
}

impl Origin {
    /// What a safetensors file written here says of itself, as JSON.
    pub(crate) fn metadata(&self, spec: &ModelSpec) -> String {
        let metadata = json!({
            "model": spec.id,
            "source": self.source,
            "source_sha256": self.sha256,
        });
        metadata.to_string()
    }
}
