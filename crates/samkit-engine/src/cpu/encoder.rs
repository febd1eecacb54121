//! The image encoders that there are kernels for.

use candle_core::Result;
use candle_nn::VarBuilder;

use super::linear::Kernels;
use super::tiny_vit::TinyVit;
use super::vit::Vit;
use crate::network::ImageEncoder;

pub(crate) enum Encoder {
    TinyVit(TinyVit),
    Vit(Vit),
}

impl Encoder {
    /// The same network as `generic`, from the same checkpoint, `vb` at `image_encoder`.
    pub(crate) fn load(
        kernels: Kernels,
        generic: &ImageEncoder,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        Ok(match generic {
            ImageEncoder::TinyVit(_) => Self::TinyVit(TinyVit::load(kernels, vb)?),
            ImageEncoder::Vit(_) => Self::Vit(Vit::load(kernels, vb)?),
        })
    }

    /// `image` (1024, 1024, 3), normalised and padded → (4096, 256).
    pub(crate) fn forward(&self, image: &[f32]) -> Vec<f32> {
        match self {
            Self::TinyVit(encoder) => encoder.forward(image),
            Self::Vit(encoder) => encoder.forward(image),
        }
    }
}
