//! Which names there are, and when one fits.

use samkit_core::ParamError;
use samkit_task_text::{Looking, NAME_TEMPLATES, Unknown, check_names, check_unknown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Vocabularies that are built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// The 80 kinds of things that COCO annotates.
    #[default]
    Coco,
}

/// Parameters of the task `semantic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SemanticParams {
    /// The names that masks can get.
    pub vocabulary: Vec<String>,
    /// A text file with such names, one a line, where `vocabulary` is empty.
    #[schemars(extend("format" = "path"))]
    pub vocabulary_file: Option<String>,
    /// The vocabulary where neither is given: `coco`.
    pub set: Set,
    /// Lowest share that a name has to have in a mask's softmax over the vocabulary and `background`, 0
    /// to 1. Higher leaves more masks without a name, and names fewer wrongly.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f32,
    /// Whether masks without a name are results too.
    pub unlabelled: bool,
    /// How masks are looked at.
    #[serde(flatten)]
    pub looking: Looking,
    /// Parameters that there are not; a flattened struct cannot refuse them itself.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unknown,
}

impl Default for SemanticParams {
    fn default() -> Self {
        Self {
            vocabulary: Vec::new(),
            vocabulary_file: None,
            set: Set::default(),
            threshold: 0.3,
            unlabelled: false,
            looking: Looking {
                templates: NAME_TEMPLATES.map(str::to_owned).to_vec(),
                ..Looking::default()
            },
            unknown: Unknown::new(),
        }
    }
}

impl SemanticParams {
    /// Checks every parameter.
    ///
    /// # Errors
    /// The first that is out of range, or unknown.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("threshold", self.threshold, 0.0..=1.0)?;
        if !self.vocabulary.is_empty() {
            check_names("vocabulary", &self.vocabulary, "names, such as `cat`")?;
        }
        check_unknown(&self.unknown)?;
        self.looking.validate()
    }
}
