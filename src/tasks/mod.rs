//! The tasks that a step can run: from an image and its embedding to things worth writing.

pub(crate) mod boxes;
mod clip;
pub(crate) mod dataset;
pub(crate) mod everything;
mod found;
pub(crate) mod plugin;
pub(crate) mod segment;
mod services;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use image::{GrayImage, RgbImage};
use indicatif::ProgressBar;
use samkit_core::{LowResLogits, MaskRecord, ParamError};
use samkit_engine::EngineError;
use samkit_io::{BoxFileError, BoxFormat, Gray16Image, InputImage, Instance};
use samkit_models::LocalModel;
use samkit_plugin_host::PluginError;
use samkit_recipe::ProductInfo;
use samkit_scene::Scene;

pub(crate) use found::{Found, Given, Named};

use self::{
    boxes::BoxesTask, everything::EverythingForm, plugin::PluginTask, segment::SegmentParams,
    services::NotLent,
};
use crate::{
    console::{Console, known_length},
    stop,
};

/// A task with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Everything(EverythingForm),
    Segment(SegmentParams),
    Boxes(BoxesTask),
    Plugin(PluginTask),
}

/// Something that a built-in task can write: its name and what follows the image's stem; whether it
/// is written where `save` is silent; what it is.
fn product(name: &str, suffix: &str, default: bool, about: &str) -> ProductInfo {
    let (name, suffix, about) = (name.into(), suffix.into(), about.into());
    ProductInfo { name, suffix, per_run: false, default, needs: None, about }
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
    /// Masks whose logits were kept.
    ManyLogits(Vec<MaskRecord>),
    Text(String),
    /// Made of things when it is written: pictures of large images are best not kept.
    Of(Things, Form),
}

/// What was found in an image, shared by the files that are made of it.
pub(crate) type Things = Arc<Vec<Instance>>;

/// A file that is made of things, and where need be of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Masks in colours on the image.
    MaskOverlay,
    /// The same with numbers.
    NumberedOverlay,
    /// Masks and boxes with names.
    NamedOverlay,
    /// The number of the mask at every pixel.
    Labels,
    /// The same in colours.
    LabelColors,
    /// The number of the class at every pixel.
    Classes,
    /// The mask of the thing at this place.
    Mask(usize),
    /// What that mask shows of the image.
    Cutout(usize),
    /// Polygons in pixels.
    Geojson,
    /// Polygons for labelme; the file names the image.
    Labelme,
}

/// What a task made of one image.
#[derive(Debug, Default)]
pub(crate) struct Yield {
    pub(crate) artifacts: Vec<Artifact>,
    /// Number of masks that were found, or that the result is made of.
    pub(crate) masks: usize,
    /// What a plugin counted or measured.
    pub(crate) numbers: BTreeMap<String, f64>,
    /// Results that later steps can take.
    pub(crate) found: Vec<Named>,
    /// The boxes or masks, where files of all images are made of them.
    pub(crate) instances: Option<Things>,
    /// What a plugin wants the user to know.
    pub(crate) notes: Vec<String>,
}

