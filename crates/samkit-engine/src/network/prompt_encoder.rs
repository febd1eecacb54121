//! Points, boxes and masks as the decoder's tokens.
//!
//! Follows `segment_anything/modeling/prompt_encoder.py`.

use candle_core::{Device, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, LayerNorm, Module, VarBuilder};
use samkit_core::{LOW_RES_SIDE, LowResLogits, Point, PointLabel, Prompt};

use super::ops::{gelu_erf, layer_norm};
use super::{EMBED_DIM, EMBED_SIDE};
use crate::frame::{Frame, INPUT_SIDE};

/// Channels inside the mask branch.
const MASK_CHANNELS: [usize; 2] = [4, 16];

pub(crate) struct PromptEncoder {
    /// (2, 128)
    gaussian: Tensor,
    /// Background, foreground, top left corner, bottom right corner: (1, 256) each.
    point_embeddings: [Tensor; 4],
    not_a_point: Tensor,
    no_mask: Tensor,
    mask_convs: [Conv2d; 3],
    mask_norms: [LayerNorm; 2],
}

impl PromptEncoder {
    /// `vb` at `prompt_encoder`.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let point = |i: usize| vb.get((1, EMBED_DIM), &format!("point_embeddings.{i}.weight"));
        let mask = vb.pp("mask_downscaling");
        let conv = |index: usize, inputs: usize, outputs: usize, size: usize| {
            let config = Conv2dConfig { stride: size, ..Conv2dConfig::default() };
            candle_nn::conv2d(inputs, outputs, size, config, mask.pp(index))
        };
        let [inner, outer] = MASK_CHANNELS;
        Ok(Self {
            gaussian: vb.get((2, EMBED_DIM / 2), "pe_layer.positional_encoding_gaussian_matrix")?,
            point_embeddings: [point(0)?, point(1)?, point(2)?, point(3)?],
            not_a_point: vb.get((1, EMBED_DIM), "not_a_point_embed.weight")?,
            no_mask: vb.get((1, EMBED_DIM), "no_mask_embed.weight")?,
            mask_convs: [
                conv(0, 1, inner, 2)?,
                conv(3, inner, outer, 2)?,
                conv(6, outer, EMBED_DIM, 1)?,
            ],
            mask_norms: [
                layer_norm(&mask.pp(1), inner, 1e-6)?,
                layer_norm(&mask.pp(4), outer, 1e-6)?,
            ],
        })
    }

    /// Positional encoding of the embedding's pixels: (1, 4096, 256).
    pub(crate) fn dense_positions(&self) -> Result<Tensor> {
        let centre = |i: usize| (i as f32 + 0.5) / EMBED_SIDE as f32;
        let points = (0..EMBED_SIDE * EMBED_SIDE)
            .flat_map(|i| [centre(i % EMBED_SIDE), centre(i / EMBED_SIDE)]);
        self.positions(&Tensor::from_iter(points, self.device())?.reshape((1, (), 2))?)
    }

    /// Sparse tokens of prompts that all have the same number of them:
    /// (prompts, tokens, 256); `None` when they have none (only masks).
    pub(crate) fn sparse(&self, prompts: &[&Prompt], frame: &Frame) -> Result<Option<Tensor>> {
        let kinds: Vec<Vec<TokenKind>> = prompts.iter().map(|p| token_kinds(p)).collect();
        if kinds.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let positions = prompts
            .iter()
            .flat_map(|p| token_positions(p, frame))
            .flat_map(|p| [p.x, p.y].map(|v| (v + 0.5) / INPUT_SIDE as f32));
        let positions =
            Tensor::from_iter(positions, self.device())?.reshape((prompts.len(), (), 2))?;
        let encoded = self.positions(&positions)?;
        // What a token means is added to where it is; the padding token has no place.
        let (is_placed, meaning): (Vec<f32>, Vec<&Tensor>) = kinds
            .iter()
            .flatten()
            .map(|&kind| match kind {
                TokenKind::Padding => (0.0, &self.not_a_point),
                TokenKind::Place(index) => (1.0, &self.point_embeddings[index]),
            })
            .unzip();
        let tokens = is_placed.len() / prompts.len();
        let is_placed = Tensor::from_vec(is_placed, (prompts.len(), tokens, 1), self.device())?;
        let meaning = Tensor::cat(&meaning, 0)?.reshape((prompts.len(), tokens, EMBED_DIM))?;
        Ok(Some((encoded.broadcast_mul(&is_placed)? + meaning)?))
    }

    /// What is added to the image's tokens: (1 or masks, 4096 or 1, 256).
    pub(crate) fn dense(&self, masks: &[&LowResLogits]) -> Result<Tensor> {
        if masks.is_empty() {
            return self.no_mask.unsqueeze(0);
        }
        self.mask_convs[2]
            .forward(&self.mask_features(masks)?)?
            .flatten_from(2)?
            .transpose(1, 2)?
            .contiguous()
    }

    /// What the last layer makes mask prompts of: (masks, 16, 64, 64).
    fn mask_features(&self, masks: &[&LowResLogits]) -> Result<Tensor> {
        let values: Vec<f32> = masks.iter().flat_map(|m| m.values()).copied().collect();
        let mut x =
            Tensor::from_vec(values, (masks.len(), 1, LOW_RES_SIDE, LOW_RES_SIDE), self.device())?;
        for (conv, norm) in self.mask_convs.iter().zip(&self.mask_norms) {
            let y = conv.forward(&x)?.permute((0, 2, 3, 1))?.contiguous()?;
            x = gelu_erf(&norm.forward(&y)?)?.permute((0, 3, 1, 2))?.contiguous()?;
        }
        Ok(x)
    }

    /// How a mask prompt differs from none, `features · directions`: its features, a row for each
    /// of the image's tokens, and a one: (4096, 17).
    pub(crate) fn mask_rows(&self, mask: &LowResLogits) -> Result<Tensor> {
        let features = self.mask_features(&[mask])?.flatten_from(2)?.squeeze(0)?.t()?;
        let one = Tensor::ones((features.dim(0)?, 1), features.dtype(), self.device())?;
        Tensor::cat(&[features, one], 1)
    }

    /// The other factor: (17, 256).
    pub(crate) fn mask_directions(&self) -> Result<Tensor> {
        let last = &self.mask_convs[2];
        let weight = last.weight().flatten_from(1)?.t()?;
        let bias = match last.bias() {
            Some(bias) => bias.unsqueeze(0)?,
            None => Tensor::zeros((1, EMBED_DIM), weight.dtype(), self.device())?,
        };
        Tensor::cat(&[weight, (bias - &self.no_mask)?], 0)
    }

    /// Random Fourier features of positions in [0, 1]²: (…, 2) → (…, 256).
    fn positions(&self, points: &Tensor) -> Result<Tensor> {
        let (batch, count, _) = points.dims3()?;
        let points = points.affine(2.0, -1.0)?.reshape((batch * count, 2))?;
        let angles = (points.matmul(&self.gaussian)? * (2.0 * std::f64::consts::PI))?;
        Tensor::cat(&[angles.sin()?, angles.cos()?], 1)?.reshape((batch, count, EMBED_DIM))
    }

    fn device(&self) -> &Device {
        self.no_mask.device()
    }
}

