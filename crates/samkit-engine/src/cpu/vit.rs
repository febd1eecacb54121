//! The ViT image encoders of Segment Anything (B, L, H): the same as [`crate::network`]'s, for
//! CPUs.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::conv::Shape;
use super::elementwise;
use super::isa::Isa;
use super::linear::{BLOCK, Kernels, Linear, values};
use super::neck::Neck;
use super::relative_attention::RelativeAttention;
use super::token_side::Norm;
use crate::frame::INPUT_SIDE;
use crate::network::vit::{EPS, PATCH};

/// Channels of the image.
const RGB: usize = 3;

pub(crate) struct Vit {
    isa: Isa,
    /// From the pixels of a patch, row by row.
    patch_embed: Linear,
    /// (grid², width)
    positions: Vec<f32>,
    /// Tokens along each side of the image.
    grid: usize,
    blocks: Vec<Block>,
    neck: Neck,
}

impl Vit {
    /// Reads the network from a checkpoint, `vb` at `image_encoder`.
    pub(crate) fn load(kernels: Kernels, vb: &VarBuilder<'_>) -> Result<Self> {
        let positions = vb.get_unchecked("pos_embed")?;
        let (_, grid, _, width) = positions.dims4()?;
        let patch = vb.get((width, RGB, PATCH, PATCH), "patch_embed.proj.weight")?;
        let patch = patch.permute((0, 2, 3, 1))?.contiguous()?;
        let blocks = (0..)
            .map(|i| vb.pp("blocks").pp(i))
            .take_while(|vb| vb.contains_tensor("norm1.weight"))
            .map(|vb| Block::load(kernels, &vb, width));
        Ok(Self {
            isa: kernels.isa,
            patch_embed: Linear::new(
                kernels.isa,
                &patch,
                Some(&vb.get(width, "patch_embed.proj.bias")?),
            )?,
            positions: values(&positions)?,
            grid,
            blocks: blocks.collect::<Result<_>>()?,
            neck: Neck::load(kernels.isa.into(), &vb.pp("neck"))?,
        })
    }

    /// `image` (1024, 1024, 3), normalised and padded → (4096, 256).
    pub(crate) fn forward(&self, image: &[f32]) -> Vec<f32> {
        let isa = self.isa;
        let mut x = self.embed(image);
        let mut memory = Memory { qkv: vec![0.0; 3 * x.len()], mixed: vec![0.0; x.len()] };
        for block in &self.blocks {
            block.forward(isa, &mut x, self.grid, &mut memory);
        }
        drop(memory);
        let shape =
            Shape { height: self.grid, width: self.grid, channels: self.patch_embed.outputs() };
        self.neck.forward(isa, &x, shape)
    }

    /// A token for every patch.
    fn embed(&self, image: &[f32]) -> Vec<f32> {
        let (isa, width) = (self.isa, self.patch_embed.outputs());
        let line = INPUT_SIDE as usize * RGB;
        let mut x = vec![0.0; self.positions.len()];
        let rows = x.par_chunks_mut(self.grid * width);
        rows.zip(self.positions.par_chunks(self.grid * width)).enumerate().for_each(
            |(y, (x, positions))| {
                let mut patches = Vec::with_capacity(self.grid * self.patch_embed.inputs());
                for column in 0..self.grid {
                    for row in 0..PATCH {
                        let start = (y * PATCH + row) * line + column * PATCH * RGB;
                        patches.extend_from_slice(&image[start..start + PATCH * RGB]);
                    }
                }
                self.patch_embed.product(isa, &patches, x);
                elementwise::add_bias_and(isa, x, &self.patch_embed.bias, positions);
            },
        );
        x
    }
}

/// What the blocks write to, one after the other.
struct Memory {
    /// (tokens, 3 · width)
    qkv: Vec<f32>,
    /// (tokens, width)
    mixed: Vec<f32>,
}

struct Block {
    norm1: Norm,
    qkv: Linear,
    attention: RelativeAttention,
    proj: Linear,
    norm2: Norm,
    mlp: [Linear; 2],
}

impl Block {
    fn load(kernels: Kernels, vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let linear = |name| Linear::load(kernels, &vb.pp(name));
        Ok(Self {
            norm1: Norm::load(&vb.pp("norm1"), EPS as f32)?,
            qkv: linear("attn.qkv")?,
            attention: RelativeAttention::load(kernels.isa, &vb.pp("attn"), width)?,
            proj: linear("attn.proj")?,
            norm2: Norm::load(&vb.pp("norm2"), EPS as f32)?,
            mlp: [linear("mlp.lin1")?, linear("mlp.lin2")?],
        })
    }

