//! What is asked for, and how masks are looked at.

use std::collections::BTreeMap;

use samkit_core::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Outside, Prefer};

/// The model that is used where nobody says.
pub const DEFAULT_MODEL: &str = "clip-vit-b32";

/// Sentences that a name is put into, at `{}`; their embeddings are averaged.
pub const TEMPLATES: [&str; 5] = [
    "a photo of {}.",
    "a close-up photo of {}.",
    "a cropped photo of {}.",
    "a picture of {}.",
    "there is {} in the picture.",
];

/// The same for names without an article.
pub const NAME_TEMPLATES: [&str; 5] = [
    "a photo of a {}.",
    "a close-up photo of a {}.",
    "a cropped photo of a {}.",
    "a photo of the {}.",
    "there is a {} in the picture.",
];

/// What a region may be instead of what is asked for.
pub const BACKGROUND: [&str; 7] = [
    "the background",
    "a plain surface",
    "a texture",
    "part of something",
    "several things",
    "something else",
    "a blurry picture",
];

/// How masks become pictures for CLIP, and texts become queries: what the tasks `text` and `semantic`
/// have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Looking {
    /// CLIP's weights: a name of `samkit models list`, or a folder with `config.json`,
    /// `model.safetensors` and `tokenizer.json`.
    pub model: String,
    /// Sentences that a name is put into, at `{}`; their embeddings are averaged.
    pub templates: Vec<String>,
    /// What a region may be instead. More of them find less; none finds something everywhere.
    pub background: Vec<String>,
    /// Margin around a mask's box, as a part of its longer side, 0 to 2. A larger one shows more of the
    /// surroundings: better for things known by where they are, worse for small things beside others.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub margin: f32,
    /// What becomes of pixels outside the mask, a picture each, averaged: `keep`, `dim`, `blur`, `white`
    /// or `grey`. `keep` alone names a mask after its neighbours; `white` and `grey` alone
    /// lose the surroundings.
    pub outside: Vec<Outside>,
    /// Masks with a smaller part of the image's pixels than this are not looked at, 0 to 1. Tiny ones
    /// fit anything.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_area: f32,
    /// Masks with a greater part of the image's pixels than this are not looked at, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_area: f32,
    /// Of two masks that overlap by a greater IoU than this only the one with the higher predicted IoU
    /// is looked at, 0 to 1; 1 looks at both.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_nms_threshold: f32,
    /// Points along each side of the grid that finds masks where no step gives any, 1 to 256.
    #[schemars(range(min = 1, max = 256))]
    pub points_per_side: u32,
}

impl Default for Looking {
    fn default() -> Self {
        Self {
            model: DEFAULT_MODEL.to_owned(),
            templates: TEMPLATES.map(str::to_owned).to_vec(),
            background: BACKGROUND.map(str::to_owned).to_vec(),
            margin: 0.1,
            outside: vec![Outside::Keep, Outside::Dim],
            min_area: 0.0005,
            max_area: 0.95,
            mask_nms_threshold: 0.85,
            points_per_side: 32,
        }
    }
}

impl Looking {
    /// Checks every parameter.
    ///
    /// # Errors
    /// The first that is out of range, or empty where it must not be.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("margin", self.margin, 0.0..=2.0)?;
        ParamError::check_range("min_area", self.min_area, 0.0..=1.0)?;
        ParamError::check_range("max_area", self.max_area, 0.0..=1.0)?;
        ParamError::check_range("mask_nms_threshold", self.mask_nms_threshold, 0.0..=1.0)?;
        ParamError::check_range("points_per_side", self.points_per_side, 1..=256)?;
        if self.outside.is_empty() {
            let expected = "at least one of `keep`, `dim`, `blur`, `white` and `grey`";
            return Err(ParamError::new("outside", "an empty list", expected));
        }
        match self.templates.iter().find(|template| !template.contains("{}")) {
            Some(template) => {
                let expected = "a sentence with `{}` where the name goes";
                Err(ParamError::new("templates", format!("`{template}`"), expected))
            }
            None if self.templates.is_empty() => {
                Err(ParamError::new("templates", "an empty list", "at least one, such as `{}`"))
            }
            None => Ok(()),
        }
    }
}

/// Parameters of the task `text`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TextParams {
    /// What to look for: one or more descriptions, such as `a red mug`.
    pub queries: Vec<String>,
    /// Lowest share that a query has to have in a region's softmax over all queries and `background`, 0
    /// to 1. Higher finds less, and less that is wrong.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f32,
    /// Lowest cosine between a region and a query, −1 to 1. With CLIP's own weights right ones lie
    /// around 0.25 to 0.35; −1 asks for none.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub min_similarity: f32,
    /// Which of several masks of one thing is taken: `whole`, `part` or `best`.
    pub prefer: Prefer,
    /// Two masks are of one thing where more than this part of the smaller lies in the larger, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub nested_overlap: f32,
    /// Most segments a query and image, the best first, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub max_results: u32,
    /// How masks are looked at.
    #[serde(flatten)]
    pub looking: Looking,
    /// Parameters that there are not; a flattened struct cannot refuse them itself.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unknown,
}

/// Parameters that a task does not have, by their names.
pub type Unknown = BTreeMap<String, serde_json::Value>;

impl Default for TextParams {
    fn default() -> Self {
        Self {
            queries: Vec::new(),
            threshold: 0.5,
            min_similarity: -1.0,
            prefer: Prefer::default(),
            nested_overlap: 0.7,
            max_results: 100,
            looking: Looking::default(),
            unknown: Unknown::new(),
        }
    }
}

impl TextParams {
    /// Checks every parameter.
    ///
    /// # Errors
    /// The first that is out of range, or empty where it must not be.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("threshold", self.threshold, 0.0..=1.0)?;
        ParamError::check_range("min_similarity", self.min_similarity, -1.0..=1.0)?;
        ParamError::check_range("nested_overlap", self.nested_overlap, 0.0..=1.0)?;
        ParamError::check_range("max_results", self.max_results, 1..=1000)?;
        check_names("queries", &self.queries, "at least one description, such as `a red mug`")?;
        check_unknown(&self.unknown)?;
        self.looking.validate()
    }
}

/// Names that are there, not empty, and different.
pub fn check_names(
    parameter: &'static str,
    names: &[String],
    expected: &str,
) -> Result<(), ParamError> {
    if names.is_empty() {
        return Err(ParamError::new(parameter, "an empty list", expected));
    }
    for (index, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(ParamError::new(parameter, "a list with an empty text", expected));
        }
        if names[..index].contains(name) {
            let found = format!("a list with `{name}` twice");
            return Err(ParamError::new(parameter, found, "every one once"));
        }
    }
    Ok(())
}

/// Refuses what is no parameter.
pub fn check_unknown(unknown: &Unknown) -> Result<(), ParamError> {
    match unknown.keys().next() {
        Some(name) => Err(ParamError::new(
            "params",
            format!("with an unknown `{name}`"),
            "known parameters only",
        )),
        None => Ok(()),
    }
}
