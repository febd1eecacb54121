//! LayerNorm and the activations of transformers.

use super::super::elementwise::{self, exp, normalise_row};
use super::super::isa::{Isa, for_each_isa};

/// LayerNorm over a token's channels.
pub struct LayerNorm {
    isa: Isa,
    weight: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    /// `weight` and `bias` (channels); `eps` is added to the variance.
    ///
    /// # Panics
    /// When weight and bias differ in length, or are empty.
    pub fn new(weight: &[f32], bias: &[f32], eps: f32) -> Self {
        Self::with(Isa::best(), weight, bias, eps)
    }

    pub(super) fn with(isa: Isa, weight: &[f32], bias: &[f32], eps: f32) -> Self {
        assert!(!weight.is_empty() && weight.len() == bias.len(), "a weight and a bias a channel");
        Self { isa, weight: weight.to_vec(), bias: bias.to_vec(), eps }
    }

    /// `x` (rows, channels) in place, on this thread.
    pub fn apply(&self, x: &mut [f32]) {
        elementwise::layer_norm(self.isa, x, &self.weight, &self.bias, self.eps);
    }

    /// The same into rows of `out` that are `stride` apart.
    pub(super) fn spread(&self, x: &[f32], out: &mut [f32], stride: usize) {
        norm_rows(self.isa, x, &self.weight, &self.bias, self.eps, out, stride);
    }
}

for_each_isa! {
    /// LayerNorm of the rows of `x` into rows of `out`, `stride` apart.
    fn norm_rows(
        x: &[f32],
        weight: &[f32],
        bias: &[f32],
        eps: f32,
        out: &mut [f32],
        stride: usize,
    ) {
        for (row, out) in x.chunks_exact(weight.len()).zip(out.chunks_mut(stride)) {
            let out = &mut out[..weight.len()];
            out.copy_from_slice(row);
            normalise_row::<FMA>(out, weight, bias, eps);
        }
    }
}

for_each_isa! {
    /// Adds `bias` to every row and applies `x · sigmoid(1.702 x)`.
    pub(super) fn bias_quick_gelu(rows: &mut [f32], bias: &[f32]) {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (x, &bias) in row.iter_mut().zip(bias) {
                let sum = *x + bias;
                *x = sum / (1.0 + exp::<FMA>(-1.702 * sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::noise;
    use super::*;

    #[test]
    fn quick_gelu_equals_its_definition_on_every_instruction_set() {
        let bias = noise(37, 1);
        let x: Vec<f32> = noise(3 * 37, 2).iter().map(|x| x * 80.0).collect();
        for isa in Isa::available() {
            let mut got = x.clone();
            bias_quick_gelu(isa, &mut got, &bias);
            for (index, (&x, &got)) in x.iter().zip(&got).enumerate() {
                let sum = f64::from(x + bias[index % 37]);
                let expected = sum / (1.0 + (-1.702 * sum).exp());
                assert!(
                    (f64::from(got) - expected).abs() < 1e-5 * (1.0 + sum.abs()),
                    "{isa:?}: {x}"
                );
            }
        }
    }

    #[test]
    fn spread_rows_equal_rows_in_place_and_their_definition() {
        let (width, stride) = (45, 48);
        let (x, weight, bias) = (noise(3 * width, 3), noise(width, 4), noise(width, 5));
        for isa in Isa::available() {
            let norm = LayerNorm::with(isa, &weight, &bias, 1e-5);
            let mut spread = vec![0.0; 3 * stride];
            norm.spread(&x, &mut spread, stride);
            let mut close = x.clone();
            norm.apply(&mut close);
            for (row, (spread, close)) in spread.chunks(stride).zip(close.chunks(width)).enumerate()
            {
                assert_eq!(spread[..width], *close, "{isa:?}");
                let x = &x[row * width..][..width];
                let mean = x.iter().sum::<f32>() / width as f32;
                let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / width as f32;
                for (i, got) in close.iter().enumerate() {
                    let expected = (x[i] - mean) / (variance + 1e-5).sqrt() * weight[i] + bias[i];
                    assert!((got - expected).abs() < 1e-5, "{isa:?}");
                }
            }
        }
    }
}
