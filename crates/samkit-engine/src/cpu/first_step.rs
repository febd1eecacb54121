//! The upscaler's first transposed convolution, computed from what made the image's tokens instead
//! of from the tokens.
//!
//! A prompt changes the image's tokens K twice. With A the attention of the image to the prompt's
//! tokens, M their values, m and r a row's mean and 1/σ, and γ, β the norms' weights:
//!
//! ```text
//! y1 = r1 ⊙ (K + A1·M1 − m1) γ1 + β1
//! y2 = r2 ⊙ (y1 + A2·M2 − m2) γ2 + β2
//! ```
//!
//! LayerNorm is affine in every row, so that with W2 = γ2·W and W12 = γ1·W2 the convolution is
//!
//! ```text
//! y2·W = r1 r2 ⊙ (K·W12) + [r1 r2 ⊙ A1 | r2 ⊙ A2 | −r1 r2 m1 | r2 | −r2 m2] · C + β2·W
//! ```
//!
//! where the rows of C are M1·W12, M2·W2, 1·W12, β1·W2 and 1·W2. K·W12 is the same for all prompts of
//! an image, and C has 8T + 8T + 3 rows for T tokens: with one point 115 in place of 256. It is exact.

use candle_core::Result;
use candle_nn::VarBuilder;

use super::gemm::{Columns, Packed, gemm};
use super::isa::{Isa, for_each_isa};
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::Norm;
use crate::network::EMBED_DIM;

/// Mean and 1/σ.
const MOMENTS: usize = 2;
/// Columns beside those of the attentions.
const MORE: usize = 3;

pub(crate) struct FirstStep {
    /// W12, for the image's tokens and the first change's values.
    both: Linear,
    /// W2, for the second change's values.
    second: Linear,
    /// 1·W12, β1·W2 and 1·W2: (3, 256).
    constants: Vec<f32>,
    /// β2·W and the convolution's bias.
    pub(crate) bias: Vec<f32>,
}

/// One change of the image's tokens, as it is computed.
#[derive(Default)]
pub(crate) struct Change {
    /// (4096, 8 T)
    pub(crate) weights: Vec<f32>,
    /// Mean and 1/σ of every row: (4096, 2).
    pub(crate) moments: Vec<f32>,
}

impl Change {
    /// Makes room for `rows` image tokens and `columns` weights of each.
    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        self.weights.resize(rows * columns, 0.0);
        self.moments.resize(rows * MOMENTS, 0.0);
    }
}

/// Both changes, and what they are multiplied with.
pub(crate) struct Changes<'a> {
    /// K·W12, (4096, 256)
    image: &'a [f32],
    changes: [&'a Change; 2],
    /// C
    values: Vec<f32>,
}

