//! The typed recipe.

use std::{collections::BTreeMap, path::Path as FilePath};

use serde::Serialize;
use serde_yaml::Value;

use crate::{Override, Path, Source, merge::Piece};

/// The one version of the recipe format that this crate reads.
pub const VERSION: u64 = 1;

/// The input that stands for a list of paths on standard input, one a line, relative to the current
/// folder.
pub const STDIN: &str = "-";

/// A recipe whose form is right. What its tasks and parameters mean is for [`plan`](crate::plan) to
/// check, before any work begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Files, folders, globs and [`STDIN`], relative to [`Recipe::input_folder`]; empty where the
    /// recipe names none.
    pub input: Vec<String>,
    /// Whether folders are searched all the way down, and not only themselves.
    pub recursive: bool,
    /// Output folder, relative to [`Recipe::output_folder`].
    pub output: Option<String>,
    /// Whether a page is wanted that shows all images.
    pub report: bool,
    /// Which network runs, and where.
    pub engine: EngineSettings,
    /// What to do with each image, in order. Never empty; every `id` is there once.
    pub steps: Vec<Step>,
    /// Whether all of `steps` could be read. (A recipe that is handed out is whole.)
    pub(crate) whole: bool,
    /// The place of each `input`.
    pub(crate) input_places: Vec<Path>,
    pub(crate) document: Piece,
    pub(crate) sources: Vec<Source>,
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
    /// `f32`, `bf16`, …
    pub precision: Option<String>,
    /// Folder to keep embeddings in, relative to the recipe's folder.
    pub cache: Option<String>,
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
    /// Results of earlier steps that this one takes: what the task calls it → id of the step, and
    /// after a `.` the name of the result where the step has several.
    pub inputs: BTreeMap<String, String>,
    /// Which results to write; the task's own choice where it is not said.
    pub save: Option<Vec<String>>,
    pub(crate) places: StepPlaces,
}

/// Where a step stands in the recipe.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepPlaces {
    pub(crate) step: Path,
    /// What its name comes from: `id` or `task`.
    pub(crate) id: Path,
    /// Each name in `save`.
    pub(crate) save: Vec<Path>,
}

impl Recipe {
    /// The text that this recipe was read from.
    pub fn source(&self) -> &Source {
        &self.sources[0]
    }

    /// The folder that [`Recipe::input`] is relative to: that of the recipe file that names it,
    /// which can be an included one.
    pub fn input_folder(&self) -> &FilePath {
        self.folder_of(&Path::root().key("input"))
    }

    /// The folder that [`Recipe::output`] is relative to.
    pub fn output_folder(&self) -> &FilePath {
        self.folder_of(&Path::root().key("output"))
    }

    /// The folder that [`EngineSettings::cache`] is relative to.
    pub fn cache_folder(&self) -> &FilePath {
        self.folder_of(&Path::root().key("engine").key("cache"))
    }

    /// The folder of the recipe file that holds the value at `path`. What `--set` gave counts as
    /// standing in the recipe itself.
    pub(crate) fn folder_of(&self, path: &Path) -> &FilePath {
        let is_set = self.overrides.iter().any(|change| path.starts_with(&change.path));
        let (source, _) = self.document.origin(path);
        self.sources[if is_set { 0 } else { source }].folder()
    }
}
