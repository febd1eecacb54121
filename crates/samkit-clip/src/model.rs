//! A CLIP model, ready for use.

use std::fmt;
use std::path::{Path, PathBuf};

use image::RgbImage;
use rayon::prelude::*;

use crate::ClipError;
use crate::cache::TextCache;
use crate::config::Config;
use crate::fast::Fast;
use crate::generic::Generic;
use crate::prompts::TextImageModel;
use crate::tokenizer::Tokenizer;
use crate::towers::Towers;
use crate::vectors::normalised;
use crate::view::view;
use crate::weights::Weights;

/// Images that go through the network together: more would take memory and no less time.
const BATCH: usize = 64;

/// A CLIP model: weights, tokenizer and the texts that it has embedded.
pub struct ClipModel {
    config: Config,
    towers: Box<dyn Towers>,
    tokenizer: Tokenizer,
    logit_scale: f32,
    texts: TextCache,
}

impl ClipModel {
    /// Reads a model from a folder in Hugging Face's layout: `config.json` of a `CLIPModel`,
    /// `model.safetensors` (F32, F16 or BF16), and `tokenizer.json` or else `vocab.json` with
    /// `merges.txt`. The network runs on the CPU, on the engine's kernels.
    ///
    /// # Errors
    /// When a file is missing or cannot be read, when the configuration asks for something that is
    /// not known here, or when tensors or tokenizer do not fit it.
    pub fn load(folder: &Path) -> Result<Self, ClipError> {
        Self::with(folder, |weights, config| Ok(Box::new(Fast::load(weights, config)?)))
    }

    /// The same with the network in candle's operations: slower, and what the kernels are held
    /// against.
    ///
    /// # Errors
    /// As for [`ClipModel::load`].
    pub fn load_generic(folder: &Path) -> Result<Self, ClipError> {
        Self::with(folder, |weights, config| Ok(Box::new(Generic::load(weights, config)?)))
    }

    fn with(
        folder: &Path,
        towers: impl FnOnce(&Weights, &Config) -> Result<Box<dyn Towers>, ClipError>,
    ) -> Result<Self, ClipError> {
        let config = Config::read(&existing(folder, "config.json")?)?;
        let tokenizer = Tokenizer::load(folder, &config)?;
        let weights = Weights::open(&existing(folder, "model.safetensors")?)?;
        let logit_scale = match weights.has("logit_scale") {
            true => weights.get("logit_scale", &[])?[0],
            false => config.logit_scale,
        };
        let towers = towers(&weights, &config)?;
        let logit_scale = logit_scale.exp();
        Ok(Self { config, towers, tokenizer, logit_scale, texts: TextCache::default() })
    }

    /// Embeddings of what the image tower sees: `pixels` is (images, side, side, 3), row by row,
    /// normalised as CLIP's preprocessing does it. Gives (images, dim), not normalised.
    ///
    /// # Errors
    /// When memory is short.
    ///
    /// # Panics
    /// When `pixels` is not a whole number of images.
    pub fn image_features(&self, pixels: &[f32]) -> Result<Vec<f32>, ClipError> {
        let image = self.config.side * self.config.side * 3;
        assert!(pixels.len().is_multiple_of(image), "whole images");
        let batches = pixels.chunks(BATCH * image).map(|pixels| self.towers.images(pixels));
        Ok(batches.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// An image as the image tower sees it: the shorter side scaled to [`TextImageModel::image_side`]
    /// by Pillow's bicubic filter, the middle cut out; (side, side, 3), normalised.
    ///
    /// # Panics
    /// When the image has no pixels.
    pub fn preprocess(&self, image: &RgbImage) -> Vec<f32> {
        assert!(image.width() > 0 && image.height() > 0, "an image with pixels");
        view(image, self.config.side)
    }

    /// The tokens of a text with those of start and end, as many as the network takes at most.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, ClipError> {
        self.tokenizer.ids(text)
    }
}

impl TextImageModel for ClipModel {
    fn dim(&self) -> usize {
        self.config.dim
    }

    fn image_side(&self) -> usize {
        self.config.side
    }

    fn logit_scale(&self) -> f32 {
        self.logit_scale
    }

    fn embed_images(&self, images: &[RgbImage]) -> Result<Vec<Vec<f32>>, ClipError> {
        for (index, image) in images.iter().enumerate() {
            let (width, height) = image.dimensions();
            if width == 0 || height == 0 {
                return Err(ClipError::EmptyImage { index, width, height });
            }
        }
        let mut embeddings = Vec::with_capacity(images.len());
        for images in images.chunks(BATCH) {
            let views: Vec<_> = images.par_iter().map(|image| self.preprocess(image)).collect();
            embeddings.extend(normalised(&self.towers.images(&views.concat())?, self.config.dim));
        }
        Ok(embeddings)
    }

    fn embed_texts(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ClipError> {
        self.texts.get_or_embed(texts, |texts| {
            let ids = texts.iter().map(|text| self.tokens(text)).collect::<Result<Vec<_>, _>>()?;
            Ok(normalised(&self.towers.texts(&ids)?, self.config.dim))
        })
    }
}

impl fmt::Debug for ClipModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClipModel").field("config", &self.config).finish_non_exhaustive()
    }
}

fn existing(folder: &Path, names: &'static str) -> Result<PathBuf, ClipError> {
    let path = folder.join(names);
    match path.is_file() {
        true => Ok(path),
        false => Err(ClipError::MissingFile { folder: folder.to_owned(), names }),
    }
}
