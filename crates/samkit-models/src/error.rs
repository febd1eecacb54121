//! What can go wrong with weights, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use crate::{MODELS_DIR_VARIABLE, ModelSpec, Source};

/// A failure to find, fetch, verify, read or store weights.
#[derive(Debug, Error, Diagnostic)]
#[non_exhaustive]
pub enum ModelError {
    /// No model in the registry has this id.
    #[error("unknown model `{id}`")]
    #[diagnostic(help("{}known models: {}", did_you_mean(nearest.as_deref()), known.join(", ")))]
    UnknownModel {
        /// What was asked for.
        id: String,
        /// The id that was probably meant.
        nearest: Option<String>,
        /// Every id there is.
        known: Vec<String>,
    },

    /// A source was named that is no kind of source.
    #[error("unknown source `{name}`, expected `http` or `npm`")]
    UnknownSource {
        /// What was asked for.
        name: String,
    },

    /// The model has no source of the kind that was asked for.
    #[error("{id} has no {kind} source")]
    #[diagnostic(help("its sources: {}", sources.join(", ")))]
    NoSuchSource {
        /// The model.
        id: String,
        /// The kind that was asked for.
        kind: crate::SourceKind,
        /// The sources it has.
        sources: Vec<String>,
    },

    /// The weights are not in the store.
    #[error("the weights of {id} are not in {}", dir.display())]
    #[diagnostic(help("fetch them with `samkit models pull {id}`"))]
    Missing {
        /// The model.
        id: String,
        /// The store.
        dir: PathBuf,
    },

    /// The weights are not in the store and the network may not be used.
    #[error("the weights of {id} are not in {} and offline mode forbids fetching them", dir.display())]
    #[diagnostic(help(
        "drop `--offline`, or fetch the file elsewhere and run `samkit models import {id} FILE`, or set {MODELS_DIR_VARIABLE} to a folder that has them"
    ))]
    Offline {
        /// The model.
        id: String,
        /// The store.
        dir: PathBuf,
    },

    /// Stored weights are not as they were written.
    #[error("the weights at {} are damaged: {reason}", path.display())]
    #[diagnostic(help("fetch them again with `samkit models pull {id}`"))]
    Damaged {
        /// The model.
        id: String,
        /// The stored file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Every source was tried and none worked.
    #[error("no source of {id} worked{}", list(attempts))]
    #[diagnostic(help(
        "behind a proxy, set HTTPS_PROXY (and npm's own settings); or fetch the file elsewhere and run `samkit models import {id} FILE`; or set {MODELS_DIR_VARIABLE} to a folder that has the weights (now {})", dir.display()
    ))]
    AllSourcesFailed {
        /// The model.
        id: String,
        /// Each source with its reason, in the order they were tried.
        attempts: Vec<Attempt>,
        /// The store.
        dir: PathBuf,
    },

    /// The files of a model that is a folder are not in the store, and were not fetched: not
    /// tried, not allowed, or tried in vain.
    #[error("{}{}", absence(id, dir, *offline, attempts), list(attempts))]
    #[diagnostic(help(
        "needed: {}\n\
         fetch them with `samkit models pull {id}`{},\n\
         or get the files elsewhere and run `samkit models import {id} FOLDER`, or give the folder's path as the model,\n\
         or set {MODELS_DIR_VARIABLE} to a folder that has the weights (now {})", needed(needs, attempts), network(*offline, attempts), dir.display()
    ))]
    FolderMissing {
        /// The model.
        id: String,
        /// The store.
        dir: PathBuf,
        /// What is needed, how large it is and where it is from.
        needs: Box<Needs>,
        /// Whether the network may not be used.
        offline: bool,
        /// Each source with its reason, in the order they were tried; empty if none was.
        attempts: Vec<Attempt>,
    },

    /// The server could not be reached or did not answer with the file.
    #[error("{reason}")]
    Http {
        /// The address that was asked.
        url: String,
        /// What happened.
        reason: String,
    },

    /// A transfer stopped before its end.
    #[error("`{file}` was cut off after {done} of {expected} bytes: {reason}")]
    Interrupted {
        /// The file being transferred.
        file: String,
        /// Bytes that arrived.
        done: u64,
        /// Bytes that should have.
        expected: u64,
        /// What happened.
        reason: String,
    },

    /// A file has not the size that is pinned for it.
    #[error("`{file}` has the wrong size: expected {expected} bytes, found {found}")]
    SizeMismatch {
        /// The file.
        file: String,
        /// The pinned size.
        expected: u64,
        /// The size found; for a transfer that was stopped, a lower bound.
        found: u64,
    },

    /// A file has not the hash that is pinned for it, or that the hub named.
    #[error("`{file}` has the wrong {algorithm}: expected {expected}, found {found}")]
    HashMismatch {
        /// The file.
        file: String,
        /// What was compared, such as `SHA-256`.
        algorithm: &'static str,
        /// The pinned hash.
        expected: String,
        /// The hash of what is there.
        found: String,
    },

    /// There is no npm client to run.
    #[error("npm, which comes with Node.js, was not found")]
    #[diagnostic(help("install Node.js with npm, or use another source"))]
    NpmMissing,

    /// The npm client ran and failed.
    #[error("`npm pack {package}` failed: {reason}")]
    Npm {
        /// `NAME@VERSION`.
        package: String,
        /// The last words of the client.
        reason: String,
    },

    /// A package's tarball is not what it should be.
    #[error("the tarball of {package} is refused: {reason}")]
    Archive {
        /// `NAME@VERSION`.
        package: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A file given to an import is not one of the registry's.
    #[error("{} is not a known file of {id}: its SHA-256 is {found}, expected {}", path.display(), expected.join(" or "))]
    #[diagnostic(help(
        "the download may be damaged; to use other weights of the same network, allow unknown files (`--allow-unknown`)"
    ))]
    UnknownFile {
        /// The model.
        id: String,
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The hashes of the registry, each with its file's name.
        expected: Vec<String>,
    },

    /// The files given to an import are known, but are not one whole source.
    #[error("the files given for {id} are not complete: {reason}")]
    #[diagnostic(help("give every file of one source in one command"))]
    IncompleteImport {
        /// The model.
        id: String,
        /// What is missing or too much.
        reason: String,
    },

    /// What was given to an import is no folder with the files of the model.
    #[error("{} is not a folder of {id}: {reason}", path.display())]
    #[diagnostic(help(
        "give one folder with `config.json`, `tokenizer.json` and `model.safetensors` (or `pytorch_model.bin`)"
    ))]
    IncompleteFolder {
        /// The model.
        id: String,
        /// What was given.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },

    /// A weights file cannot be read.
    #[error("cannot read {} as {format}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format it was taken for.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },

    /// A PyTorch file wants something called that is not needed for tensors.
    #[error("{} is refused: it asks to call `{callable}`, which no plain state dict needs", path.display())]
    #[diagnostic(help(
        "nothing was executed; if you trust the file, load it in Python and save its state dict as safetensors"
    ))]
    UnsafePickle {
        /// The file.
        path: PathBuf,
        /// `module.name` as the file spells it.
        callable: String,
    },

    /// The file was read, but it does not hold this model.
    #[error("the file does not hold {id}: {reason}")]
    WrongModel {
        /// The model.
        id: String,
        /// The first thing that is not as expected.
        reason: String,
    },

    /// The system names no cache directory for this user.
    #[error("no cache directory is known for this user")]
    #[diagnostic(help("set {MODELS_DIR_VARIABLE} to the folder that shall hold the weights"))]
    NoCacheDir,

    /// The file system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted, as in "cannot *action* path".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl ModelError {
    /// For `map_err` on file operations.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// One source that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// The source, as it names itself.
    pub source: String,
    /// Why it did not work.
    pub error: ModelError,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, reason(&self.error))
    }
}

