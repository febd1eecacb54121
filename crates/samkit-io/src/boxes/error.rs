//! What can be wrong with an annotation file.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use miette::Diagnostic;

use super::BoxFormat;

/// Why boxes could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BoxFileError {
    /// There is nothing of this name.
    #[error("there is no file or folder `{}`", path.display())]
    #[diagnostic(help("check the spelling of the annotation file's path"))]
    NotFound {
        /// What was to be read.
        path: PathBuf,
    },
    /// The operating system refused or failed.
    #[error("`{}` cannot be read", path.display())]
    #[diagnostic(help("check who may read it, and the disk or network drive that holds it"))]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Neither the name nor the content says what it is.
    #[error("`{}` is in no format of boxes that is known by its ending or content: {found}", path.display())]
    #[diagnostic(help("name the format with `--boxes-format`: {}", BoxFormat::NAMES.join(", ")))]
    Unrecognised {
        /// What was to be read.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// A folder that could be one thing or another.
    #[error("the folder `{}` holds {found}", path.display())]
    #[diagnostic(help("name the format, or the file or folder in it that is meant"))]
    Mixed {
        /// The folder.
        path: PathBuf,
        /// The endings that are there.
        found: String,
    },
    /// A folder without files of the format.
    #[error("the folder `{}` holds no {expected}", path.display())]
    #[diagnostic(help(
        "looked in its subfolders too, but not at hidden files; name the folder with the \
         annotations, or the annotation file itself"
    ))]
    NoneInFolder {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// A folder where the format has one file for all images.
    #[error("`{}` is a folder, expected a file for the format `{format}`", path.display())]
    #[diagnostic(help("name the file in it"))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The format that was asked for.
        format: BoxFormat,
    },
    /// Text in another encoding than UTF-8.
    #[error("{place} is not UTF-8 text: {found}")]
    #[diagnostic(help("save the file as UTF-8 text in an editor; perhaps it is no text at all"))]
    Encoding {
        /// The file, and the line where it is known.
        place: Place,
        /// What is there.
        found: String,
    },
    /// A file that breaks the rules of JSON, XML, YAML or CSV.
    #[error("{place} is not valid {language}: {reason}")]
    #[diagnostic(help("a download or a copy may have been cut; get the file again, or mend it"))]
    Syntax {
        /// Where.
        place: Place,
        /// The language of the file.
        language: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// Well-formed, but not what the format has there.
    #[error("{place}: found {found}, expected {expected}")]
    #[diagnostic(help("correct the file, or name its format if it was taken for another one"))]
    Content {
        /// Where.
        place: Place,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// A table whose columns are not known.
    #[error("`{}` has no column for {missing}; its columns are {found}", path.display())]
    #[diagnostic(help("expected a header line with {expected}"))]
    Header {
        /// The table.
        path: PathBuf,
        /// What no column stands for.
        missing: &'static str,
        /// The header.
        found: String,
        /// Names that are known.
        expected: &'static str,
    },
    /// An option that does nothing for the format.
    #[error("`{}` is in the format `{format}`, which has images of its own", path.display())]
    #[diagnostic(help("a data set with the images is for COCO results only: leave it out"))]
    NoUseForImages {
        /// What was to be read.
        path: PathBuf,
        /// Its format.
        format: BoxFormat,
    },
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The column in bytes, from 1, where it is known. A value of the wrong kind is placed at its
    /// end.
    pub column: Option<usize>,
}

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), line: None, column: None }
    }

    pub(crate) fn line(path: &Path, line: usize) -> Self {
        Self { line: Some(line), ..Self::file(path) }
    }

    pub(crate) fn column(path: &Path, line: usize, column: usize) -> Self {
        Self { column: Some(column), ..Self::line(path, line) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        self.column.map_or(Ok(()), |column| write!(f, ", column {column}"))
    }
}

impl BoxFileError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Io { path, source },
        }
    }

    pub(crate) fn content(
        place: Place,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Content { place, found: found.into(), expected: expected.into() }
    }
}

/// `text` between quotes, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text))
}

/// At most some 60 characters of `text`.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
