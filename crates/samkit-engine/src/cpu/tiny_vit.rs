//! TinyViT-5M, the image encoder of MobileSAM: the same as [`crate::network`]'s, for CPUs.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::attention::WindowAttention;
use super::bottleneck::Bottleneck;
use super::conv::{Conv3x3, Depthwise, Shape};
use super::elementwise;
use super::isa::Isa;
use super::kept::Kept;
use super::linear::{BLOCK, Kernels, Linear};
use super::lines::{LastLines, STRIP, around};
use super::neck::Neck;
use super::token_side::Norm;
use crate::frame::INPUT_SIDE;
use crate::network::ops::{conv_bn, depthwise_bn};
use crate::network::tiny_vit::{downsampling_stride, is_attention, is_convolution};

pub(crate) struct TinyVit {
    isa: Isa,
    stem: Stem,
    stages: Vec<Stage>,
    neck: Neck,
    memory: Kept<Memory>,
}

struct Stage {
    blocks: Vec<Block>,
    downsample: Option<Bottleneck>,
}

enum Block {
    Convolution(Box<Bottleneck>),
    Attention(Box<AttentionBlock>),
}

impl TinyVit {
    /// Reads the network from a checkpoint, `vb` at `image_encoder`.
    ///
    /// In every precision the stem and the layers that widen the first stage's images stay in f32:
    /// what is lost so early grows on its way through the network. The worst of 216 masks on the
    /// reference photographs has an IoU of 0.983 with that of f32; with those layers in bf16 too
    /// it had 0.975, and the stem alone would double the embedding's error.
    pub(crate) fn load(kernels: Kernels, vb: &VarBuilder<'_>) -> Result<Self> {
        let isa = kernels.isa;
        let stem = |name: &str, is_activated| {
            let vb = vb.pp(name);
            let (outputs, inputs, ..) = vb.get_unchecked("c.weight")?.dims4()?;
            let (weight, bias) = conv_bn(&vb, [outputs, inputs, 3, 3])?;
            Conv3x3::new(isa, &weight, Some(&bias), 2, is_activated)
        };
        let convolutions = [stem("patch_embed.seq.0", true)?, stem("patch_embed.seq.2", false)?];
        let stem = Stem { convolutions, lines: Kept::new() };
        let mut stages = Vec::new();
        loop {
            let vb = vb.pp("layers").pp(stages.len());
            let mut blocks = Vec::new();
            loop {
                let vb = vb.pp("blocks").pp(blocks.len());
                blocks.push(if is_convolution(&vb) {
                    Block::Convolution(Box::new(Bottleneck::load([isa.into(), kernels], &vb, 1)?))
                } else if is_attention(&vb) {
                    Block::Attention(Box::new(AttentionBlock::load(kernels, &vb)?))
                } else {
                    break;
                });
            }
            if blocks.is_empty() {
                break;
            }
            let vb = vb.pp("downsample");
            let downsample = is_convolution(&vb)
                .then(|| Bottleneck::load([kernels; 2], &vb, downsampling_stride(&vb)?))
                .transpose()?;
            stages.push(Stage { blocks, downsample });
        }
        let neck = Neck::load(kernels, &vb.pp("neck"))?;
        Ok(Self { isa, stem, stages, neck, memory: Kept::new() })
    }

    /// `image` (1024, 1024, 3), normalised and padded → (4096, 256).
    pub(crate) fn forward(&self, image: &[f32]) -> Vec<f32> {
        self.memory.lend(|memory| self.forward_in(image, memory))
    }

    fn forward_in(&self, image: &[f32], Memory { x, out }: &mut Memory) -> Vec<f32> {
        let isa = self.isa;
        let side = INPUT_SIDE as usize;
        let mut shape = Shape { height: side, width: side, channels: 3 };
        let to = self.stem.shape_after(shape);
        self.stem.forward(isa, image, shape, room(x, to));
        shape = to;
        for stage in &self.stages {
            for block in &stage.blocks {
                match block {
                    Block::Convolution(block) => {
                        block.residual(isa, room(x, shape), shape, room(out, shape));
                    }
                    Block::Attention(block) => {
                        block.forward(isa, room(x, shape), shape, room(out, shape));
                    }
                }
                std::mem::swap(x, out);
            }
            if let Some(downsample) = &stage.downsample {
                let to = downsample.shape_after(shape);
                downsample.forward(isa, room(x, shape), shape, room(out, to));
                shape = to;
                std::mem::swap(x, out);
            }
        }
        self.neck.forward(isa, room(x, shape), shape)
    }
}

