//! From the image's tokens to mask logits: two transposed convolutions and the product with each
//! mask's hypernetwork.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;
use samkit_core::LOW_RES_SIDE;

use super::elementwise;
use super::gemm::{Packed, gemm};
use super::isa::Isa;
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::Norm;
use crate::network::{EMBED_DIM, EMBED_SIDE};

/// Channels after the first and the second step.
const CHANNELS: [usize; 2] = [EMBED_DIM / 4, EMBED_DIM / 8];
/// Logits along each side that one image token becomes.
const SCALE: usize = LOW_RES_SIDE / EMBED_SIDE;

pub(crate) struct Upscaler {
    first: Linear,
    norm: Norm,
    second: Linear,
}

impl Upscaler {
    /// `vb` at `mask_decoder.output_upscaling`.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            first: transposed(isa, &vb.pp(0))?,
            norm: Norm::load(&vb.pp(1), 1e-6)?,
            second: transposed(isa, &vb.pp(3))?,
        })
    }

    /// `image` (4096, 256), `masks` (masks, 32) → one map of 256×256 logits a mask.
    pub(crate) fn forward(&self, isa: Isa, image: &[f32], masks: &[f32]) -> Vec<Vec<f32>> {
        let count = masks.len() / CHANNELS[1];
        let weights = Packed::new(isa, CHANNELS[1], count, |k, j| masks[j * CHANNELS[1] + k]);
        let rows: Vec<Vec<f32>> = image
            .par_chunks_exact(EMBED_SIDE * EMBED_DIM)
            .map_init(Scratch::new, |scratch, tokens| self.row(isa, tokens, &weights, scratch))
            .collect();
        let line = SCALE * LOW_RES_SIDE;
        (0..count)
            .map(|m| rows.iter().flat_map(|row| &row[m * line..(m + 1) * line]).copied().collect())
            .collect()
    }

    /// One row of image tokens → four rows of logits for every mask.
    fn row(&self, isa: Isa, tokens: &[f32], masks: &Packed, scratch: &mut Scratch) -> Vec<f32> {
        let Scratch { first, second, logits } = scratch;
        self.first.product(isa, tokens, first);
        elementwise::add_bias(isa, first, &self.first.bias);
        elementwise::layer_norm_gelu(isa, first, &self.norm.weight, &self.norm.bias, self.norm.eps);
        self.second.product(isa, first, second);
        elementwise::bias_gelu(isa, second, &self.second.bias);
        let count = masks.columns();
        let logits = &mut logits[..EMBED_SIDE * SCALE * SCALE * count];
        let a = Rows { data: second, row: CHANNELS[1], column: 1 };
        let sums = Sums { data: logits, stride: count, accumulate: false };
        gemm(isa, EMBED_SIDE * SCALE * SCALE, a, masks.view(isa), sums);
        // Pixels come as (token, row and column of the first step, of the second step).
        let mut out = vec![0.0; logits.len()];
        for (pixel, values) in logits.chunks_exact(count).enumerate() {
            let (token, step1, step2) = (pixel / 16, pixel / 4 % 4, pixel % 4);
            let y = 2 * (step1 / 2) + step2 / 2;
            let x = SCALE * token + 2 * (step1 % 2) + step2 % 2;
            for (mask, &value) in values.iter().enumerate() {
                out[(mask * SCALE + y) * LOW_RES_SIDE + x] = value;
            }
        }
        out
    }
}

/// Masks that can be asked for at once.
const MAX_MASKS: usize = 4;

struct Scratch {
    first: Vec<f32>,
    second: Vec<f32>,
    logits: Vec<f32>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            first: vec![0.0; EMBED_SIDE * 4 * CHANNELS[0]],
            second: vec![0.0; EMBED_SIDE * 16 * CHANNELS[1]],
            logits: vec![0.0; EMBED_SIDE * 16 * MAX_MASKS],
        }
    }
}

/// A 2×2 transposed convolution with stride 2: (row, column, channel) from every input pixel.
fn transposed(isa: Isa, vb: &VarBuilder<'_>) -> Result<Linear> {
    let weight = vb.get_unchecked("weight")?;
    let (inputs, outputs, _, _) = weight.dims4()?;
    let weight = weight.permute((2, 3, 1, 0))?.reshape((4 * outputs, inputs))?;
    let bias = values(&vb.get(outputs, "bias")?)?.repeat(4);
    Ok(Linear { bias, ..Linear::new(isa, &weight, None)? })
}
