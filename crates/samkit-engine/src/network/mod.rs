//! The network in candle operations: plain, on any device, and the oracle for faster paths.

pub(crate) mod erf;
mod mask_decoder;
mod neck;
pub(crate) mod ops;
mod prompt_encoder;
pub(crate) mod tiny_vit;
mod transformer;
pub(crate) mod vit;
mod windows;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

pub(crate) use mask_decoder::MaskDecoder;
pub(crate) use prompt_encoder::{PromptEncoder, token_count};

/// Channels of the embedding.
pub(crate) const EMBED_DIM: usize = 256;
/// Side of the embedding.
pub(crate) const EMBED_SIDE: usize = 64;

/// An image encoder.
pub(crate) enum ImageEncoder {
    TinyVit(tiny_vit::TinyVit),
    Vit(vit::Vit),
}

impl ImageEncoder {
    /// Recognises the encoder by the names in the checkpoint, `vb` at `image_encoder`;
    /// `None` when it is neither.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Option<Self>> {
        if vb.contains_tensor("patch_embed.seq.0.c.weight") {
            tiny_vit::TinyVit::load(vb).map(|e| Some(Self::TinyVit(e)))
        } else if vb.contains_tensor("pos_embed") {
            vit::Vit::load(vb).map(|e| Some(Self::Vit(e)))
        } else {
            Ok(None)
        }
    }

    /// Family and widths, e.g. `TinyViT-64-128-160-320` or `ViT-768x12`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::TinyVit(encoder) => encoder.name(),
            Self::Vit(encoder) => encoder.name(),
        }
    }

    /// (1, 3, 1024, 1024) → (1, 64, 64, 256).
    pub(crate) fn forward(&self, image: &Tensor) -> Result<Tensor> {
        match self {
            Self::TinyVit(encoder) => encoder.forward(image),
            Self::Vit(encoder) => encoder.forward(image),
        }
    }
}
