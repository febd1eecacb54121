//! What tasks there are, as plain data: enough to check a recipe without running any of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Every task that a recipe can name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// The tasks; every name is there once.
    pub tasks: Vec<TaskInfo>,
}

/// A task as recipes see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskInfo {
    /// What `task` calls it.
    pub name: String,
    /// One sentence about it.
    pub about: String,
    /// What it takes from other steps.
    pub inputs: Vec<InputInfo>,
    /// What it gives to other steps.
    pub outputs: Vec<OutputInfo>,
    /// What it can write.
    pub products: Vec<ProductInfo>,
    /// JSON Schema (draft 7) of its parameters: an object. What a `default` says is used where the
    /// recipe is silent. A text of `"format": "path"`, or one that ends as `x-path` says, is relative to
    /// the recipe.
    pub params: serde_json::Value,
}

/// Something that a task takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputInfo {
    /// What `inputs` calls it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether a step cannot do without it. An image that no step gives is the one of the run.
    pub required: bool,
    /// One sentence about it.
    pub about: String,
}

/// Something that a task gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputInfo {
    /// Its name, for steps that take one of several: `STEP.NAME`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Something that a task can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductInfo {
    /// What `save` calls it.
    pub name: String,
    /// What follows the image's stem and a `.`: `edges.png`; the whole name where it is one a run.
    pub suffix: String,
    /// Whether it is one for all images of a run.
    pub per_run: bool,
    /// Whether it is written where `save` is silent.
    pub default: bool,
    /// The parameter without which it cannot be made.
    pub needs: Option<String>,
    /// One sentence about it.
    pub about: String,
}

/// What passes between steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Pixels.
    Image,
    /// Boxes, with or without labels and scores.
    Boxes,
    /// Masks, with or without labels and scores.
    Masks,
    /// Strengths from 0 to 1, one a pixel.
    EdgeMap,
    /// Words.
    Text,
    /// Rows of named values.
    Table,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Boxes => "boxes",
            Self::Masks => "masks",
            Self::EdgeMap => "edge map",
            Self::Text => "text",
            Self::Table => "table",
        })
    }
}

impl Kind {
    /// With the article that a sentence needs.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Image => "an image",
            Self::Boxes => "boxes",
            Self::Masks => "masks",
            Self::EdgeMap => "an edge map",
            Self::Text => "text",
            Self::Table => "a table",
        }
    }
}

impl Catalogue {
    /// The task of this name.
    pub fn find(&self, name: &str) -> Option<&TaskInfo> {
        self.tasks.iter().find(|task| task.name == name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tasks.iter().map(|task| task.name.clone()).collect()
    }
}

impl TaskInfo {
    /// The schemas of its parameters by name, in the order of the schema.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        let properties = self.params.get("properties").and_then(serde_json::Value::as_object);
        properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
    }
}