    /// `x` (grid², width) in place.
    fn forward(&self, isa: Isa, x: &mut [f32], grid: usize, memory: &mut Memory) {
        let Memory { qkv, mixed } = memory;
        let width = self.proj.outputs();
        let blocks = qkv.par_chunks_mut(3 * width * BLOCK).zip(x.par_chunks(width * BLOCK));
        blocks.for_each_init(Vec::new, |normed, (qkv, x)| {
            normed.clear();
            normed.extend_from_slice(x);
            self.norm1.apply(isa, normed);
            self.qkv.product(isa, normed, qkv);
            elementwise::add_bias(isa, qkv, &self.qkv.bias);
        });
        if self.attention.side() == grid {
            self.attention.forward(isa, qkv, mixed);
        } else {
            self.windows(isa, qkv, grid, mixed);
        }
        let blocks = x.par_chunks_mut(width * BLOCK).zip(mixed.par_chunks(width * BLOCK));
        blocks.for_each_init(Rows::default, |rows, (x, mixed)| {
            self.add_projected(isa, mixed, &mut rows.out, x);
            self.add_mlp(isa, rows, x);
        });
    }

    /// Attention inside windows.
    fn windows(&self, isa: Isa, qkv: &[f32], grid: usize, mixed: &mut [f32]) {
        let (side, width) = (self.attention.side(), self.proj.outputs());
        let across = grid.div_ceil(side);
        let corner = |window: usize| (window / across * side, window % across * side);
        let attended: Vec<Vec<f32>> = (0..across * across)
            .into_par_iter()
            .map(|window| {
                let mut out = vec![0.0; side * side * width];
                let qkv = self.window(qkv, grid, corner(window));
                self.attention.forward_here(isa, &qkv, &mut out);
                out
            })
            .collect();
        for (window, out) in attended.iter().enumerate() {
            let (top, left) = corner(window);
            let inside = side.min(grid - left) * width;
            for (y, out) in out.chunks_exact(side * width).enumerate().take(grid - top) {
                let start = ((top + y) * grid + left) * width;
                mixed[start..start + inside].copy_from_slice(&out[..inside]);
            }
        }
    }

    /// Queries, keys and values of a window. The reference pads with zeros after the LayerNorm and
    /// masks nothing, so a token of the padding has the bias for all three.
    fn window(&self, qkv: &[f32], grid: usize, (top, left): (usize, usize)) -> Vec<f32> {
        let (side, stride) = (self.attention.side(), self.qkv.outputs());
        let inside = side.min(grid - left);
        let mut window = Vec::with_capacity(side * side * stride);
        for y in 0..side {
            let real = if top + y < grid { inside } else { 0 };
            if real > 0 {
                let start = ((top + y) * grid + left) * stride;
                window.extend_from_slice(&qkv[start..start + real * stride]);
            }
            for _ in real..side {
                window.extend_from_slice(&self.qkv.bias);
            }
        }
        window
    }

    /// `x += mixed · proj + bias`.
    fn add_projected(&self, isa: Isa, mixed: &[f32], out: &mut Vec<f32>, x: &mut [f32]) {
        out.resize(x.len(), 0.0);
        self.proj.product(isa, mixed, out);
        elementwise::add_bias_and(isa, x, &self.proj.bias, out);
    }

    /// `x += mlp(norm(x))`.
    fn add_mlp(&self, isa: Isa, rows: &mut Rows, x: &mut [f32]) {
        let [widen, narrow] = &self.mlp;
        let Rows { out, hidden } = rows;
        out.clear();
        out.extend_from_slice(x);
        self.norm2.apply(isa, out);
        hidden.resize(x.len() / widen.inputs() * widen.outputs(), 0.0);
        widen.product(isa, out, hidden);
        elementwise::bias_gelu(isa, hidden, &widen.bias);
        narrow.product(isa, hidden, out);
        elementwise::add_bias_and(isa, x, &narrow.bias, out);
    }
}

/// A block of rows on its way.
#[derive(Default)]
struct Rows {
    out: Vec<f32>,
    hidden: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::network;

    /// Windowed and global blocks on every instruction set, held against plain candle operations,
    /// which are held against Meta's code.
    #[test]
    fn a_small_vit_equals_candles() -> Result<()> {
        let device = Device::Cpu;
        let weights = include_bytes!("../../tests/fixtures/vit_tiny.safetensors");
        let weights = candle_core::safetensors::load_buffer(weights, &device)?;
        let vb = VarBuilder::from_tensors(weights, DType::F32, &device).pp("image_encoder");
        let side = INPUT_SIDE as usize;
        let image: Vec<f32> =
            (0..side * side * RGB).map(|i| ((i * 7919) % 1009) as f32 / 252.0 - 2.0).collect();
        let tensor = Tensor::from_slice(&image, (1, side, side, RGB), &device)?;
        let tensor = tensor.permute((0, 3, 1, 2))?.contiguous()?;
        let expected = values(&network::vit::Vit::load(&vb)?.forward(&tensor)?)?;
        for isa in Isa::available() {
            let got = Vit::load(isa.into(), &vb)?.forward(&image);
            assert_eq!(got.len(), expected.len());
            let worst =
                got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
            // Values are of the order of 1 after the neck's LayerNorm.
            assert!(worst < 1e-4, "{isa:?}: {worst:e}");
        }
        Ok(())
    }
}
