//! The ViT image encoders of Segment Anything (B, L, H).
//!
//! Follows `segment_anything/modeling/image_encoder.py`. Depth, width, heads, and which blocks
//! attend globally are read from the shapes of the weights.

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, LayerNorm, Linear, Module, VarBuilder};

use super::neck::Neck;
use super::ops::{gelu_erf, layer_norm, linear};
use super::windows::Windows;

/// Pixels a side of a patch.
pub(crate) const PATCH: usize = 16;
/// Epsilon of the blocks' LayerNorms (`build_sam.py`).
pub(crate) const EPS: f64 = 1e-6;

pub(crate) struct Vit {
    patch_embed: Conv2d,
    /// (1, grid, grid, width)
    pos_embed: Tensor,
    blocks: Vec<Block>,
    neck: Neck,
}

impl Vit {
    /// Reads the network from a checkpoint, `vb` at `image_encoder`.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let pos_embed = vb.get_unchecked("pos_embed")?;
        let (_, grid, _, width) = pos_embed.dims4()?;
        let patch_embed = Conv2d::new(
            vb.get((width, 3, PATCH, PATCH), "patch_embed.proj.weight")?,
            Some(vb.get(width, "patch_embed.proj.bias")?),
            Conv2dConfig { stride: PATCH, ..Conv2dConfig::default() },
        );
        let depth =
            (0..).take_while(|i| vb.contains_tensor(&format!("blocks.{i}.norm1.weight"))).count();
        let blocks = (0..depth).map(|i| Block::load(&vb.pp("blocks").pp(i), width, grid));
        Ok(Self {
            patch_embed,
            pos_embed,
            blocks: blocks.collect::<Result<_>>()?,
            neck: Neck::load(&vb.pp("neck"), width)?,
        })
    }

    pub(crate) fn name(&self) -> String {
        let width = self.pos_embed.dims()[3];
        format!("ViT-{width}x{}", self.blocks.len())
    }

    /// (1, 3, 1024, 1024) → (1, 64, 64, 256).
    pub(crate) fn forward(&self, image: &Tensor) -> Result<Tensor> {
        let x = self.patch_embed.forward(image)?.permute((0, 2, 3, 1))?;
        let mut x = x.broadcast_add(&self.pos_embed)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.neck.forward(&x)
    }
}

struct Block {
    norm1: LayerNorm,
    attention: Attention,
    /// Side of the windows; `None` attends globally.
    window: Option<usize>,
    norm2: LayerNorm,
    mlp: [Linear; 2],
}

