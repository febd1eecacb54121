//! From image and prompt tokens to mask logits and their predicted IoU.
//!
//! Follows `segment_anything/modeling/mask_decoder.py`, channels-last: both transposed
//! convolutions are matrix products, and pixels are put in order once, at the end.

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder};
use samkit_core::LOW_RES_SIDE;

use super::ops::{conv_transpose2x2, gelu_erf, layer_norm, linear};
use super::transformer::TwoWayTransformer;
use super::{EMBED_DIM, EMBED_SIDE};

/// Tokens for masks: one for the single mask, three for the multimask output.
const MASK_TOKENS: usize = 4;
/// Channels after the two upscaling steps.
const UPSCALED: [usize; 2] = [EMBED_DIM / 4, EMBED_DIM / 8];

pub(crate) struct MaskDecoder {
    transformer: TwoWayTransformer,
    /// IoU token and mask tokens: (5, 256).
    output_tokens: Tensor,
    upscale1: Linear,
    upscale_norm: LayerNorm,
    upscale2: Linear,
    hypernetworks: Vec<Mlp>,
    iou_head: Mlp,
}

impl MaskDecoder {
    /// `vb` at `mask_decoder`.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let output_tokens = Tensor::cat(
            &[
                vb.get((1, EMBED_DIM), "iou_token.weight")?,
                vb.get((MASK_TOKENS, EMBED_DIM), "mask_tokens.weight")?,
            ],
            0,
        )?;
        let upscaling = vb.pp("output_upscaling");
        let hypernetworks = vb.pp("output_hypernetworks_mlps");
        Ok(Self {
            transformer: TwoWayTransformer::load(&vb.pp("transformer"))?,
            output_tokens,
            upscale1: conv_transpose2x2(&upscaling.pp(0), EMBED_DIM, UPSCALED[0])?,
            upscale_norm: layer_norm(&upscaling.pp(1), UPSCALED[0], 1e-6)?,
            upscale2: conv_transpose2x2(&upscaling.pp(3), UPSCALED[0], UPSCALED[1])?,
            hypernetworks: (0..MASK_TOKENS)
                .map(|i| Mlp::load(&hypernetworks.pp(i)))
                .collect::<Result<_>>()?,
            iou_head: Mlp::load(&vb.pp("iou_prediction_head"))?,
        })
    }

    /// `image` (1, 4096, 256) without and `dense` with the prompts' dense part, `positions`
    /// (1, 4096, 256), `sparse` (batch, tokens, 256); `masks` says which of the four masks.
    ///
    /// Gives low-res logits (batch, masks, 256, 256) and predicted IoUs (batch, masks).
    pub(crate) fn forward(
        &self,
        image: &Tensor,
        positions: &Tensor,
        sparse: Option<&Tensor>,
        dense: &Tensor,
        batch: usize,
        masks: std::ops::Range<usize>,
    ) -> Result<(Tensor, Tensor)> {
        let output_tokens = self.output_tokens.unsqueeze(0)?.repeat((batch, 1, 1))?;
        let tokens = match sparse {
            Some(sparse) => Tensor::cat(&[&output_tokens, sparse], 1)?,
            None => output_tokens,
        };
        let image = image.broadcast_add(dense)?;
        let image =
            image.broadcast_as((batch, EMBED_SIDE * EMBED_SIDE, EMBED_DIM))?.contiguous()?;
        let (tokens, image) = self.transformer.forward(&image, positions, &tokens)?;

        let weights =
            masks.clone().map(|i| self.hypernetworks[i].forward(&tokens.narrow(1, 1 + i, 1)?));
        let weights = Tensor::cat(&weights.collect::<Result<Vec<_>>>()?, 1)?;
        let logits = self.upscale(&image)?.matmul(&weights.transpose(1, 2)?.contiguous()?)?;
        let iou = self.iou_head.forward(&tokens.narrow(1, 0, 1)?)?.squeeze(1)?;
        Ok((in_order(&logits)?, iou.narrow(1, masks.start, masks.len())?))
    }

    /// (batch, 4096, 256) → (batch, 65536, 32); each image token's 4×4 pixels lie together, as
    /// (row, column) of the first step, then of the second.
    fn upscale(&self, image: &Tensor) -> Result<Tensor> {
        let (batch, tokens, _) = image.dims3()?;
        let x = self.upscale1.forward(image)?.reshape((batch, tokens * 4, UPSCALED[0]))?;
        let x = gelu_erf(&self.upscale_norm.forward(&x)?)?;
        gelu_erf(&self.upscale2.forward(&x)?)?.reshape((batch, tokens * 16, UPSCALED[1]))
    }
}

/// (batch, 65536 in the upscaler's order, masks) → (batch, masks, 256, 256).
fn in_order(logits: &Tensor) -> Result<Tensor> {
    let (batch, _, masks) = logits.dims3()?;
    logits
        .reshape(&[batch, EMBED_SIDE, EMBED_SIDE, 2, 2, 2, 2, masks][..])?
        .permute(vec![0, 7, 1, 3, 5, 2, 4, 6])?
        .reshape((batch, masks, LOW_RES_SIDE, LOW_RES_SIDE))
}

/// Linear layers with ReLUs between them.
struct Mlp(Vec<Linear>);

impl Mlp {
    fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let vb = vb.pp("layers");
        let mut layers = Vec::new();
        while vb.contains_tensor(&format!("{}.weight", layers.len())) {
            let vb = vb.pp(layers.len());
            let (outputs, inputs) = vb.get_unchecked("weight")?.dims2()?;
            layers.push(linear(&vb, inputs, outputs)?);
        }
        Ok(Self(layers))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.contiguous()?;
        for (index, layer) in self.0.iter().enumerate() {
            x = layer.forward(&x)?;
            if index + 1 < self.0.len() {
                x = x.relu()?;
            }
        }
        Ok(x)
    }
}
