//! The typed recipe.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_yaml::Value;

use crate::{Override, Source};

/// The one version of the recipe format that this crate reads.
pub const VERSION: u64 = 1;

/// A recipe whose form is right. What its tasks, models and parameters mean is for the program
/// that runs it to check, before any work begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Files, folders and globs, relative to the recipe's folder; empty where the recipe names none.
    pub input: Vec<String>,
    /// Output folder, relative to the recipe's folder.
    pub output: Option<String>,
    /// Which network runs, and where.
    pub engine: EngineSettings,
    /// What to do with each image, in order. Never empty; every `id` is there once.
    pub steps: Vec<Step>,
    pub(crate) source: Source,
    pub(crate) overrides: Vec<Override>,
}

/// The `engine` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineSettings {
    /// Id of the model.
    pub model: Option<String>,
    /// `auto`, `cpu`, …
    pub device: Option<String>,
    /// Number of threads; all cores where it is not said.
    pub threads: Option<usize>,
}

/// One entry of `steps`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the step, by which later steps and `--set` refer to it; the task's name where the
    /// recipe gives none.
    pub id: String,
    /// Which task.
    pub task: String,
    /// The task's parameters: a mapping with text keys.
    pub params: Value,
    /// Results of earlier steps that this one takes: what the task calls it → id of the step.
    pub inputs: BTreeMap<String, String>,
    /// Which results to write; the task's own choice where it is not said.
    pub save: Option<Vec<String>>,
}

impl Recipe {
    /// The text that this recipe was read from.
    pub fn source(&self) -> &Source {
        &self.source
    }
}