impl Block {
    fn load(vb: &VarBuilder<'_>, width: usize, grid: usize) -> Result<Self> {
        let hidden = vb.get_unchecked("mlp.lin1.weight")?.dim(0)?;
        let attention = Attention::load(&vb.pp("attn"), width)?;
        Ok(Self {
            norm1: layer_norm(&vb.pp("norm1"), width, EPS)?,
            window: (attention.side != grid).then_some(attention.side),
            attention,
            norm2: layer_norm(&vb.pp("norm2"), width, EPS)?,
            mlp: [
                linear(&vb.pp("mlp.lin1"), width, hidden)?,
                linear(&vb.pp("mlp.lin2"), hidden, width)?,
            ],
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let attended = match self.window {
            // Padding comes after the LayerNorm and is not masked, as in the reference.
            Some(side) => {
                let (windows, layout) = Windows::partition(&normed, side)?;
                layout.join(&self.attention.forward(&windows)?)?
            }
            None => {
                let (batch, height, width, channels) = normed.dims4()?;
                let tokens = normed.reshape((batch, height * width, channels))?;
                self.attention.forward(&tokens)?.reshape((batch, height, width, channels))?
            }
        };
        let x = (x + attended)?;
        let hidden = gelu_erf(&self.mlp[0].forward(&self.norm2.forward(&x)?)?)?;
        x + self.mlp[1].forward(&hidden)?
    }
}

/// Multi-head attention over a square of tokens with decomposed relative positions
/// (`add_decomposed_rel_pos`).
struct Attention {
    qkv: Linear,
    proj: Linear,
    /// (side · side, head): the embedding of row offset `q − k`, row by row over (q, k).
    rel_rows: Tensor,
    rel_columns: Tensor,
    heads: usize,
    side: usize,
}

impl Attention {
    fn load(vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let rel_pos = vb.get_unchecked("rel_pos_h")?;
        let (offsets, head) = rel_pos.dims2()?;
        let side = offsets.div_ceil(2);
        let by_pair = |rel_pos: &Tensor| {
            let index = (0..side * side).map(|pair| (pair / side + side - 1 - pair % side) as u32);
            rel_pos.index_select(&Tensor::from_iter(index, rel_pos.device())?, 0)
        };
        Ok(Self {
            qkv: linear(&vb.pp("qkv"), width, 3 * width)?,
            proj: linear(&vb.pp("proj"), width, width)?,
            rel_rows: by_pair(&rel_pos)?,
            rel_columns: by_pair(&vb.get((offsets, head), "rel_pos_w")?)?,
            heads: width / head,
            side,
        })
    }

    /// (batch, side², channels) → the same.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, tokens, channels) = x.dims3()?;
        let head = channels / self.heads;
        let qkv = self.qkv.forward(x)?.reshape((batch, tokens, 3, self.heads, head))?;
        let qkv = qkv.permute((2, 0, 3, 1, 4))?.reshape((3, batch * self.heads, tokens, head))?;
        // One group of heads at a time: a global block's scores are 64 MiB a head.
        let groups = (0..batch * self.heads).step_by(self.group(tokens)).map(|start| {
            let length = self.group(tokens).min(batch * self.heads - start);
            let part = |i: usize| qkv.get(i)?.narrow(0, start, length)?.contiguous();
            self.attend(&part(0)?, &part(1)?, &part(2)?)
        });
        let x = Tensor::cat(&groups.collect::<Result<Vec<_>>>()?, 0)?;
        let x = x.reshape((batch, self.heads, tokens, head))?.transpose(1, 2)?;
        self.proj.forward(&x.reshape((batch, tokens, channels))?)
    }

    /// Heads whose scores fit into about 128 MiB together.
    fn group(&self, tokens: usize) -> usize {
        ((32 << 20) / (tokens * tokens)).max(1)
    }

    /// (heads, tokens, head) each → (heads, tokens, head).
    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let (heads, tokens, head) = q.dims3()?;
        let side = self.side;
        let scores = (q * (head as f64).powf(-0.5))?.matmul(&k.t()?)?;
        // Row and column terms for every query: (heads, rows, columns, offset along the axis).
        let q = q.reshape((heads, side, side, head))?;
        let rel =
            |table: &Tensor| table.reshape((1, side, side, head))?.transpose(2, 3)?.contiguous();
        let rows = q.broadcast_matmul(&rel(&self.rel_rows)?)?;
        let columns =
            q.transpose(1, 2)?.contiguous()?.broadcast_matmul(&rel(&self.rel_columns)?)?;
        let columns = columns.transpose(1, 2)?;
        let scores = scores
            .reshape((heads, tokens, side, side))?
            .broadcast_add(&rows.reshape((heads, tokens, side, 1))?)?
            .broadcast_add(&columns.reshape((heads, tokens, 1, side))?)?
            .reshape((heads, tokens, tokens))?;
        candle_nn::ops::softmax_last_dim(&scores)?.matmul(v)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{D, DType, Device};
    use image::RgbImage;
    use samkit_core::Size;

    use super::*;
    use crate::frame::Frame;
    use crate::preprocess::preprocess;

    /// The image of `tests/reference/formula.py`.
    fn formula(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([0, 1, 2].map(|c| (7 * x + 13 * y + 50 * c + x * y / 64) as u8))
        })
    }

    /// Every `step`th value along a dimension.
    fn every(x: &Tensor, dim: usize, step: usize) -> Result<Tensor> {
        let index = Tensor::from_iter((0..x.dim(dim)? as u32).step_by(step), x.device())?;
        x.index_select(&index, dim)
    }

    fn worst(a: &Tensor, b: &Tensor) -> Result<f32> {
        assert_eq!(a.dims(), b.dims());
        (a - b)?.abs()?.flatten_all()?.max(D::Minus1)?.to_scalar()
    }

    /// Windowed and global blocks, padding, decomposed relative positions and the neck, with random
    /// weights, against Meta's code in f64 (`tests/reference/make_vit_fixture.py`).
    #[test]
    fn a_small_vit_equals_metas() -> Result<()> {
        let device = Device::Cpu;
        let weights = include_bytes!("../../tests/fixtures/vit_tiny.safetensors");
        let weights = candle_core::safetensors::load_buffer(weights, &device)?;
        let vb = VarBuilder::from_tensors(weights, DType::F32, &device);
        let vit = Vit::load(&vb.pp("image_encoder"))?;
        assert_eq!(vit.name(), "ViT-24x3");
        let expected = include_bytes!("../../tests/fixtures/vit_tiny_expected.safetensors");
        let expected = candle_core::safetensors::load_buffer(expected, &device)?;
        for (case, width, height) in [("identity", 1024, 640), ("resized", 320, 200)] {
            let frame = Frame::new(Size::new(width, height));
            let input = preprocess(&formula(width, height), &frame).expect("an input");
            let input = Tensor::from_vec(input, (1, 1024, 1024, 3), &device)?;
            let input = input.permute((0, 3, 1, 2))?.contiguous()?;
            let embedding = vit.forward(&input)?.squeeze(0)?.permute((2, 0, 1))?.contiguous()?;
            let values = every(&every(&every(&embedding, 0, 8)?, 1, 3)?, 2, 3)?;
            // The reference's own f32 error is 3e-5; values are of the order of 1.
            let error = worst(&values, &expected[&format!("{case}.values")])?;
            assert!(error < 2e-4, "{case}: {error}");
            let sums = embedding.sum((1, 2))?;
            let error = worst(&sums, &expected[&format!("{case}.channel_sums")])?;
            assert!(error < 0.05, "{case}: sums of 4096 values are off by {error}");
        }
        Ok(())
    }
}
