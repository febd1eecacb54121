//! Storing a folder that the user already has.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CONFIG, PYTORCH, TOKENIZER, WEIGHTS, validate};
use crate::fetch::Fetched;
use crate::store::Origin;
use crate::{
    FileSpec, Hash, HashFrom, ImportOptions, LocalModel, ModelError, ModelSpec, Progress, Source,
    Store, hash,
};

impl Store {
    /// Validates, copies and stores the files of one local folder; others in it are left alone.
    pub(crate) fn import_folder(
        &self,
        spec: &ModelSpec,
        given: &[PathBuf],
        options: &ImportOptions,
        progress: &dyn Progress,
    ) -> Result<LocalModel, ModelError> {
        let [dir] = given else {
            let named = given.first().cloned().unwrap_or_default();
            return Err(incomplete(spec, &named, "more than one path was given"));
        };
        let names = files_of(spec, dir)?;
        validate::config(spec, &dir.join(CONFIG))?;
        validate::json(&dir.join(TOKENIZER))?;
        validate::weights(spec, &dir.join(names[0]))?;

        let lock = self.lock(spec, progress)?;
        let scratch = self.scratch(spec, &lock)?;
        progress.converting();
        let mut parts = Vec::new();
        for name in names {
            // What is hashed is the copy, whatever happens to the original meanwhile.
            let (from, path) = (dir.join(name), scratch.path().join(format!("copy-of-{name}")));
            fs::copy(&from, &path).map_err(ModelError::io("copy", &from))?;
            let sha256 = hash::sha256_file(&path)?;
            let hash_from = vouch(spec, &from, name, &sha256, options)?;
            parts.push(Fetched { path, name: name.to_owned(), sha256, hash_from });
        }
        let origin = origin(spec, dir, &parts);
        let local = self.put_folder(spec, parts, origin, scratch.path())?;
        progress.done(&local.path);
        Ok(local)
    }
}

/// The names of weights, configuration and tokenizer in `dir`, in this order.
fn files_of(spec: &ModelSpec, dir: &Path) -> Result<[&'static str; 3], ModelError> {
    if !dir.is_dir() {
        return Err(incomplete(spec, dir, "it is not a folder"));
    }
    let weights = [WEIGHTS, PYTORCH].into_iter().find(|name| dir.join(name).is_file());
    let missing = [CONFIG, TOKENIZER].into_iter().find(|name| !dir.join(name).is_file());
    match (weights, missing) {
        (Some(weights), None) => Ok([weights, CONFIG, TOKENIZER]),
        (None, _) => Err(incomplete(spec, dir, &format!("it has no `{WEIGHTS}`"))),
        (_, Some(name)) => Err(incomplete(spec, dir, &format!("it has no `{name}`"))),
    }
}

fn incomplete(spec: &ModelSpec, path: &Path, reason: &str) -> ModelError {
    ModelError::IncompleteFolder {
        id: spec.id.clone(),
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Who knows this file: the registry, or, where that is allowed, nobody.
fn vouch(
    spec: &ModelSpec,
    from: &Path,
    name: &str,
    sha256: &str,
    options: &ImportOptions,
) -> Result<HashFrom, ModelError> {
    if pins(spec, name, sha256) {
        return Ok(HashFrom::Registry);
    }
    match hashes(spec, name) {
        Some(expected) if !options.allow_unknown => Err(ModelError::UnknownFile {
            id: spec.id.clone(),
            path: from.to_owned(),
            found: sha256.to_owned(),
            expected,
        }),
        _ => Ok(HashFrom::Import),
    }
}

fn offers<'a>(spec: &'a ModelSpec, name: &str) -> impl Iterator<Item = &'a FileSpec> {
    let weights = [WEIGHTS, PYTORCH].contains(&name);
    spec.sources.iter().flat_map(Source::files).filter(move |file| {
        let offered = file.base_name();
        if weights { [WEIGHTS, PYTORCH].contains(&offered) } else { offered == name }
    })
}

fn pins(spec: &ModelSpec, name: &str, sha256: &str) -> bool {
    let pinned = |file: &FileSpec| matches!(&file.sha256, Hash::Pinned(hash) if hash == sha256);
    offers(spec, name).any(pinned)
}

/// The hashes of the registry, each with its file's name; none if a source pins no hash, so that
/// nobody can say that the file is a stranger.
fn hashes(spec: &ModelSpec, name: &str) -> Option<Vec<String>> {
    offers(spec, name)
        .map(|file| match &file.sha256 {
            Hash::Pinned(hash) => Some(format!("{hash} ({})", file.base_name())),
            Hash::FromHub => None,
        })
        .collect()
}

/// The registry's source if the weights are its, else the folder.
fn origin(spec: &ModelSpec, dir: &Path, parts: &[Fetched]) -> Origin {
    let weights = &parts[0].sha256;
    let has = |source: &&Source| {
        let files = source.files().iter();
        files.clone().any(|f| matches!(&f.sha256, Hash::Pinned(hash) if hash == weights))
            && files.filter(|f| f.sha256 != Hash::FromHub).all(|f| {
                parts.iter().any(|p| matches!(&f.sha256, Hash::Pinned(hash) if *hash == p.sha256))
            })
    };
    let known = spec.sources.iter().find(has);
    let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
    Origin {
        source: known.map_or_else(|| format!("import of {name}"), Source::to_string),
        sha256: parts.iter().map(|part| part.sha256.clone()).collect(),
        known: known.is_some(),
    }
}
