//! Fetching a model: its sources in order, until one works.

use std::path::{Path, PathBuf};

use crate::convert::convert;
use crate::error::{Attempt, reason};
use crate::store::Origin;
use crate::{
    LocalModel, ModelError, ModelSpec, Progress, Source, SourceKind, Status, Store, fetch,
};

/// How to pull.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// Use what is stored, never the network.
    pub offline: bool,
    /// Try only sources of this kind.
    pub source: Option<SourceKind>,
    /// Fetch again even if the weights are there.
    pub force: bool,
}

impl Store {
    /// The weights from the store if they are there, else as [`Store::pull`].
    /// What is found is checked cheaply (see [`Store::status`]); damaged files
    /// are fetched again.
    ///
    /// # Errors
    /// As [`Store::pull`].
    pub fn ensure(
        &self,
        spec: &ModelSpec,
        options: &PullOptions,
        progress: &dyn Progress,
    ) -> Result<LocalModel, ModelError> {
        match self.status(spec) {
            // Without a lock, so that a store may be read-only.
            Status::Present(local) if !options.force => Ok(local),
            _ => self.pull(spec, options, progress),
        }
    }

    /// Fetches, verifies, converts and stores a model, trying its sources in
    /// order. Does nothing if the weights are there already, unless forced.
    ///
    /// Processes that pull the same model at the same time wait for the first,
    /// then use its result.
    ///
    /// # Errors
    /// [`ModelError::Offline`] (or [`ModelError::Damaged`]) if the network may
    /// not be used; [`ModelError::AllSourcesFailed`] with the reason of each
    /// source; [`ModelError::FolderMissing`] instead of both for a model that is
    /// a folder; [`ModelError::Io`] if the store cannot be written.
    pub fn pull(
        &self,
        spec: &ModelSpec,
        options: &PullOptions,
        progress: &dyn Progress,
    ) -> Result<LocalModel, ModelError> {
        if options.offline {
            return self.local(spec).map_err(|error| match error {
                ModelError::FolderMissing { .. } => self.folder_missing(spec, true, vec![]),
                ModelError::Missing { id, dir } => ModelError::Offline { id, dir },
                other => other,
            });
        }
        let sources = chosen(spec, options.source)?;
        let lock = self.lock(spec, progress)?;
        if let (Status::Present(local), false) = (self.status(spec), options.force) {
            return Ok(local);
        }
        let mut attempts = Vec::new();
        for source in sources {
            let name = source.to_string();
            progress.trying(&name, &self.path(spec));
            let scratch = self.scratch(spec, &lock)?;
            match self.pull_from(spec, source, scratch.path(), progress) {
                Ok(local) => {
                    progress.done(&local.path);
                    return Ok(local);
                }
                Err(error) => {
                    progress.failed(&name, &reason(&error));
                    attempts.push(Attempt { source: name, error });
                }
            }
        }
        if spec.is_folder() {
            return Err(self.folder_missing(spec, false, attempts));
        }
        Err(ModelError::AllSourcesFailed {
            id: spec.id.clone(),
            attempts,
            dir: self.dir().to_owned(),
        })
    }

    fn pull_from(
        &self,
        spec: &ModelSpec,
        source: &Source,
        scratch: &Path,
        progress: &dyn Progress,
    ) -> Result<LocalModel, ModelError> {
        let files = fetch::fetch(source, scratch, progress)?;
        progress.converting();
        let origin = Origin {
            source: source.to_string(),
            sha256: files.iter().map(|file| file.sha256.clone()).collect(),
            known: true,
        };
        if spec.is_folder() {
            return self.put_folder(spec, files, origin, scratch);
        }
        let paths: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
        let tensors = convert(spec, &paths)?;
        self.put(spec, &tensors, origin, scratch)
    }
}

fn chosen(spec: &ModelSpec, kind: Option<SourceKind>) -> Result<Vec<&Source>, ModelError> {
    let wanted: Vec<&Source> = spec
        .sources
        .iter()
        .filter(|source| kind.is_none_or(|kind| source.kind() == kind))
        .collect();
    match kind {
        Some(kind) if wanted.is_empty() => Err(ModelError::NoSuchSource {
            id: spec.id.clone(),
            kind,
            sources: spec.sources.iter().map(Source::to_string).collect(),
        }),
        _ => Ok(wanted),
    }
}