/// What the blocks read and write, one after the other.
#[derive(Default)]
struct Memory {
    x: Vec<f32>,
    out: Vec<f32>,
}

/// Memory for an image, with whatever was there.
fn room(memory: &mut Vec<f32>, shape: Shape) -> &mut [f32] {
    if memory.len() < shape.len() {
        memory.resize(shape.len(), 0.0);
    }
    &mut memory[..shape.len()]
}

/// The two convolutions before the first stage. The image between them would be the network's
/// largest; here it exists only as three lines at a time.
struct Stem {
    convolutions: [Conv3x3; 2],
    lines: Kept<LastLines>,
}

impl Stem {
    fn shape_after(&self, shape: Shape) -> Shape {
        let [first, second] = &self.convolutions;
        second.shape_after(first.shape_after(shape))
    }

    fn forward(&self, isa: Isa, image: &[f32], shape: Shape, out: &mut [f32]) {
        let [first, second] = &self.convolutions;
        let between = first.shape_after(shape);
        let to = second.shape_after(between);
        let line = shape.width * shape.channels;
        let work = |lines: &mut LastLines, strip: usize, out: &mut [f32]| {
            lines.begin(between.width * between.channels);
            for (index, out) in out.chunks_exact_mut(to.width * to.channels).enumerate() {
                let make = |y: usize, out: &mut [f32]| {
                    let source = |source: usize| &image[source * line..][..line];
                    let lines = around(first.stride(), y, shape.height, source);
                    first.line(isa, lines, out);
                };
                let y = strip * STRIP + index;
                let lines = lines.around(second.stride(), y, between.height, make);
                second.line(isa, lines, out);
            }
        };
        let strips = out.par_chunks_mut(STRIP * to.width * to.channels).enumerate();
        strips.for_each(|(strip, out)| self.lines.lend(|lines| work(lines, strip, out)));
    }
}

struct AttentionBlock {
    attention: WindowAttention,
    local: Depthwise,
    norm: Norm,
    mlp: [Linear; 2],
    hidden: Kept<Vec<f32>>,
}

impl AttentionBlock {
    fn load(kernels: Kernels, vb: &VarBuilder<'_>) -> Result<Self> {
        let norm = Norm::load(&vb.pp("mlp.norm"), 1e-5)?;
        let local = depthwise_bn(&vb.pp("local_conv"), norm.weight.len())?;
        Ok(Self {
            attention: WindowAttention::load(kernels, &vb.pp("attn"))?,
            local: Depthwise::new(&local, 1, false)?,
            norm,
            mlp: [
                Linear::load(kernels, &vb.pp("mlp.fc1"))?,
                Linear::load(kernels, &vb.pp("mlp.fc2"))?,
            ],
            hidden: Kept::new(),
        })
    }

    /// From `x` to `out`; `x` is written over.
    fn forward(&self, isa: Isa, x: &mut [f32], shape: Shape, out: &mut [f32]) {
        self.attention.forward(isa, x, shape, out);
        self.local.forward(isa, out, shape, x);
        let [widen, narrow] = &self.mlp;
        let width = BLOCK * shape.channels;
        let work = |hidden: &mut Vec<f32>, out: &mut [f32], x: &[f32]| {
            out.copy_from_slice(x);
            self.norm.apply(isa, out);
            hidden.resize(x.len() / shape.channels * widen.outputs(), 0.0);
            widen.product(isa, out, hidden);
            elementwise::bias_gelu(isa, hidden, &widen.bias);
            narrow.product(isa, hidden, out);
            elementwise::add_bias_and(isa, out, &narrow.bias, x);
        };
        let blocks = out.par_chunks_mut(width).zip(x.par_chunks(width));
        blocks.for_each(|(out, x)| self.hidden.lend(|hidden| work(hidden, out, x)));
    }
}
