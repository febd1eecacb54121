//! Storing weights from files the user already has.

use std::path::PathBuf;

use crate::convert::convert;
use crate::hash::sha256_file;
use crate::store::Origin;
use crate::{FileSpec, Hash, LocalModel, ModelError, ModelSpec, Progress, Source, Store};

/// How to import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Accept files whose hash is not in the registry, such as fine-tuned
    /// weights, as long as they hold this model's tensors. The manifest says
    /// that they are not the registry's.
    pub allow_unknown: bool,
}

impl Store {
    /// Verifies, converts and stores local files as the weights of a model,
    /// replacing what is stored: a `.pt`, `.pth` or `.safetensors` file, or both
    /// ONNX graphs of MobileSAM, in any order. Names do not matter.
    ///
    /// Of a model that is a folder, the one folder that holds `config.json`,
    /// `tokenizer.json` and `model.safetensors` or else `pytorch_model.bin`.
    /// A file that no source pins is taken as it is, if it looks right.
    ///
    /// # Errors
    /// [`ModelError::IncompleteFolder`] if that folder lacks a file;
    /// [`ModelError::UnknownFile`] names the hash found and those expected;
    /// [`ModelError::IncompleteImport`] if known files are missing; the errors
    /// of reading and conversion.
    pub fn import(
        &self,
        spec: &ModelSpec,
        files: &[PathBuf],
        options: &ImportOptions,
        progress: &dyn Progress,
    ) -> Result<LocalModel, ModelError> {
        if spec.is_folder() {
            return self.import_folder(spec, files, options, progress);
        }
        let hashes: Vec<String> =
            files.iter().map(|path| sha256_file(path)).collect::<Result<_, _>>()?;
        let origin = match known_source(spec, files, &hashes) {
            Ok(source) => Origin {
                source: source.to_string(),
                sha256: source.files().iter().filter_map(pinned).map(str::to_owned).collect(),
                known: true,
            },
            Err(ModelError::UnknownFile { .. }) if options.allow_unknown => {
                Origin { source: describe(files), sha256: hashes, known: false }
            }
            Err(error) => return Err(error),
        };
        progress.converting();
        let tensors = convert(spec, files)?;
        let lock = self.lock(spec, progress)?;
        let scratch = self.scratch(spec, &lock)?;
        let local = self.put(spec, &tensors, origin, scratch.path())?;
        progress.done(&local.path);
        Ok(local)
    }
}

/// The source that these files are, by their hashes.
fn known_source<'a>(
    spec: &'a ModelSpec,
    files: &[PathBuf],
    hashes: &[String],
) -> Result<&'a Source, ModelError> {
    let all = || spec.sources.iter().flat_map(Source::files);
    let stranger = files
        .iter()
        .zip(hashes)
        .find(|(_, hash)| all().all(|file| pinned(file) != Some(hash.as_str())));
    if let Some((path, found)) = stranger {
        return Err(ModelError::UnknownFile {
            id: spec.id.clone(),
            path: path.clone(),
            found: found.clone(),
            expected: all()
                .filter_map(|file| Some(format!("{} ({})", pinned(file)?, file.name)))
                .collect(),
        });
    }
    let complete = |source: &&Source| {
        let wanted = source.files();
        let given =
            |file: &FileSpec| pinned(file).is_some_and(|hash| hashes.iter().any(|h| h == hash));
        wanted.len() == hashes.len() && wanted.iter().all(given)
    };
    spec.sources.iter().find(complete).ok_or_else(|| {
        let parts = |source: &Source| {
            let names: Vec<&str> = source.files().iter().map(|f| &f.name[..]).collect();
            names.join(" and ")
        };
        let choices: Vec<String> = spec.sources.iter().map(parts).collect();
        ModelError::IncompleteImport {
            id: spec.id.clone(),
            reason: format!("expected {}", choices.join(", or ")),
        }
    })
}

fn pinned(file: &FileSpec) -> Option<&str> {
    match &file.sha256 {
        Hash::Pinned(hash) => Some(hash),
        Hash::FromHub => None,
    }
}

fn describe(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    format!("import of {}", names.join(" and "))
}