/// The files that a model consists of, as its first source has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Their names.
    pub files: Vec<String>,
    /// Their bytes together; of a file that is not pinned, the most it may have.
    pub bytes: u64,
    /// The address of the folder that has them.
    pub from: String,
}

impl Needs {
    pub(crate) fn of(spec: &ModelSpec) -> Self {
        let first = spec.sources.first();
        let files = first.map_or(&[][..], Source::files);
        Self {
            files: files.iter().map(|file| file.base_name().to_owned()).collect(),
            bytes: files.iter().map(|file| file.size).sum(),
            from: match first {
                Some(Source::Http { folder, .. }) => folder.clone(),
                other => other.map_or_else(String::new, Source::to_string),
            },
        }
    }
}

impl Needs {
    fn what(&self) -> String {
        format!("{} ({:.0} MB)", self.files.join(", "), self.bytes as f64 / 1e6)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.what(), self.from)
    }
}

fn absence(id: &str, dir: &Path, offline: bool, attempts: &[Attempt]) -> String {
    let dir = dir.display();
    match (offline, attempts) {
        (_, [_, ..]) => format!("no source of {id} worked"),
        (true, []) => {
            format!("the weights of {id} are not in {dir} and offline mode forbids fetching them")
        }
        (false, []) => format!("the weights of {id} are not in {dir}"),
    }
}

/// What is needed, and where it is from where no attempt names that already.
fn needed(needs: &Needs, attempts: &[Attempt]) -> String {
    if attempts.is_empty() { needs.to_string() } else { needs.what() }
}

/// What to change before the next pull.
fn network(offline: bool, attempts: &[Attempt]) -> &'static str {
    match (offline, attempts) {
        (_, [_, ..]) => " where there is a network (behind a proxy, set HTTPS_PROXY)",
        (true, []) => " and without `--offline`",
        (false, []) => "",
    }
}

/// An error in one line, with its causes.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(|a| format!("\n  {a}")).collect()
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |id| format!("did you mean `{id}`? "))
}
