//! What can be wrong with a recipe: the message, the words at the marker, the hint.

use crate::{
    LinkProblem, nearest,
    words::{all_of, quoted},
};

/// What can be wrong at one place of a recipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is not YAML.
    #[error("not valid YAML: {message}")]
    Syntax {
        /// What the parser could not take.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// More text than a recipe can have.
    #[error("too long for a recipe: it has more than 1 MiB")]
    TooLarge,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 text: the byte {0:#04x} cannot stand here")]
    NotUtf8(u8),
    /// A sign that texts do not hold.
    #[error("the control character U+{:04X} cannot stand in a recipe", u32::from(*.0))]
    ControlCharacter(char),
    /// A second YAML document in one file.
    #[error("a second document begins here, and a recipe is one")]
    TwoDocuments,
    /// A YAML tag.
    #[error("tags that begin with `!` mean nothing in a recipe")]
    Tag,
    /// More values than a recipe can have.
    #[error("too many values for a recipe")]
    TooMany,
    /// One anchor for two values.
    #[error("the anchor `&{0}` is given to two values")]
    AnchorTwice(String),
    /// Aliases or variables that make a short text a very long one.
    #[error("too much to write out: aliases or variables repeat each other")]
    Explodes,
    /// Lists or mappings too deep inside each other.
    #[error("too many lists or mappings inside each other")]
    Nested,
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
    /// `${name}` that cannot be filled in.
    #[error(transparent)]
    Variable(#[from] VariableProblem),
    /// `include` that cannot be followed.
    #[error("cannot include `{path}`: {reason}")]
    Include {
        /// The recipe as it was named.
        path: String,
        /// Why not.
        reason: String,
        /// What to do.
        help: String,
    },
    /// Steps that do not fit together.
    #[error(transparent)]
    Link(Box<LinkProblem>),
    /// Anything else that only the program that runs the recipe can know.
    #[error("{message}")]
    Other {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl From<LinkProblem> for Problem {
    fn from(problem: LinkProblem) -> Self {
        Self::Link(Box::new(problem))
    }
}

/// What can be wrong with `vars` and `${name}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableProblem {
    /// `${` without `}`.
    #[error("`${{` is not closed with `}}`")]
    Unclosed,
    /// A variable that refers to itself or to one below it.
    #[error("variable `{0}` is used before it has a value")]
    TooEarly(String),
    /// A variable that the recipe declares and nobody gave a value.
    #[error("variable `{0}` has no value")]
    Empty(String),
    /// A list or mapping in the middle of a text.
    #[error("variable `{name}` is {found} and cannot stand inside a text")]
    NotText {
        /// The variable.
        name: String,
        /// What it holds.
        found: String,
    },
}

impl Problem {
    /// The words beside the marker under the line.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Syntax { .. } => "the parser stopped here".into(),
            Self::TooLarge => "the file begins here".into(),
            Self::NotUtf8(_) | Self::ControlCharacter(_) | Self::Other { .. } => "here".into(),
            Self::TwoDocuments => "the second one".into(),
            Self::Tag => "this value has a tag".into(),
            Self::AnchorTwice(_) => "second time".into(),
            Self::Explodes | Self::Nested | Self::TooMany => "too much from here on".into(),
            Self::UnknownKey { key, allowed } => suggest(key, allowed, "not a key here"),
            Self::MissingKey { key, .. } => format!("`{key}` belongs in here"),
            Self::DuplicateKey => "second time".into(),
            Self::Value { expected, .. } => format!("expected {expected}"),
            Self::UnknownName { name, allowed, what } => {
                suggest(name, allowed, &format!("no such {what}"))
            }
            Self::Version { expected, .. } => format!("expected {expected}"),
            Self::DuplicateStep(_) => "second step of this name".into(),
            Self::Variable(VariableProblem::Unclosed) => "a `}` is missing".into(),
            Self::Variable(_) => "used here".into(),
            Self::Include { .. } => "named here".into(),
            Self::Link(problem) => problem.label(),
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Self::Syntax { help, .. } => return help.clone(),
            Self::Value { .. } => return None,
            Self::TooLarge => "a recipe has a few thousand bytes: is this another file?".into(),
            Self::NotUtf8(_) => "save the file as UTF-8".into(),
            Self::ControlCharacter(_) => "delete it; is this a text file?".into(),
            Self::TwoDocuments => "write a file for each recipe, without `---` between".into(),
            Self::TooMany => "a recipe has a few hundred: is this another file?".into(),
            Self::AnchorTwice(_) => "give each anchor a name of its own".into(),
            Self::Tag => "leave the tag out, or put the value in quotes".into(),
            Self::Explodes => {
                "write the values out, or use fewer `*aliases` and `${variables}`".into()
            }
            Self::Nested => {
                "a recipe is a few levels deep: are brackets or indentation wrong?".into()
            }
            Self::UnknownKey { key, .. } if key == "<<" => {
                "`<<` does not merge here: write the keys out, or `include` a recipe that has them"
                    .into()
            }
            Self::UnknownKey { allowed, .. } if allowed.is_empty() => {
                "no keys are expected here".into()
            }
            // Most often a parameter that is not indented far enough.
            Self::UnknownKey { allowed, .. } if allowed.iter().any(|key| key == "params") => {
                let keys = all_of(allowed);
                format!(
                    "the keys here are {keys}; parameters of the task stand under `params`, indented"
                )
            }
            Self::UnknownKey { allowed, .. } => format!("the keys here are {}", all_of(allowed)),
            Self::UnknownName { what, allowed, .. } => match allowed.as_slice() {
                [] => format!("there are no {what}s here"),
                [only] => format!("the only {what} here is {}", quoted(only)),
                several => format!("the {what}s are {}", all_of(several)),
            },
            Self::MissingKey { key, expected } => format!("add `{key}`: {expected}"),
            Self::DuplicateKey => "keep one of the two".into(),
            Self::DuplicateStep(_) => "give each step an `id` of its own".into(),
            Self::Version { .. } => "a newer samkit may read it".into(),
            Self::Variable(problem) => problem.help(),
            Self::Include { help, .. } | Self::Other { help, .. } => help.clone(),
            Self::Link(problem) => problem.help(),
        };
        Some(help)
    }
}

impl VariableProblem {
    fn help(&self) -> String {
        match self {
            Self::Unclosed => "write `${name}`, or `$${` to mean the signs themselves".into(),
            Self::TooEarly(_) => "a variable may use those that stand above it in `vars`".into(),
            Self::Empty(name) => {
                format!("give it one under `vars`, or with `--set vars.{name}=VALUE`")
            }
            Self::NotText { name, .. } => {
                format!("let the whole value be {}", quoted(&format!("${{{name}}}")))
            }
        }
    }
}

/// "did you mean …?", or `otherwise`.
pub(crate) fn suggest(name: &str, allowed: &[String], otherwise: &str) -> String {
    match nearest(name, allowed.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}
