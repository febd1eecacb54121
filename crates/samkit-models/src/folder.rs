//! Models that are a folder of files: `STORE/ID/` with `config.json`, `model.safetensors` and
//! `tokenizer.json`, and the manifest `STORE/ID.json` beside it.
//!
//! The folder is put together among unfinished work and appears by one rename. As for models of one
//! file, the manifest is removed before that and written after it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::convert::convert;
use crate::error::{Attempt, Needs};
use crate::fetch::Fetched;
use crate::format::{self, Format};
use crate::store::Origin;
use crate::tensor::write_safetensors;
use crate::{HashFrom, LocalFile, LocalModel, ModelError, ModelSpec, Store, hash, manifest};

mod import;
mod validate;

/// Weights, as they are stored.
const WEIGHTS: &str = "model.safetensors";
/// Weights, as some repositories have them.
const PYTORCH: &str = "pytorch_model.bin";
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

impl Store {
    /// Puts files that lie in `scratch` in place as the folder of a model, all or none.
    ///
    /// # Errors
    /// [`ModelError::Format`] and [`ModelError::WrongModel`] if they are no CLIP.
    pub(crate) fn put_folder(
        &self,
        spec: &ModelSpec,
        parts: Vec<Fetched>,
        origin: Origin,
        scratch: &Path,
    ) -> Result<LocalModel, ModelError> {
        let unfinished = scratch.join("folder");
        fs::create_dir(&unfinished).map_err(ModelError::io("create", &unfinished))?;
        let mut files = Vec::new();
        for part in parts {
            files.push(place(spec, part, &origin, &unfinished, scratch)?);
        }
        validate::folder(spec, &unfinished)?;
        let local = LocalModel {
            id: spec.id.clone(),
            path: self.path(spec),
            source: origin.source,
            source_sha256: origin.sha256,
            sha256: identity(&files),
            size: files.iter().map(|file| file.size).sum(),
            known: origin.known,
            files,
        };
        self.clear_manifest(spec)?;
        if local.path.exists() {
            // What is replaced goes when the scratch folder goes.
            fs::rename(&local.path, scratch.join("replaced"))
                .map_err(ModelError::io("replace", &local.path))?;
        }
        fs::rename(&unfinished, &local.path).map_err(ModelError::io("replace", &local.path))?;
        manifest::write(&self.manifest_path(spec), &local, scratch)?;
        Ok(local)
    }

    /// Why a model that is a folder cannot be had, with all that is needed to get it.
    pub(crate) fn folder_missing(
        &self,
        spec: &ModelSpec,
        offline: bool,
        attempts: Vec<Attempt>,
    ) -> ModelError {
        ModelError::FolderMissing {
            id: spec.id.clone(),
            dir: self.dir().to_owned(),
            needs: Box::new(Needs::of(spec)),
            offline,
            attempts,
        }
    }
}

/// Moves a part to its name in the folder; PyTorch weights are written as safetensors.
fn place(
    spec: &ModelSpec,
    part: Fetched,
    origin: &Origin,
    folder: &Path,
    scratch: &Path,
) -> Result<LocalFile, ModelError> {
    let (mut from, mut name) = (part.path, part.name);
    let (mut sha256, mut hash_from) = (part.sha256, part.hash_from);
    if name == PYTORCH || name == WEIGHTS {
        if format::detect(&from)? == Format::PyTorch {
            let tensors = convert(spec, &[from])?;
            from = scratch.join("weights.safetensors");
            write_safetensors(&tensors, origin.metadata(spec), &from)?;
            (sha256, hash_from) = (hash::sha256_file(&from)?, HashFrom::Converted);
        }
        name = WEIGHTS.to_owned();
    }
    let to = folder.join(&name);
    fs::rename(&from, &to).map_err(ModelError::io("move", &from))?;
    let size = File::open(&to)
        .and_then(|file| {
            file.sync_all()?;
            file.metadata()
        })
        .map_err(ModelError::io("write", &to))?
        .len();
    Ok(LocalFile { name, size, sha256, hash_from })
}

/// One hash for the whole folder.
fn identity(files: &[LocalFile]) -> String {
    let lines: String = files.iter().map(|f| format!("{}  {}\n", f.sha256, f.name)).collect();
    hash::sha256(lines.as_bytes())
}

/// Presence, sizes and header, without reading all of it.
pub(crate) fn check(local: &LocalModel) -> Result<(), String> {
    let mut names: Vec<&str> = local.files.iter().map(|file| &file.name[..]).collect();
    names.sort_unstable();
    if names != [CONFIG, WEIGHTS, TOKENIZER] || identity(&local.files) != local.sha256 {
        return Err("its manifest is damaged: it lists other files".to_owned());
    }
    for file in &local.files {
        let name = &file.name;
        let size = match fs::metadata(local.path.join(name)) {
            Ok(found) if found.is_file() => found.len(),
            _ => return Err(format!("`{name}` is missing")),
        };
        if size != file.size {
            return Err(format!("`{name}` has {size} bytes, expected {}", file.size));
        }
    }
    format::safetensors::check(&local.path.join(WEIGHTS))
}

/// Reads every file and compares its hash with the manifest's.
pub(crate) fn verify(local: &LocalModel) -> Result<(), ModelError> {
    for file in &local.files {
        let path: PathBuf = local.path.join(&file.name);
        hash::verify_file(&path, &file.sha256)?;
    }
    Ok(())
}
