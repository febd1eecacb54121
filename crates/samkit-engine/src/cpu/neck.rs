//! The neck of every image encoder: to 256 channels, and a 3×3 convolution, each normalised.

use candle_core::Result;
use candle_nn::VarBuilder;

use super::conv::{Conv3x3, Shape};
use super::isa::Isa;
use super::linear::{Kernels, Linear};
use super::token_side::Norm;

pub(crate) struct Neck {
    reduce: Linear,
    norm1: Norm,
    conv: Conv3x3,
    norm2: Norm,
}

impl Neck {
    /// `vb` at the encoder's `neck`.
    pub(crate) fn load(kernels: Kernels, vb: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            reduce: Linear::new(kernels, &vb.get_unchecked("0.weight")?, None)?,
            norm1: Norm::load(&vb.pp(1), 1e-6)?,
            conv: Conv3x3::new(kernels, &vb.get_unchecked("2.weight")?, None, 1, false)?,
            norm2: Norm::load(&vb.pp(3), 1e-6)?,
        })
    }

    /// (height, width, channels) → (height, width, 256).
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape) -> Vec<f32> {
        let shape = Shape { channels: self.reduce.outputs(), ..shape };
        let mut reduced = vec![0.0; shape.len()];
        self.reduce.blocks(isa, x, &mut reduced, |_, rows| self.norm1.apply(isa, rows));
        let mut out = vec![0.0; shape.len()];
        self.conv.forward(isa, &reduced, shape, &mut out);
        self.norm2.apply(isa, &mut out);
        out
    }
}
