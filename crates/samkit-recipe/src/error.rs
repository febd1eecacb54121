//! What can be wrong with a recipe, shown at its place.

use std::path::PathBuf;

use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::nearest;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("cannot read recipe {}", path.display())]
    #[diagnostic(help(
        "a recipe is a text file in YAML; images are named in it, or with `--input`"
    ))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An override that is not of the form `path=value`, or whose path leads nowhere.
    #[error("cannot apply `--set {given}`: {reason}")]
    Override {
        /// The override as given.
        given: String,
        /// What is wrong.
        reason: String,
        /// What to write instead.
        #[help]
        help: Option<String>,
    },
    /// The text, at one place.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] Box<Invalid>),
}

/// A [`Problem`] at its place in a text.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{place}: {problem}")]
pub struct Invalid {
    /// `file:line:column`.
    pub place: String,
    /// What is wrong there.
    pub problem: Problem,
    #[source_code]
    pub(crate) text: NamedSource<String>,
    #[label("{label}")]
    pub(crate) span: SourceSpan,
    pub(crate) label: String,
    #[help]
    pub(crate) help: Option<String>,
}

/// What can be wrong at one place of a recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// A key that does not exist there.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that exist.
        allowed: Vec<String>,
    },
    /// A key that must be there and is not.
    #[error("`{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
        /// What it shall hold.
        expected: String,
    },
    /// The same key twice in one mapping.
    #[error("the same key stands here twice")]
    DuplicateKey,
    /// A value of the wrong type, or outside its range.
    #[error("`{name}` is {found}, expected {expected}")]
    Value {
        /// Path or name of the value.
        name: String,
        /// The value that was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A name that is none of those that exist.
    #[error("unknown {what} `{name}`")]
    UnknownName {
        /// Kind of thing that is named, such as `task`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that exist.
        allowed: Vec<String>,
    },
    /// A recipe of another format version.
    #[error("this recipe is of version {found}, and this samkit reads version {expected}")]
    Version {
        /// The recipe's version.
        found: String,
        /// The version that is read.
        expected: u64,
    },
    /// Two steps of one name.
    #[error("two steps have the id `{0}`")]
    DuplicateStep(String),
    /// Anything else that only the program that runs the recipe can know.
    #[error("{message}")]
    Other {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl Problem {
    /// The words beside the marker under the line.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Syntax(_) => "the parser stopped here".into(),
            Self::UnknownKey { key, allowed } => self.suggest(key, allowed, "not a key here"),
            Self::MissingKey { key, .. } => format!("`{key}` belongs in here"),
            Self::DuplicateKey => "second time".into(),
            Self::Value { expected, .. } => format!("expected {expected}"),
            Self::UnknownName { name, allowed, what } => {
                self.suggest(name, allowed, &format!("no such {what}"))
            }
            Self::Version { expected, .. } => format!("expected {expected}"),
            Self::DuplicateStep(_) => "second step of this name".into(),
            Self::Other { .. } => "here".into(),
        }
    }

    fn suggest(&self, name: &str, allowed: &[String], otherwise: &str) -> String {
        match nearest(name, allowed.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => otherwise.to_owned(),
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { allowed, .. } if allowed.is_empty() => {
                Some("no keys are expected here".into())
            }
            Self::UnknownKey { allowed, .. } => {
                Some(format!("the keys here are {}", list(allowed)))
            }
            Self::UnknownName { allowed, what, .. } => {
                Some(format!("there is {what} {}", list(allowed)))
            }
            Self::MissingKey { key, expected } => Some(format!("add `{key}`: {expected}")),
            Self::DuplicateKey => Some("keep one of the two".into()),
            Self::DuplicateStep(_) => Some("give each step an `id` of its own".into()),
            Self::Version { .. } => Some("a newer samkit may read it".into()),
            Self::Other { help, .. } => Some(help.clone()),
            Self::Syntax(_) | Self::Value { .. } => None,
        }
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
