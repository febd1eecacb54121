//! What can go wrong when a file is written.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use miette::Diagnostic;

/// Why a file could not be written. Nothing of it is left behind.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum WriteError {
    /// Its folder could not be made.
    #[error("folder `{}` cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
        /// What to do.
        #[help]
        help: &'static str,
    },
    /// The file itself failed.
    #[error("`{}` cannot be written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
        /// What to do.
        #[help]
        help: &'static str,
    },
}

impl WriteError {
    pub(super) fn folder(path: &Path, source: io::Error) -> Self {
        Self::Folder { path: path.into(), help: help(&source), source }
    }

    /// That `path` could not be written.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.into(), help: help(&source), source }
    }
}

fn help(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "choose an output folder that you may write to"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or choose an output folder on another disk"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a file stands where a folder is needed: move it, or choose another output folder"
        }
        ErrorKind::IsADirectory => {
            "a folder stands where the file is needed: move it, or choose another output folder"
        }
        ErrorKind::InvalidFilename => "the name is too long or not allowed: rename the input",
        _ => "check the disk or the network drive, or choose another output folder",
    }
}
