//! The end of every image encoder: to 256 channels, and a 3×3 convolution, each normalised.

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, LayerNorm, Linear, Module, VarBuilder};

use super::ops::layer_norm;

pub(crate) struct Neck {
    reduce: Linear,
    norm1: LayerNorm,
    conv: Conv2d,
    norm2: LayerNorm,
}

impl Neck {
    /// `vb` at `image_encoder.neck`, whose members are numbered 0 to 3.
    pub(crate) fn load(vb: &VarBuilder<'_>, inputs: usize) -> Result<Self> {
        let outputs = vb.get_unchecked("0.weight")?.dim(0)?;
        let reduce = vb.get((outputs, inputs, 1, 1), "0.weight")?.reshape((outputs, inputs))?;
        let config = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
        Ok(Self {
            reduce: Linear::new(reduce, None),
            norm1: layer_norm(&vb.pp(1), outputs, 1e-6)?,
            conv: Conv2d::new(vb.get((outputs, outputs, 3, 3), "2.weight")?, None, config),
            norm2: layer_norm(&vb.pp(3), outputs, 1e-6)?,
        })
    }

    /// (batch, height, width, inputs) → (batch, height, width, 256).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.norm1.forward(&self.reduce.forward(x)?)?;
        let x = self.conv.forward(&x.permute((0, 3, 1, 2))?.contiguous()?)?;
        self.norm2.forward(&x.permute((0, 2, 3, 1))?.contiguous()?)
    }
}
