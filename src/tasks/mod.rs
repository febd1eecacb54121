//! The tasks that a step can run: from an image and its embedding to things worth writing.

pub(crate) mod edges;
pub(crate) mod everything;
mod scene;
pub(crate) mod segment;

use image::{GrayImage, RgbImage};
use samkit_core::{LowResLogits, MaskRecord, ParamError};
use samkit_edges::{EdgeError, EdgeParams};
use samkit_engine::{EngineError, Progress};
use samkit_io::Gray16Image;

pub(crate) use scene::{FROM_CACHE, Kept, Scene};

use self::{everything::EverythingParams, segment::SegmentParams};

/// A task with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Edges(EdgeParams),
    Everything(EverythingParams),
    Segment(SegmentParams),
}

/// Names of the tasks that recipes can use.
pub(crate) const RECIPE_TASKS: [&str; 2] = [edges::NAME, everything::NAME];

/// Something that a task can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    /// What `save` calls it.
    pub(crate) name: &'static str,
    /// Whether it is written where `save` is silent.
    pub(crate) default: bool,
}

/// One file to write.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// What follows the image's stem: `edges.png`.
    pub(crate) suffix: String,
    pub(crate) content: Content,
}

/// What is in a file.
#[derive(Debug)]
pub(crate) enum Content {
    Gray8(GrayImage),
    Gray16(Gray16Image),
    Rgb(RgbImage),
    Masks(Vec<MaskRecord>),
    Json(serde_json::Value),
    Logits(LowResLogits),
}

/// What a task made of one image.
#[derive(Debug)]
pub(crate) struct Yield {
    pub(crate) artifacts: Vec<Artifact>,
    /// Number of masks that were found, or that the result is made of.
    pub(crate) masks: usize,
}

/// Why a task failed on one image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum TaskError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prompt(#[from] segment::PromptError),
    #[error(transparent)]
    Param(#[from] ParamError),
}

impl From<EdgeError> for TaskError {
    fn from(error: EdgeError) -> Self {
        match error {
            EdgeError::Engine(error) => Self::Engine(error),
            EdgeError::Param(error) => Self::Param(error),
        }
    }
}

impl TaskError {
    /// Whether it is no failure but the user who stopped it.
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Cancelled))
    }
}

impl Task {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Edges(_) => edges::NAME,
            Self::Everything(_) => everything::NAME,
            Self::Segment(_) => segment::NAME,
        }
    }

    /// What the task can write.
    pub(crate) fn products(&self) -> &'static [Product] {
        match self {
            Self::Edges(_) => &edges::PRODUCTS,
            Self::Everything(_) => &everything::PRODUCTS,
            Self::Segment(_) => &segment::PRODUCTS,
        }
    }

    /// What is written where nobody says.
    pub(crate) fn default_saves(&self) -> Vec<&'static str> {
        let binary = matches!(self, Self::Edges(params) if params.threshold.is_some());
        let wanted =
            |product: &&Product| product.default || (binary && product.name == edges::BINARY);
        self.products().iter().filter(wanted).map(|product| product.name).collect()
    }

    /// Checks every parameter's range.
    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        match self {
            Self::Edges(params) => params.validate(),
            Self::Everything(params) => params.generator().validate(),
            Self::Segment(_) => Ok(()),
        }
    }

    /// The parameters, every default filled in, for the run's record.
    pub(crate) fn params_json(&self) -> serde_json::Value {
        match self {
            Self::Edges(params) => serde_json::json!(params),
            Self::Everything(params) => serde_json::json!(params),
            Self::Segment(params) => params.to_json(),
        }
    }

    /// Does the work on one image and prepares what is to be saved.
    pub(crate) fn run(
        &self,
        scene: &Scene<'_>,
        save: &[&'static str],
        progress: Progress<'_>,
    ) -> Result<Yield, TaskError> {
        match self {
            Self::Edges(params) => edges::run(params, scene, save, progress),
            Self::Everything(params) => everything::run(params, scene, save, progress),
            Self::Segment(params) => segment::run(params, scene, save, progress),
        }
    }
}
