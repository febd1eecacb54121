//! One image with the network: encoded once, however many steps ask, and lent to plugins.
//!
//! A [`Scene`] is what the program hands from step to step. It is also the engine behind
//! [`SamService`](samkit_plugin_host::SamService), the trait through which plugins reach Segment
//! Anything.
#![forbid(unsafe_code)]

mod params;
mod service;

use std::sync::{Arc, Mutex, OnceLock};

use image::RgbImage;
use samkit_engine::{CachedEmbedding, Embedding, EmbeddingCache, EngineError, Sam, Timings};

pub use params::{GeneratorForm, PointGrids};

/// An image and the network, with the image's embedding once somebody has asked for it.
#[derive(Debug)]
pub struct Scene {
    /// None where nothing in the run needs it.
    sam: Option<Arc<Sam>>,
    image: RgbImage,
    kept: Option<Kept>,
    embedding: OnceLock<CachedEmbedding>,
    /// Held while the image is encoded, so that nobody else does it too.
    encoding: Mutex<()>,
}

/// Where embeddings are kept, and by which weights they are.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The folder.
    pub cache: Arc<EmbeddingCache>,
    /// SHA-256 of the weights' file.
    pub weights: Arc<str>,
}

/// Where an embedding came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The image was encoded in this run.
    Encoded,
    /// It was kept from an earlier run.
    Cache,
}

impl Scene {
    /// Nothing is computed yet.
    pub fn new(sam: Arc<Sam>, image: RgbImage, kept: Option<Kept>) -> Self {
        Self { sam: Some(sam), kept, ..Self::without_sam(image) }
    }

    /// Another image with the same network, and its embedding kept in the same place: what a step makes
    /// of the image and looks at too.
    pub fn picture(&self, image: RgbImage) -> Self {
        Self { sam: self.sam.clone(), kept: self.kept.clone(), ..Self::without_sam(image) }
    }

    /// For work that does without the network: whoever asks for it is refused.
    pub fn without_sam(image: RgbImage) -> Self {
        let (embedding, encoding) = (OnceLock::new(), Mutex::new(()));
        Self { sam: None, image, kept: None, embedding, encoding }
    }

    /// The network.
    ///
    /// # Errors
    /// When the scene was made without it.
    pub fn sam(&self) -> Result<&Sam, EngineError> {
        self.sam.as_deref().ok_or(EngineError::NoNetwork)
    }

    /// How often and how long the network ran, for this image and all others.
    pub fn timings(&self) -> Timings {
        self.sam.as_ref().map_or_else(Timings::default, |sam| sam.timings())
    }

    /// The image.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The image's embedding, made on first use.
    ///
    /// # Errors
    /// When the network cannot be computed; the next call tries again.
    pub fn embedding(&self) -> Result<&Embedding, EngineError> {
        let _one_at_a_time = self.encoding.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(made) = self.embedding.get() {
            return Ok(&made.embedding);
        }
        let sam = self.sam()?;
        let made = match &self.kept {
            Some(Kept { cache, weights }) => cache.get_or_encode(sam, weights, &self.image)?,
            None => sam.encode(&self.image)?.into(),
        };
        Ok(&self.embedding.get_or_init(|| made).embedding)
    }

    /// Where the embedding came from, once somebody has asked for it.
    pub fn origin(&self) -> Option<Origin> {
        let origin = |made: &CachedEmbedding| match made.from_cache {
            true => Origin::Cache,
            false => Origin::Encoded,
        };
        self.embedding.get().map(origin)
    }

    /// What the cache could not do.
    pub fn problems(&self) -> &[EngineError] {
        self.embedding.get().map_or(&[], |made| &made.problems)
    }
}