/// What a task works on.
pub(crate) struct Subject<'a> {
    pub(crate) scene: &'a Arc<Scene>,
    /// The image's file.
    pub(crate) input: &'a InputImage,
    /// Its name, for files that name it.
    pub(crate) name: &'a str,
    /// Results of earlier steps.
    pub(crate) given: Vec<Given>,
    /// Names of the products to write.
    pub(crate) save: &'a [String],
    /// Whether there will be a page that shows what was found.
    pub(crate) for_page: bool,
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

    /// Whether the boxes or masks are needed when the task is done.
    pub(crate) fn keeps_instances(&self) -> bool {
        self.for_page || dataset::is_per_run(self.save)
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
    Boxes(#[from] BoxFileError),
    /// Boxes of other images.
    #[error("{} has no boxes for any of the images", path.display())]
    NoBoxes {
        path: PathBuf,
        #[help]
        help: String,
    },
    /// Names of classes for boxes that have names already.
    #[error("{} is in the format `{format}`, which names its classes itself", path.display())]
    #[diagnostic(help(
        "leave out the names of classes (`class_names`): they are for YOLO's files, and for COCO \
         without categories"
    ))]
    NamedBoxes { path: PathBuf, format: BoxFormat },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plugin(#[from] PluginError),
    /// A plugin lacks something that the program should lend it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotLent(#[from] NotLent),
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
            Self::Everything(_) => everything::NAME,
            Self::Segment(_) => segment::NAME,
            Self::Boxes(_) => boxes::NAME,
            Self::Plugin(task) => task.id(),
        }
    }

    /// The version of the plugin behind it; what is built in has the program's.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Everything(_) | Self::Segment(_) | Self::Boxes(_) => None,
            Self::Plugin(task) => Some(&task.description().version),
        }
    }

    /// Whether it needs Segment Anything.
    pub(crate) fn needs_sam(&self) -> bool {
        match self {
            Self::Everything(_) | Self::Segment(_) => true,
            Self::Boxes(_) => false,
            Self::Plugin(task) => task.needs_sam(),
        }
    }

    /// Weights beside Segment Anything's that it works with, once it is made ready.
    pub(crate) fn weights(&self) -> Vec<LocalModel> {
        match self {
            Self::Everything(_) | Self::Segment(_) | Self::Boxes(_) => Vec::new(),
            Self::Plugin(task) => task.weights(),
        }
    }

    /// What it can write.
    pub(crate) fn products(&self) -> Vec<ProductInfo> {
        match self {
            Self::Everything(_) => everything::products(),
            Self::Segment(_) => segment::products(),
            Self::Boxes(_) => boxes::products(),
            Self::Plugin(task) => plugin::products(task.description()),
        }
    }

    /// What is written where nobody says.
    pub(crate) fn default_saves(&self) -> Vec<String> {
        let is_wanted =
            |product: &ProductInfo| product.default && self.missing_for(product).is_none();
        let wanted = self.products().into_iter().filter(is_wanted);
        wanted.map(|product| product.name).collect()
    }

    /// The parameter that a product needs and that is not given.
    pub(crate) fn missing_for(&self, product: &ProductInfo) -> Option<String> {
        product.needs.clone().filter(|name| self.params_json()[name].is_null())
    }

    /// The product of this name.
    pub(crate) fn product(&self, name: &str) -> Option<ProductInfo> {
        self.products().into_iter().find(|known| known.name == name)
    }

    /// Checks every parameter's range.
    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        match self {
            Self::Everything(params) => params.validate(),
            Self::Boxes(task) => task.validate(),
            Self::Segment(_) | Self::Plugin(_) => Ok(()),
        }
    }

    /// The parameters, every default filled in, for the run's record.
    pub(crate) fn params_json(&self) -> serde_json::Value {
        match self {
            Self::Everything(params) => serde_json::json!(params),
            Self::Segment(params) => params.to_json(),
            Self::Boxes(task) => serde_json::json!(task.params()),
            Self::Plugin(task) => task.params().clone(),
        }
    }

    /// Makes ready what can fail for every image alike, and returns what the user should know.
    ///
    /// # Errors
    /// When a plugin refuses its parameters, or cannot work here; when a file of boxes cannot be read.
    pub(crate) fn start(
        &self,
        images: &[InputImage],
        talk: &Talk,
    ) -> Result<Vec<String>, TaskError> {
        match self {
            Self::Plugin(task) => task.start(talk),
            Self::Boxes(task) => task.start(images),
            Self::Everything(_) | Self::Segment(_) => Ok(Vec::new()),
        }
    }

    /// Does the work on one image and prepares what is to be saved.
    pub(crate) fn run(&self, subject: &Subject<'_>) -> Result<Yield, TaskError> {
        match self {
            Self::Everything(params) => everything::run(params, subject),
            Self::Segment(params) => segment::run(params, subject),
            Self::Boxes(task) => Ok(task.run(subject)),
            Self::Plugin(task) => task.run(subject),
        }
    }
}
