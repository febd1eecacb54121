//! What the program lends to plugins.

use std::{error::Error, ops::ControlFlow, path::PathBuf};

use image::RgbImage;
use samkit_core::{LowResLogits, MaskRecord, Prompt, Size};
use samkit_plugin::{ClipInfo, LogLevel, MaskOutput, Measure, artifact::Pixels};

/// Why a service did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It was asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Box<dyn Error + Send + Sync>),
}

/// What the program lends to one call of a plugin.
pub trait HostServices: Sync {
    /// A message for the user. Any thread.
    fn log(&self, level: LogLevel, text: &str);

    /// So much of the work is done; breaks when it should stop.
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()>;

    /// A finite number for the record of the run.
    fn record(&self, _name: &str, _value: f64) {}

    /// How many threads the plugin should use.
    fn threads(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Segment Anything on the image of the run.
    fn sam(&self) -> Option<&dyn SamService> {
        None
    }

    /// CLIP. In the making of a task as well as in its runs.
    fn clip(&self) -> Option<&dyn ClipService> {
        None
    }

    /// Files of weights.
    fn models(&self) -> Option<&dyn ModelService> {
        None
    }
}

/// One mask of an answer.
#[derive(Clone, Debug)]
pub struct PredictedMask {
    /// The network's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
    /// Plugins see these values where they are.
    pub logits: LowResLogits,
}

/// Which logits of an answer are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those of the padded square that the network sees.
    Square,
    /// Those of the image; the others may be 0.
    Image,
}

/// Segment Anything on one image, which is encoded on first use.
pub trait SamService: Sync {
    /// Size of the image.
    fn image_size(&self) -> Size;

    /// Size of the image inside the network's padded square.
    fn input_size(&self) -> Size;

    /// For each prompt its masks.
    ///
    /// # Errors
    /// When a prompt cannot be answered.
    fn predict(
        &self,
        prompts: &[Prompt],
        output: MaskOutput,
        extent: Extent,
    ) -> Result<Vec<Vec<PredictedMask>>, ServiceError>;

    /// Writes 256×256 logits at the image's size to `out`, row by row. Called from several threads
    /// at once.
    ///
    /// # Errors
    /// When that does not work.
    fn upsample(&self, logits: &[f32], out: &mut [f32]) -> Result<(), ServiceError>;

    /// Writes 1 where upsampled logits exceed 0, else 0. Called from several threads at once.
    ///
    /// # Errors
    /// When that does not work.
    fn mask(&self, logits: &[f32], out: &mut [u8]) -> Result<(), ServiceError>;

    /// Area, box and stability of the mask at the image's size. Called from several threads at once.
    ///
    /// # Errors
    /// When that does not work.
    fn measure(&self, logits: &[f32], stability_offset: f32) -> Result<Measure, ServiceError>;

    /// Masks for everything in the image; `params` is a JSON object.
    ///
    /// # Errors
    /// When a parameter is wrong, the network fails, or `progress` breaks.
    fn automatic_masks(
        &self,
        params: &str,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<MaskRecord>, ServiceError>;

    /// The same network on another image.
    ///
    /// # Errors
    /// When there is none for it.
    fn picture(&self, image: RgbImage) -> Result<Box<dyn SamService + Send>, ServiceError>;
}

/// CLIP by the names of its weights: a registry id or a folder.
///
/// Lists come in short pieces, and the border looks between them whether the user wants to stop: what
/// one text or image gives must not depend on those beside it.
pub trait ClipService: Sync {
    /// Makes the model ready; later calls with the same name are free.
    ///
    /// # Errors
    /// When no model has this name or its weights are missing; the message says what is needed, how
    /// large it is and where it comes from.
    fn describe(&self, model: &str) -> Result<ClipInfo, ServiceError>;

    /// One embedding of length 1 for each text, one after the other: texts × dim values.
    ///
    /// # Errors
    /// As [`ClipService::describe`], or when the network fails.
    fn embed_texts(&self, model: &str, texts: &[&str]) -> Result<Vec<f32>, ServiceError>;

    /// One embedding of length 1 for each RGB image of any size, one after the other: images × dim
    /// values.
    ///
    /// # Errors
    /// As [`ClipService::describe`], or when the network fails.
    fn embed_images(&self, model: &str, images: &[Pixels<'_>]) -> Result<Vec<f32>, ServiceError>;
}

/// Files of weights by their names in the registry.
pub trait ModelService: Sync {
    /// Where the weights lie.
    ///
    /// # Errors
    /// When there are none of that name.
    fn weights_path(&self, id: &str) -> Result<PathBuf, ServiceError>;
}
