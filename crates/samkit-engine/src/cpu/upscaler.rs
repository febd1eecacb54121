//! From the image's tokens to mask logits: two transposed convolutions and the product with each
//! mask's hypernetwork.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;
use samkit_core::LOW_RES_SIDE;

use super::elementwise;
use super::first_step::{Changes, FirstStep};
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

/// The image's tokens whose logits are asked for, from the top left corner of the square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Extent {
    /// The whole square.
    pub(crate) const SQUARE: Self = Self { rows: EMBED_SIDE, columns: EMBED_SIDE };

    /// The tokens behind the first `rows` and `columns` of logits.
    pub(crate) fn of_logits(rows: usize, columns: usize) -> Self {
        let tokens = |logits: usize| logits.div_ceil(SCALE).clamp(1, EMBED_SIDE);
        Self { rows: tokens(rows), columns: tokens(columns) }
    }
}

pub(crate) struct Upscaler {
    pub(crate) first: FirstStep,
    norm: Norm,
    second: Linear,
}

impl Upscaler {
    /// `vb` at `mask_decoder.output_upscaling`; `norms` as [`FirstStep::load`] takes them.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, norms: [&Norm; 2]) -> Result<Self> {
        Ok(Self {
            first: FirstStep::load(isa, &vb.pp(0), norms)?,
            norm: Norm::load(&vb.pp(1), 1e-6)?,
            second: transposed(isa, &vb.pp(3))?,
        })
    }

    /// The image's tokens, `masks` (masks, 32) → one map of 256×256 logits a mask. Logits outside
    /// `extent` are not computed and are 0.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        image: &Changes<'_>,
        masks: &[f32],
        extent: Extent,
    ) -> Vec<Vec<f32>> {
        let count = masks.len() / CHANNELS[1];
        let weights = Packed::new(isa, CHANNELS[1], count, |k, j| masks[j * CHANNELS[1] + k]);
        let rows: Vec<Vec<f32>> = (0..extent.rows)
            .into_par_iter()
            .map_init(Scratch::new, |scratch, row| {
                self.row(isa, image, row, extent.columns, &weights, scratch)
            })
            .collect();
        let line = SCALE * LOW_RES_SIDE;
        let map = |mask: usize| {
            let mut map = Vec::with_capacity(LOW_RES_SIDE * LOW_RES_SIDE);
            rows.iter().for_each(|row| map.extend_from_slice(&row[mask * line..][..line]));
            map.resize(LOW_RES_SIDE * LOW_RES_SIDE, 0.0);
            map
        };
        (0..count).map(map).collect()
    }

    /// The first tokens of a row of the image → four rows of logits for every mask.
    fn row(
        &self,
        isa: Isa,
        image: &Changes<'_>,
        row: usize,
        columns: usize,
        masks: &Packed,
        scratch: &mut Scratch,
    ) -> Vec<f32> {
        let first = &mut scratch.first[..columns * self.first.outputs()];
        let second = &mut scratch.second[..4 * columns * self.second.outputs()];
        self.first.forward(isa, image, row * EMBED_SIDE, &mut scratch.factors, first);
        elementwise::add_bias(isa, first, &self.first.bias);
        elementwise::layer_norm_gelu(isa, first, &self.norm.weight, &self.norm.bias, self.norm.eps);
        self.second.product(isa, first, second);
        elementwise::bias_gelu(isa, second, &self.second.bias);
        let count = masks.columns();
        let logits = &mut scratch.logits[..columns * SCALE * SCALE * count];
        let a = Rows { data: second, row: CHANNELS[1], column: 1 };
        let sums = Sums { data: logits, stride: count, accumulate: false };
        gemm(isa, columns * SCALE * SCALE, a, masks.view(isa), sums);
        // Pixels come as (token, row and column of the first step, of the second step).
        let mut out = vec![0.0; count * SCALE * LOW_RES_SIDE];
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
    factors: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    logits: Vec<f32>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            factors: Vec::new(),
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
    Ok(Linear::new(isa, &weight, None)?.with_bias(bias))
}
