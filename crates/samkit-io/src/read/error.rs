//! What can be wrong with a file.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use samkit_core::Size;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ReadError {
    /// There is nothing of this name.
    #[error("there is no file `{}`", path.display())]
    #[diagnostic(help("check the spelling; relative paths start at the current folder"))]
    NotFound {
        /// What was to be read.
        path: PathBuf,
    },
    /// The user may not read it.
    #[error("no permission to read `{}`", path.display())]
    #[diagnostic(help("check who owns the file and its folder, and who may read them"))]
    Denied {
        /// What was to be read.
        path: PathBuf,
    },
    /// A folder where a file is expected.
    #[error("`{}` is a folder, expected a file", path.display())]
    #[diagnostic(help("name a file in it"))]
    Folder {
        /// What was to be read.
        path: PathBuf,
    },
    /// A device, a pipe or a socket.
    #[error("`{}` is not an ordinary file", path.display())]
    #[diagnostic(help("devices and pipes cannot be read; save the data to a file first"))]
    Special {
        /// What was to be read.
        path: PathBuf,
    },
    /// The operating system failed in another way.
    #[error("`{}` cannot be read", path.display())]
    #[diagnostic(help("check the disk or the network drive that holds it"))]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file of 0 bytes.
    #[error("`{}` is empty (0 bytes)", path.display())]
    #[diagnostic(help("a download or a copy was probably cut; get the file again"))]
    Empty {
        /// What was to be read.
        path: PathBuf,
    },
    /// More bytes than [`crate::ReadLimits`] allow.
    #[error("`{}` is larger than {} MiB", path.display(), limit >> 20)]
    #[diagnostic(help("convert it to a compressed format such as PNG, or cut it into tiles"))]
    FileTooLarge {
        /// What was to be read.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Nothing in the file says that it is an image.
    #[error("`{}` is not an image, whatever its name says", path.display())]
    #[diagnostic(help(
        "open it in a text editor or a viewer to see what it is; the format is told by the content"
    ))]
    NotAnImage {
        /// What was to be read.
        path: PathBuf,
    },
    /// An image in a format without a decoder here.
    #[error("`{}` is {format}, which samkit does not read", path.display())]
    #[diagnostic(help("convert it to PNG; read are BMP, GIF, JPEG, PNG, PNM, QOI, TIFF and WebP"))]
    UnsupportedFormat {
        /// What was to be read.
        path: PathBuf,
        /// The format's name.
        format: String,
    },
    /// A variety of a known format that the decoder lacks.
    #[error("`{}` is {format} of a kind that samkit does not read: {reason}", path.display())]
    #[diagnostic(help("convert it to 8-bit RGB, for example as PNG"))]
    UnsupportedKind {
        /// What was to be read.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What is special about it.
        reason: String,
    },
    /// The file stops too early or contradicts itself.
    #[error("`{}` is a damaged {format}: {reason}", path.display())]
    #[diagnostic(help(
        "a download or a copy was probably cut; get the file again, or open it in an editor and save it anew"
    ))]
    Damaged {
        /// What was to be read.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// An image without pixels.
    #[error("`{}` has no pixels: its size is {size}", path.display())]
    #[diagnostic(help("the program that wrote it probably failed; make the file again"))]
    ZeroSize {
        /// What was to be read.
        path: PathBuf,
        /// Its size.
        size: Size,
    },
    /// More pixels or memory than [`crate::ReadLimits`] allow.
    #[error("`{}` is too large: {found}, expected {expected}", path.display())]
    #[diagnostic(help(
        "scale it down or cut it into tiles (the network itself sees 1024×1024 pixels), or allow more \
         with `--max-megapixels` and `--max-decode-memory`"
    ))]
    TooLarge {
        /// What was to be read.
        path: PathBuf,
        /// Its size.
        found: String,
        /// The limit.
        expected: String,
    },
    /// A data file that does not hold what it should.
    #[error("`{}` does not hold {expected}: {reason}", path.display())]
    #[diagnostic(help("expected a file as samkit writes it"))]
    Content {
        /// What was to be read.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl ReadError {
    /// The error that fits the operating system's answer.
    pub(super) fn open(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::NotFound => Self::NotFound { path },
            ErrorKind::PermissionDenied => Self::Denied { path },
            _ => Self::Io { path, source },
        }
    }
}
