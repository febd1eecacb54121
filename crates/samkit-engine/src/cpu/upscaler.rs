//! From the image's tokens to mask logits: two transposed convolutions and the product with each
//! mask's hypernetwork.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;
use samkit_core::LOW_RES_SIDE;

use super::change::Changed;
use super::elementwise;
use super::gemm::{Columns, gemm};
use super::isa::{Isa, fma, for_each_isa};
use super::linear::{Linear, values};
use super::microkernel::Sums;
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
    /// Its product with the image's tokens is computed from what made them.
    first: Linear,
    norm: Norm,
    second: Linear,
}

/// The first step's input: the image's tokens as their product with its weights, and what changed
/// them (see `change.rs`).
pub(crate) struct Input<'a> {
    /// (4096, 256)
    image: &'a [f32],
    changed: &'a Changed,
    /// The product of what the factors stand for: (factors, 256).
    values: Vec<f32>,
}

impl Upscaler {
    /// `vb` at `mask_decoder.output_upscaling`; `offset` what is added to every token of the image.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, offset: &[f32]) -> Result<Self> {
        let first = transposed(isa, &vb.pp(0))?;
        let bias = first.few(isa, offset);
        Ok(Self {
            first: first.with_bias(bias),
            norm: Norm::load(&vb.pp(1), 1e-6)?,
            second: transposed(isa, &vb.pp(3))?,
        })
    }

    /// `image` as [`super::image_side::Map::Upscaled`], `values` what the factors of `changed` stand
    /// for, (factors, 256).
    pub(crate) fn input<'a>(
        &self,
        isa: Isa,
        image: &'a [f32],
        changed: &'a Changed,
        values: &[f32],
    ) -> Input<'a> {
        let mut products = vec![0.0; values.len() / EMBED_DIM * self.first.outputs()];
        self.first.product(isa, values, &mut products);
        Input { image, changed, values: products }
    }

    /// The first step without the bias, of the image tokens from `start` on.
    fn first_step(&self, isa: Isa, input: &Input<'_>, start: usize, out: &mut [f32]) {
        let width = self.first.outputs();
        let rows = start..start + out.len() / width;
        let (factors, scales) = input.changed.rows(rows.clone());
        let image = &input.image[rows.start * width..rows.end * width];
        for ((out, x), scale) in
            out.chunks_exact_mut(width).zip(image.chunks_exact(width)).zip(scales)
        {
            out.iter_mut().zip(x).for_each(|(out, x)| *out = scale * x);
        }
        let values = Columns::rows(isa, &input.values, input.values.len() / width, width, width);
        gemm(isa, rows.len(), factors, values, Sums { data: out, stride: width, accumulate: true });
    }

    /// `input`, `masks` (masks, 32) → one map of 256×256 logits a mask. Logits outside
    /// `extent` are not computed and are 0.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        input: &Input<'_>,
        masks: &[f32],
        extent: Extent,
    ) -> Vec<Vec<f32>> {
        let count = masks.len() / CHANNELS[1];
        let rows: Vec<Vec<f32>> = (0..extent.rows)
            .into_par_iter()
            .map_init(Scratch::new, |scratch, row| {
                self.row(isa, input, row, extent.columns, masks, scratch)
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
        input: &Input<'_>,
        row: usize,
        columns: usize,
        masks: &[f32],
        scratch: &mut Scratch,
    ) -> Vec<f32> {
        let first = &mut scratch.first[..columns * self.first.outputs()];
        let second = &mut scratch.second[..4 * columns * self.second.outputs()];
        self.first_step(isa, input, row * EMBED_SIDE, first);
        self.first.add_bias(isa, first);
        elementwise::layer_norm_gelu(isa, first, &self.norm.weight, &self.norm.bias, self.norm.eps);
        self.second.product(isa, first, second);
        elementwise::bias_gelu(isa, second, &self.second.bias);
        let count = masks.len() / CHANNELS[1];
        let logits = &mut scratch.logits[..columns * SCALE * SCALE * count];
        few_products(isa, second, masks, logits);
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

for_each_isa! {
    /// Every row of `x`, (n, 32), times each of the few rows of `weights`, (count, 32): (n, count).
    /// A matrix product would compute a whole panel of columns.
    fn few_products(x: &[f32], weights: &[f32], out: &mut [f32]) {
        const HALF: usize = CHANNELS[1] / 2;
        let (weights, x) = (weights.as_chunks::<{ CHANNELS[1] }>().0, x.as_chunks().0);
        for (x, out) in x.iter().zip(out.chunks_exact_mut(weights.len())) {
            let x: &[f32; CHANNELS[1]] = x;
            for (weights, out) in weights.iter().zip(out) {
                let mut lanes = [0.0f32; HALF];
                for lane in 0..HALF {
                    lanes[lane] =
                        fma::<FMA>(x[lane], weights[lane], x[HALF + lane] * weights[HALF + lane]);
                }
                let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[8 + lane]);
                let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[4 + lane]);
                *out = (four[0] + four[2]) + (four[1] + four[3]);
            }
        }
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
    Ok(Linear::new(isa, &weight, None)?.with_bias(bias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::noise;

    #[test]
    fn few_products_equal_the_plain_form_on_every_instruction_set() {
        let (n, count) = (13, 3);
        let (x, weights) = (noise(n * CHANNELS[1], 1), noise(count * CHANNELS[1], 2));
        for isa in Isa::available() {
            let mut got = vec![0.0; n * count];
            few_products(isa, &x, &weights, &mut got);
            for (index, got) in got.iter().enumerate() {
                let (row, column) = (index / count, index % count);
                let term = |k: usize| {
                    f64::from(x[row * CHANNELS[1] + k])
                        * f64::from(weights[column * CHANNELS[1] + k])
                };
                let expected: f64 = (0..CHANNELS[1]).map(term).sum();
                assert!((f64::from(*got) - expected).abs() < 1e-5, "{isa:?}");
            }
        }
    }
}
