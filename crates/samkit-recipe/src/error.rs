//! Why a recipe cannot be used, shown at its place.

use std::{path::PathBuf, sync::Arc};

use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::{Position, Problem, Source, excerpt::excerpt, limits::MAX_SHOWN};

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
    /// The file is too long to be a recipe.
    #[error("{} has {size} bytes, and a recipe at most {limit}", path.display())]
    #[diagnostic(help(
        "a recipe is a text file in YAML; images are named in it, or with `--input`"
    ))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
        /// Bytes that a recipe can have.
        limit: usize,
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
    /// Several things at once.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Several(#[from] Box<Several>),
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
    text: NamedSource<Arc<String>>,
    #[label("{label}")]
    span: SourceSpan,
    label: String,
    #[help]
    help: Option<String>,
}

/// Errors of one recipe, in the order of the text.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{}{} things are wrong with this recipe", if *more { "more than " } else { "" }, errors.len())]
pub struct Several {
    /// The first of them.
    #[related]
    pub errors: Vec<RecipeError>,
    /// Whether there are more.
    pub more: bool,
    #[help]
    help: Option<String>,
}

impl Invalid {
    pub(crate) fn new(source: &Source, position: Position, problem: Problem) -> Self {
        let (text, span) = excerpt(source, position);
        Self {
            place: format!("{}:{}:{}", source.name(), position.line, position.column),
            text: NamedSource::new(source.name(), text),
            span,
            label: problem.label(),
            help: problem.help(),
            problem,
        }
    }
}

impl From<Invalid> for RecipeError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(Box::new(invalid))
    }
}

impl RecipeError {
    /// One error that shows all of `errors`: itself where there is one, nothing where there is
    /// none.
    ///
    /// # Errors
    /// When there is at least one.
    pub fn join(errors: Vec<Self>) -> Result<(), Self> {
        let mut all = Vec::new();
        let mut more = false;
        for error in errors {
            match error {
                Self::Several(several) => {
                    all.extend(several.errors);
                    more |= several.more;
                }
                other => all.push(other),
            }
        }
        Self::several(all, more)
    }

    /// `errors`; `more` where there were others that were not kept.
    pub(crate) fn several(mut errors: Vec<Self>, more: bool) -> Result<(), Self> {
        let more = more || errors.len() > MAX_SHOWN;
        errors.truncate(MAX_SHOWN);
        if errors.len() <= 1 {
            return errors.pop().map_or(Ok(()), Err);
        }
        let help = more.then(|| "mend these first: the others are not shown".into());
        Err(Self::Several(Box::new(Several { errors, more, help })))
    }

    /// The errors one by one.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Several(several) => &several.errors,
            one => std::slice::from_ref(one),
        }
    }
}