impl FirstStep {
    /// `vb` at the transposed convolution, `weight` its (256 outputs, 256) matrix and `bias`, `norms`
    /// those after the image's changes.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, norms: [&Norm; 2]) -> Result<Self> {
        let weight = vb.get_unchecked("weight")?;
        let (inputs, outputs, _, _) = weight.dims4()?;
        let weight = values(&weight.permute((2, 3, 1, 0))?.reshape((4 * outputs, inputs))?)?;
        let mut bias = values(&vb.get(outputs, "bias")?)?.repeat(4);
        let [first, last] = norms;
        let at = |k: usize, j: usize| weight[j * inputs + k];
        let second = |k: usize, j: usize| at(k, j) * last.weight[k];
        let both = |k: usize, j: usize| second(k, j) * first.weight[k];
        let columns = bias.len();
        let sum = |term: &dyn Fn(usize) -> f64| (0..inputs).map(term).sum::<f64>() as f32;
        let mut constants = Vec::with_capacity(MORE * columns);
        constants.extend((0..columns).map(|j| sum(&|k| f64::from(both(k, j)))));
        constants.extend(
            (0..columns).map(|j| sum(&|k| f64::from(first.bias[k]) * f64::from(second(k, j)))),
        );
        constants.extend((0..columns).map(|j| sum(&|k| f64::from(second(k, j)))));
        for (j, bias) in bias.iter_mut().enumerate() {
            *bias += sum(&|k| f64::from(last.bias[k]) * f64::from(at(k, j)));
        }
        let linear = |element: &dyn Fn(usize, usize) -> f32| {
            Linear::from_packed(Packed::new(isa, inputs, columns, element), vec![0.0; columns])
        };
        Ok(Self { both: linear(&both), second: linear(&second), constants, bias })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// K·W12 of an image's tokens, (4096, 256).
    pub(crate) fn image(&self, isa: Isa, tokens: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; tokens.len() / EMBED_DIM * self.outputs()];
        self.both.blocks(isa, tokens, &mut out, |_, _| {});
        out
    }

    /// `image` as [`FirstStep::image`] gives it, `values` M1 and M2: (8 T, 256).
    pub(crate) fn changes<'a>(
        &self,
        isa: Isa,
        image: &'a [f32],
        changes: [&'a Change; 2],
        values: [&[f32]; 2],
    ) -> Changes<'a> {
        let mut all = self.both.few(isa, values[0]);
        all.extend(self.second.few(isa, values[1]));
        all.extend_from_slice(&self.constants);
        Changes { image, changes, values: all }
    }

    /// `y2 · W` without the bias, of the image tokens from `start` on. `factors` is memory.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        changes: &Changes<'_>,
        start: usize,
        factors: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let outputs = self.outputs();
        let (rows, depth) = (out.len() / outputs, changes.values.len() / outputs);
        let columns = (depth - MORE) / 2;
        factors.resize(rows * depth, 0.0);
        let span = |width: usize| start * width..(start + rows) * width;
        let moments = changes.changes.map(|change| &change.moments[span(MOMENTS)]);
        let weights = changes.changes.map(|change| &change.weights[span(columns)]);
        fill_factors(isa, weights, moments, columns, factors);
        scale_rows(isa, &changes.image[span(outputs)], moments, outputs, out);
        let a = Rows { data: factors, row: depth, column: 1 };
        let values = Columns::rows(isa, &changes.values, depth, outputs, outputs);
        gemm(isa, rows, a, values, Sums { data: out, stride: outputs, accumulate: true });
    }
}

for_each_isa! {
    /// `[r1 r2 ⊙ A1 | r2 ⊙ A2 | −r1 r2 m1 | r2 | −r2 m2]`, row by row.
    fn fill_factors(
        weights: [&[f32]; 2],
        moments: [&[f32]; 2],
        columns: usize,
        out: &mut [f32],
    ) {
        let _ = FMA;
        for (row, out) in out.chunks_exact_mut(2 * columns + MORE).enumerate() {
            let [[m1, r1], [m2, r2]] = moments.map(|x| [x[MOMENTS * row], x[MOMENTS * row + 1]]);
            let (first, rest) = out.split_at_mut(columns);
            let (second, rest) = rest.split_at_mut(columns);
            for (parts, (weights, factor)) in
                [first, second].into_iter().zip(weights.into_iter().zip([r1 * r2, r2]))
            {
                for (out, weight) in parts.iter_mut().zip(&weights[row * columns..]) {
                    *out = factor * weight;
                }
            }
            rest.copy_from_slice(&[-r1 * r2 * m1, r2, -r2 * m2]);
        }
    }
}