/// What a sparse token stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum TokenKind {
    /// The point that says that there is no box.
    Padding,
    /// A place, meaning the embedding of this index.
    Place(usize),
}

fn token_kinds(prompt: &Prompt) -> Vec<TokenKind> {
    let mut kinds: Vec<_> = prompt
        .points
        .iter()
        .map(|p| TokenKind::Place(usize::from(p.label == PointLabel::Foreground)))
        .collect();
    match prompt.bbox {
        Some(_) => kinds.extend([TokenKind::Place(2), TokenKind::Place(3)]),
        None if !kinds.is_empty() => kinds.push(TokenKind::Padding),
        None => {}
    }
    kinds
}

/// Where the tokens lie in the network's input; the padding token's place is never used.
fn token_positions(prompt: &Prompt, frame: &Frame) -> Vec<Point> {
    let mut places: Vec<_> =
        prompt.points.iter().map(|p| frame.model_from_image(p.point)).collect();
    match prompt.bbox {
        Some(b) => places.extend(
            [Point::new(b.x0, b.y0), Point::new(b.x1, b.y1)].map(|p| frame.model_from_image(p)),
        ),
        None if !places.is_empty() => places.push(Point::new(0.0, 0.0)),
        None => {}
    }
    places
}

/// Number of sparse tokens of a prompt: prompts with equal numbers can share a batch.
pub(crate) fn token_count(prompt: &Prompt) -> usize {
    token_kinds(prompt).len()
}
