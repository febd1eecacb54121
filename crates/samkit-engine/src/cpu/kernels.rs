//! The door through which samkit's own benches reach the kernels, one by one. No part of the
//! public interface: behind the feature `kernels`, hidden from the documentation.
//!
//! Images are channels-last and square; slices that do not fit panic.

use std::fmt;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::conv::{self, Shape};
use super::isa::Isa;
use super::linear::{self, Linear};
use super::tiny_vit::TinyVit;
use super::upscaler::Extent;
use super::{attention, decoder, elementwise, image_side};
use crate::network::PromptEncoder;

/// Rows that the network multiplies at a time.
pub const BLOCK: usize = linear::BLOCK;

/// An instruction set of this machine.
#[derive(Clone, Copy)]
pub struct InstructionSet(Isa);

impl InstructionSet {
    /// Best first.
    pub fn available() -> Vec<Self> {
        Isa::available().into_iter().map(Self).collect()
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A packed matrix.
pub struct Matrix(Isa, Linear);

impl Matrix {
    /// `data` (depth, columns).
    pub fn new(set: InstructionSet, data: &[f32], depth: usize) -> Self {
        let weight = tensor(data, (depth, data.len() / depth)).t();
        let linear = weight.and_then(|weight| Linear::new(set.0, &weight, None));
        Self(set.0, linear.expect("tensors on the CPU"))
    }

    /// `out = rows · self`, on this thread.
    pub fn product(&self, rows: &[f32], out: &mut [f32]) {
        self.1.product(self.0, rows, out);
    }
}

/// A depthwise 3×3 convolution with padding 1 and stride 1.
pub struct Depthwise(conv::Depthwise);

impl Depthwise {
    /// `weight` (9, channels), `bias` (channels).
    pub fn new(weight: &[f32], bias: &[f32]) -> Self {
        let channels = bias.len();
        let parts = (tensor(weight, (9, channels)), tensor(bias, channels));
        Self(conv::Depthwise::new(&parts, 1, false).expect("tensors on the CPU"))
    }

    /// `x` and `out` (side, side, channels).
    pub fn forward(&self, set: InstructionSet, x: &[f32], side: usize, out: &mut [f32]) {
        self.0.forward(set.0, x, square(side, x), out);
    }
}

/// `gelu(x + bias)` of every row.
pub fn bias_gelu(set: InstructionSet, x: &mut [f32], bias: &[f32]) {
    elementwise::bias_gelu(set.0, x, bias);
}

/// LayerNorm of every row.
pub fn layer_norm(set: InstructionSet, x: &mut [f32], weight: &[f32], bias: &[f32]) {
    elementwise::layer_norm(set.0, x, weight, bias, 1e-5);
}

/// Softmax of every row after adding the same row of `bias`.
pub fn softmax(set: InstructionSet, x: &mut [f32], columns: usize, bias: &[f32]) {
    elementwise::softmax_rows(set.0, x, columns, 1.0, bias);
}

/// The attention of one block of TinyViT.
pub struct WindowAttention(Isa, attention::WindowAttention);

impl WindowAttention {
    /// `block` as the checkpoint names it below `image_encoder`.
    pub fn load(set: InstructionSet, weights: &Path, block: &str) -> Result<Self> {
        let vb = open(weights)?.pp("image_encoder").pp(block).pp("attn");
        Ok(Self(set.0, attention::WindowAttention::load(set.0.into(), &vb)?))
    }

    /// `x` and `out` (side, side, channels).
    pub fn forward(&self, x: &[f32], side: usize, out: &mut [f32]) {
        self.1.forward(self.0, x, square(side, x), out);
    }
}

/// TinyViT.
pub struct Encoder(TinyVit);

impl Encoder {
    /// From MobileSAM's checkpoint.
    pub fn load(set: InstructionSet, weights: &Path) -> Result<Self> {
        Ok(Self(TinyVit::load(set.0.into(), &open(weights)?.pp("image_encoder"))?))
    }

    /// (1024, 1024, 3) → (4096, 256).
    pub fn forward(&self, image: &[f32]) -> Vec<f32> {
        self.0.forward(image)
    }
}

/// The mask decoder, on one image.
pub struct Decoder(decoder::Decoder, image_side::ImageSide);

impl Decoder {
    /// From a checkpoint; `embedding` (4096, 256).
    pub fn load(set: InstructionSet, weights: &Path, embedding: &[f32]) -> Result<Self> {
        let vb = open(weights)?;
        let prompts = PromptEncoder::load(&vb.pp("prompt_encoder"))?;
        let values = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let positions = values(prompts.dense_positions()?)?;
        let decoder = decoder::Decoder::load(
            set.0,
            &vb.pp("mask_decoder"),
            &positions,
            &values(prompts.mask_directions()?)?,
        )?;
        let image = decoder.image_side(embedding, &values(prompts.dense(&[])?)?);
        Ok(Self(decoder, image))
    }

    /// `prompt` (tokens, 256) → predicted IoU and 256×256 logits of three masks.
    pub fn forward(&self, prompt: &[f32]) -> Vec<(f32, Vec<f32>)> {
        self.0.decode(&self.1, None, prompt, 1..4, Extent::SQUARE)
    }
}

fn tensor(data: &[f32], shape: impl Into<candle_core::Shape>) -> Tensor {
    Tensor::from_slice(data, shape, &Device::Cpu).expect("as many values as the shape has")
}

fn square(side: usize, x: &[f32]) -> Shape {
    Shape { height: side, width: side, channels: x.len() / (side * side) }
}

fn open(weights: &Path) -> Result<VarBuilder<'static>> {
    let tensors = candle_core::safetensors::load(weights, &Device::Cpu)?;
    Ok(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
}
