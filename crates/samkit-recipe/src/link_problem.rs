//! What can be wrong between steps.

use crate::{
    Kind,
    words::{all_of, quoted},
};

/// What can be wrong between steps, their inputs and the files that they write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkProblem {
    /// A task that cannot work without something that no step gives it.
    #[error("task `{task}` needs {} from another step, as its input `{input}`", kind.phrase())]
    MissingInput {
        /// The task.
        task: String,
        /// What it calls the input.
        input: String,
        /// What the input is.
        kind: Kind,
        /// Earlier steps, or results of them, of that kind.
        givers: Vec<String>,
    },
    /// A step that takes from itself.
    #[error("step `{0}` cannot take its own result")]
    Itself(String),
    /// A step that takes from one below it.
    #[error("step `{giver}` runs only after this one")]
    Later {
        /// The step that gives.
        giver: String,
        /// The step that takes.
        taker: String,
    },
    /// Steps that wait for each other.
    #[error("steps wait for each other in a circle: {}", .0.join(" → "))]
    Circle(Vec<String>),
    /// A result of the wrong kind.
    #[error("input `{input}` takes {}, and step `{step}` gives {}", wants.phrase(), kinds(gives))]
    WrongKind {
        /// What the taking task calls it.
        input: String,
        /// What it can be.
        wants: Kind,
        /// The giving step.
        step: String,
        /// What that gives.
        gives: Vec<Kind>,
    },
    /// A step with several results that would do.
    #[error("step `{step}` gives several {kind}")]
    Ambiguous {
        /// The giving step.
        step: String,
        /// What is taken from it.
        kind: Kind,
        /// The results' names.
        outputs: Vec<String>,
    },
    /// A result that is named twice.
    #[error("`{0}` is saved twice")]
    SavedTwice(String),
    /// A result that cannot be made with these parameters.
    #[error("`{product}` needs the parameter `{needs}`, which is not given")]
    NeedsParameter {
        /// The result.
        product: String,
        /// The parameter.
        needs: String,
    },
    /// Two results with one file.
    #[error(
        "`{product}` of step `{step}` and `{other_product}` of step `{other_step}` would be the \
         same file, {file}"
    )]
    SameFile {
        /// The file, `NAME` standing for the image's name.
        file: String,
        /// The step.
        step: String,
        /// Its result.
        product: String,
        /// The step before.
        other_step: String,
        /// Its result.
        other_product: String,
    },
}

impl LinkProblem {
    pub(crate) fn label(&self) -> String {
        match self {
            Self::MissingInput { input, .. } => format!("`{input}` belongs in here"),
            Self::Itself(_) => "the step itself".into(),
            Self::Later { .. } => "a later step".into(),
            Self::Circle(_) => "the circle closes here".into(),
            Self::WrongKind { wants, .. } => format!("expected {}", wants.phrase()),
            Self::Ambiguous { .. } => "which of them?".into(),
            Self::SavedTwice(_) => "second time".into(),
            Self::NeedsParameter { needs, .. } => format!("cannot be made without `{needs}`"),
            Self::SameFile { .. } => "would replace the other".into(),
        }
    }

    pub(crate) fn help(&self) -> String {
        match self {
            Self::MissingInput { input, givers, .. } if !givers.is_empty() => {
                format!("add {} under `inputs`", quoted(&format!("{input}: {}", givers[0])))
            }
            Self::MissingInput { input, kind, .. } => format!(
                "put a step that gives {} above this one, and add `{input}: STEP` under `inputs`",
                kind.phrase()
            ),
            Self::Itself(_) => "name an earlier step".into(),
            Self::Later { giver, taker } => format!("move step `{giver}` above step `{taker}`"),
            Self::Circle(_) => "leave out one of these inputs".into(),
            Self::WrongKind { wants, .. } => {
                format!("name an earlier step that gives {}", wants.phrase())
            }
            Self::Ambiguous { step, outputs, .. } => {
                let named: Vec<_> = outputs.iter().map(|name| format!("{step}.{name}")).collect();
                format!("name one of them: {}", all_of(&named))
            }
            Self::SavedTwice(_) => "leave one of the two out".into(),
            Self::NeedsParameter { product, needs } => {
                format!("give `{needs}` under `params`, or leave {} out", quoted(product))
            }
            Self::SameFile { .. } => {
                "give the steps ids that differ in more than upper and lower case, or leave one \
                 of the two out of `save`"
                    .into()
            }
        }
    }
}

fn kinds(kinds: &[Kind]) -> String {
    match kinds {
        [] => "nothing to other steps".into(),
        kinds => {
            let phrases: Vec<_> = kinds.iter().map(|kind| kind.phrase().to_owned()).collect();
            phrases.join(", ")
        }
    }
}
