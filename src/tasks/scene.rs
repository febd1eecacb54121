//! One image on its way through the steps.

use std::cell::OnceCell;

use image::RgbImage;
use samkit_engine::{CachedEmbedding, Embedding, EmbeddingCache, EngineError, Sam};

use crate::error::one_line;

/// An image with the network, and its embedding once a step has asked for it: however many steps
/// there are, the image is encoded once.
pub(crate) struct Scene<'a> {
    pub(crate) sam: &'a Sam,
    pub(crate) image: &'a RgbImage,
    /// The image's path, for files that name it.
    pub(crate) name: &'a str,
    kept: Option<Kept<'a>>,
    embedding: OnceCell<CachedEmbedding>,
}

/// Where embeddings are kept, and by which weights they are.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) cache: &'a EmbeddingCache,
    /// SHA-256 of the weights' file.
    pub(crate) weights: &'a str,
}

/// Origin of an embedding that was not made in this run.
pub(crate) const FROM_CACHE: &str = "cache";

impl<'a> Scene<'a> {
    pub(crate) fn new(
        sam: &'a Sam,
        image: &'a RgbImage,
        name: &'a str,
        kept: Option<Kept<'a>>,
    ) -> Self {
        Self { sam, image, name, kept, embedding: OnceCell::new() }
    }

    /// The image's embedding.
    pub(crate) fn embedding(&self) -> Result<&Embedding, EngineError> {
        if let Some(made) = self.embedding.get() {
            return Ok(&made.embedding);
        }
        let made = match self.kept {
            Some(Kept { cache, weights }) => cache.get_or_encode(self.sam, weights, self.image)?,
            None => self.sam.encode(self.image)?.into(),
        };
        Ok(&self.embedding.get_or_init(|| made).embedding)
    }

    /// Where the embedding came from, once a step has asked for it.
    pub(crate) fn origin(&self) -> Option<&'static str> {
        self.embedding.get().map(|made| if made.from_cache { FROM_CACHE } else { "encoded" })
    }

    /// What the cache could not do.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.embedding.get().into_iter().flat_map(|made| &made.problems).map(|e| one_line(e))
    }
}
