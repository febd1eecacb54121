//! One image on its way through the steps.

use std::cell::OnceCell;

use image::RgbImage;
use samkit_engine::{Embedding, EngineError, Sam};

/// An image with the network, and its embedding once a step has asked for it: however many steps
/// there are, the image is encoded once.
pub(crate) struct Scene<'a> {
    pub(crate) sam: &'a Sam,
    pub(crate) image: &'a RgbImage,
    /// The image's path, for files that name it.
    pub(crate) name: &'a str,
    embedding: OnceCell<Embedding>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(sam: &'a Sam, image: &'a RgbImage, name: &'a str) -> Self {
        Self { sam, image, name, embedding: OnceCell::new() }
    }

    /// The image's embedding.
    pub(crate) fn embedding(&self) -> Result<&Embedding, EngineError> {
        if let Some(embedding) = self.embedding.get() {
            return Ok(embedding);
        }
        let embedding = self.sam.encode(self.image)?;
        Ok(self.embedding.get_or_init(|| embedding))
    }
}