for_each_isa! {
    /// `r1 r2 ⊙ x`, row by row.
    fn scale_rows(x: &[f32], moments: [&[f32]; 2], columns: usize, out: &mut [f32]) {
        let _ = FMA;
        let rows = x.chunks_exact(columns).zip(out.chunks_exact_mut(columns));
        for (row, (x, out)) in rows.enumerate() {
            let factor = moments[0][MOMENTS * row + 1] * moments[1][MOMENTS * row + 1];
            for (out, x) in out.iter_mut().zip(x) {
                *out = factor * x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{DType, Device, Tensor};

    use super::*;

    const ROWS: usize = 37;

    fn random(shape: &[usize], mean: f32, deviation: f32) -> Result<(Tensor, Vec<f32>)> {
        let tensor = Tensor::randn(mean, deviation, shape, &Device::Cpu)?;
        let list = values(&tensor)?;
        Ok((tensor, list))
    }

    fn norm() -> Result<Norm> {
        let (weight, bias) = (random(&[EMBED_DIM], 1.0, 0.3)?.1, random(&[EMBED_DIM], 0.0, 0.3)?.1);
        Ok(Norm { weight, bias, eps: 1e-5 })
    }

    /// `LayerNorm(x + weights · values)` in f64, and the rows' moments.
    fn change(x: &mut [f64], change: &mut Change, values: &[f32], norm: &Norm) {
        let columns = values.len() / EMBED_DIM;
        for (row, x) in x.chunks_exact_mut(EMBED_DIM).enumerate() {
            for (c, x) in x.iter_mut().enumerate() {
                let term = |j: usize| {
                    f64::from(change.weights[row * columns + j])
                        * f64::from(values[j * EMBED_DIM + c])
                };
                *x += (0..columns).map(term).sum::<f64>();
            }
            let mean = x.iter().sum::<f64>() / EMBED_DIM as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / EMBED_DIM as f64;
            let scale = 1.0 / (variance + f64::from(norm.eps)).sqrt();
            change.moments[2 * row..][..2].copy_from_slice(&[mean as f32, scale as f32]);
            for ((x, &w), &b) in x.iter_mut().zip(&norm.weight).zip(&norm.bias) {
                *x = (*x - mean) * scale * f64::from(w) + f64::from(b);
            }
        }
    }

    /// For tokens around zero, and for tokens whose mean is ten times their deviation: what cancels
    /// out must not take the digits with it.
    #[test]
    fn the_step_equals_the_plain_form_on_every_instruction_set() -> Result<()> {
        for (offset, columns, allowed) in [(0.0, 56, 3e-5), (0.0, 72, 3e-5), (10.0, 56, 1e-3)] {
            let (weight, plain) = random(&[EMBED_DIM, 64, 2, 2], 0.0, 0.1)?;
            let (bias, plain_bias) = random(&[64], 0.0, 1.0)?;
            let tensors = HashMap::from([("weight".into(), weight), ("bias".into(), bias)]);
            let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
            let norms = [norm()?, norm()?];
            let tokens = random(&[ROWS, EMBED_DIM], offset, 1.0)?.1;
            let lists = [
                random(&[columns, EMBED_DIM], 0.0, 0.5)?.1,
                random(&[columns, EMBED_DIM], 0.0, 0.5)?.1,
            ];
            let mut changes = [Change::default(), Change::default()];
            let mut expected: Vec<f64> = tokens.iter().map(|&x| f64::from(x)).collect();
            for ((one, list), norm) in changes.iter_mut().zip(&lists).zip(&norms) {
                one.resize(ROWS, columns);
                one.weights = random(&[ROWS, columns], 0.1, 0.1)?.1;
                change(&mut expected, one, list, norm);
            }
            for isa in Isa::available() {
                let step = FirstStep::load(isa, &vb, norms.each_ref())?;
                let image = step.image(isa, &tokens);
                let lists = lists.each_ref().map(Vec::as_slice);
                let changes = step.changes(isa, &image, changes.each_ref(), lists);
                // In two parts, as rows of the image come.
                let mut got = vec![0.0; ROWS * step.outputs()];
                let (first, second) = got.split_at_mut(20 * step.outputs());
                step.forward(isa, &changes, 0, &mut Vec::new(), first);
                step.forward(isa, &changes, 20, &mut Vec::new(), second);
                for (row, got) in got.chunks_exact(step.outputs()).enumerate() {
                    for (j, (got, bias)) in got.iter().zip(&step.bias).enumerate() {
                        // Output (row, column, channel) of the convolution.
                        let (place, channel) = (j / 64, j % 64);
                        let term = |k: usize| {
                            expected[row * EMBED_DIM + k]
                                * f64::from(plain[(k * 64 + channel) * 4 + place])
                        };
                        let sum = (0..EMBED_DIM).map(term).sum::<f64>();
                        let error = f64::from(got + bias) - sum - f64::from(plain_bias[channel]);
                        assert!(error.abs() < allowed, "{offset}: {error:e} of {sum}");
                    }
                }
            }
        }
        Ok(())
    }
}
