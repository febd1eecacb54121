//! One image with the network: encoded once, however many steps ask, and lent to plugins.
//!
//! A [`Scene`] is what the program hands from step to step. It is also the engine behind
//! [`SamService`](samkit_plugin_host::SamService), the trait through which plugins reach Segment
//! Anything.
#![forbid(unsafe_code)]

mod params;
mod service;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

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
    /// What the cache could not do. Shared with pictures, which are gone by the time somebody asks.
    problems: Arc<Mutex<Vec<Arc<EngineError>>>>,
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
    /// of the image and looks at too. What the cache cannot do for it is among this scene's problems.
    pub fn picture(&self, image: RgbImage) -> Self {
        Self {
            sam: self.sam.clone(),
            kept: self.kept.clone(),
            problems: self.problems.clone(),
            ..Self::without_sam(image)
        }
    }

    /// For work that does without the network: whoever asks for it is refused.
    pub fn without_sam(image: RgbImage) -> Self {
        let (embedding, encoding) = (OnceLock::new(), Mutex::new(()));
        Self { sam: None, image, kept: None, embedding, encoding, problems: Arc::default() }
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
        let mut made = match &self.kept {
            Some(Kept { cache, weights }) => cache.get_or_encode(sam, weights, &self.image)?,
            None => sam.encode(&self.image)?.into(),
        };
        self.report(std::mem::take(&mut made.problems));
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

    /// What the cache could not do so far, for the image and for its pictures.
    pub fn problems(&self) -> Vec<Arc<EngineError>> {
        self.shared_problems().clone()
    }

    fn report(&self, problems: Vec<EngineError>) {
        self.shared_problems().extend(problems.into_iter().map(Arc::new));
    }

    fn shared_problems(&self) -> MutexGuard<'_, Vec<Arc<EngineError>>> {
        self.problems.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_pictures_are_the_scenes_and_outlive_them() {
        let (scene, other) =
            (Scene::without_sam(RgbImage::new(2, 2)), Scene::without_sam(RgbImage::new(2, 2)));
        scene.report(vec![EngineError::NoNetwork]);
        let picture = scene.picture(RgbImage::new(1, 1));
        picture.report(vec![EngineError::Cancelled]);
        drop(picture);
        let problems = scene.problems();
        assert!(matches!(*problems[0], EngineError::NoNetwork));
        assert!(matches!(*problems[1], EngineError::Cancelled));
        assert_eq!((problems.len(), other.problems().len()), (2, 0));
    }
}
