//! The tasks that a step can run: from an image and its embedding to things worth writing.

pub(crate) mod edges;
pub(crate) mod everything;
mod found;
pub(crate) mod plugin;
pub(crate) mod segment;
mod services;

use std::sync::Arc;

use image::{GrayImage, RgbImage};
use indicatif::ProgressBar;
use samkit_core::{LowResLogits, MaskRecord, ParamError};
use samkit_edges::{EdgeError, EdgeParams};
use samkit_engine::EngineError;
use samkit_io::Gray16Image;
use samkit_plugin_host::PluginError;
use samkit_scene::{GeneratorForm, Scene};

pub(crate) use found::{Found, Given, Named};

use self::{plugin::PluginTask, segment::SegmentParams};
use crate::{
    console::{Console, known_length},
    stop,
};

/// A task with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Edges(EdgeParams),
    Everything(GeneratorForm),
    Segment(SegmentParams),
    Plugin(PluginTask),
}

/// Something that a built-in task can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    /// What `save` calls it.
    pub(crate) name: &'static str,
    /// What follows the image's stem and a `.`.
    pub(crate) suffix: &'static str,
    /// Whether it is written where `save` is silent.
    pub(crate) default: bool,
    /// What it is.
    pub(crate) about: &'static str,
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
    Rgba(image::RgbaImage),
    Masks(Vec<MaskRecord>),
    Json(serde_json::Value),
    Logits(LowResLogits),
    Text(String),
}

/// What a task made of one image.
#[derive(Debug, Default)]
pub(crate) struct Yield {
    pub(crate) artifacts: Vec<Artifact>,
    /// Number of masks that were found, or that the result is made of.
    pub(crate) masks: usize,
    /// Results that later steps can take.
    pub(crate) found: Vec<Named>,
    /// What a plugin wants the user to know.
    pub(crate) notes: Vec<String>,
}

/// What a task works on.
pub(crate) struct Subject<'a> {
    pub(crate) scene: &'a Arc<Scene>,
    /// The image's path, for files that name it.
    pub(crate) name: &'a str,
    /// Results of earlier steps.
    pub(crate) given: Vec<Given>,
    /// Names of the products to write.
    pub(crate) save: &'a [String],
    pub(crate) talk: &'a Talk,
}

/// How a task talks to the user.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) console: Console,
    pub(crate) bar: ProgressBar,
    /// Whether the network may not be used.
    pub(crate) offline: bool,
}

impl Talk {
    /// So much is done; breaks when the user wants to stop.
    pub(crate) fn progress(&self, done: usize, total: usize) -> std::ops::ControlFlow<()> {
        known_length(&self.bar, total);
        self.bar.set_position(done as u64);
        stop::flow()
    }
}

impl Subject<'_> {
    /// Whether this product is to be written.
    pub(crate) fn wants(&self, product: &str) -> bool {
        self.save.iter().any(|name| name == product)
    }
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
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plugin(#[from] PluginError),
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
        matches!(
            self,
            Self::Engine(EngineError::Cancelled) | Self::Plugin(PluginError::Cancelled { .. })
        )
    }

    /// Whether the run cannot go on: a plugin still runs that was asked to stop.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Plugin(PluginError::DidNotStop { .. }))
    }
}

impl Task {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Edges(_) => edges::NAME,
            Self::Everything(_) => everything::NAME,
            Self::Segment(_) => segment::NAME,
            Self::Plugin(task) => task.id(),
        }
    }

    /// What a built-in task can write.
    pub(crate) fn products(&self) -> &'static [Product] {
        match self {
            Self::Edges(_) => &edges::PRODUCTS,
            Self::Everything(_) => &everything::PRODUCTS,
            Self::Segment(_) => &segment::PRODUCTS,
            Self::Plugin(_) => &[],
        }
    }

    /// What is written where nobody says.
    pub(crate) fn default_saves(&self) -> Vec<String> {
        let binary = matches!(self, Self::Edges(params) if params.threshold.is_some());
        let wanted =
            |product: &&Product| product.default && (binary || product.name != edges::BINARY);
        self.products().iter().filter(wanted).map(|product| product.name.to_owned()).collect()
    }

    /// What follows the stem in the name of a product's file.
    pub(crate) fn suffix(&self, product: &str) -> String {
        if let Self::Plugin(task) = self {
            return task.suffix(product);
        }
        let product = self.products().iter().find(|known| known.name == product);
        product.map_or_else(String::new, |product| product.suffix.to_owned())
    }

    /// Checks every parameter's range.
    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        match self {
            Self::Edges(params) => params.validate(),
            Self::Everything(params) => params.params().validate(),
            Self::Segment(_) | Self::Plugin(_) => Ok(()),
        }
    }

    /// The parameters, every default filled in, for the run's record.
    pub(crate) fn params_json(&self) -> serde_json::Value {
        match self {
            Self::Edges(params) => serde_json::json!(params),
            Self::Everything(params) => serde_json::json!(params),
            Self::Segment(params) => params.to_json(),
            Self::Plugin(task) => task.params().clone(),
        }
    }

    /// Makes ready what can fail for every image alike.
    ///
    /// # Errors
    /// When a plugin refuses its parameters, or cannot work here.
    pub(crate) fn start(&self, talk: &Talk) -> Result<(), PluginError> {
        match self {
            Self::Plugin(task) => task.start(talk),
            _ => Ok(()),
        }
    }

    /// Does the work on one image and prepares what is to be saved.
    pub(crate) fn run(&self, subject: &Subject<'_>) -> Result<Yield, TaskError> {
        match self {
            Self::Edges(params) => edges::run(params, subject),
            Self::Everything(params) => everything::run(params, subject),
            Self::Segment(params) => segment::run(params, subject),
            Self::Plugin(task) => task.run(subject),
        }
    }
}
