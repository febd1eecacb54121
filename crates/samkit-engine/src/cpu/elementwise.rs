//! Passes over rows: activations, norms and softmax.

use super::isa::{fma, for_each_isa};
use crate::network::erf::gelu_with;

/// Partial sums that a reduction keeps, so that it vectorises and its order never changes.
const LANES: usize = 16;

/// `e^x` to about 1e-7 of its value, for x from −87 to 88 and clamped there.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    /// 1.5 · 2^23: adding it rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, x));
    // Taylor series of e^r on |r| ≤ ln 2 / 2.
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = fma::<FMA>(sum, r, coefficient);
    }
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    sum * f32::from_bits(exponent)
}

/// The exact GELU.
#[inline(always)]
fn gelu<const FMA: bool>(x: f32) -> f32 {
    gelu_with(x, fma::<FMA>)
}

/// Sum of a slice, always in the same order.
#[inline(always)]
pub(crate) fn sum(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = x.chunks_exact(LANES);
    let tail: f32 = chunks.remainder().iter().map(|&x| term(x)).sum();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += term(x);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// Sum of products, always in the same order.
#[inline(always)]
pub(crate) fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = fma::<FMA>(a, b, *lane);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Largest of a slice.
#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = x.chunks_exact(LANES);
    let tail = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes.into_iter().fold(tail, f32::max)
}

#[inline(always)]
pub(super) fn normalise_row<const FMA: bool>(
    row: &mut [f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
) {
    let count = row.len() as f32;
    let mean = sum(row, |x| x) / count;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
    let scale = 1.0 / (variance + eps).sqrt();
    for ((x, &weight), &bias) in row.iter_mut().zip(weight).zip(bias) {
        *x = fma::<FMA>((*x - mean) * scale, weight, bias);
    }
}

for_each_isa! {
    /// Adds `bias` to every row and applies the exact GELU.
    pub(crate) fn bias_gelu(x: &mut [f32], bias: &[f32]) {
        for row in x.chunks_exact_mut(bias.len()) {
            for (x, &bias) in row.iter_mut().zip(bias) {
                *x = gelu::<FMA>(*x + bias);
            }
        }
    }
}

for_each_isa! {
    /// Adds `bias` to every row.
    pub(crate) fn add_bias(x: &mut [f32], bias: &[f32]) {
        let _ = FMA;
        for row in x.chunks_exact_mut(bias.len()) {
            for (x, &bias) in row.iter_mut().zip(bias) {
                *x += bias;
            }
        }
    }
}

for_each_isa! {
    /// Adds `bias` to every row and `other` to everything.
    pub(crate) fn add_bias_and(x: &mut [f32], bias: &[f32], other: &[f32]) {
        let _ = FMA;
        for (row, other) in x.chunks_exact_mut(bias.len()).zip(other.chunks_exact(bias.len())) {
            for ((x, &bias), &other) in row.iter_mut().zip(bias).zip(other) {
                *x += bias + other;
            }
        }
    }
}

for_each_isa! {
    /// Adds `bias` to every row and `other` to everything, then applies the exact GELU.
    pub(crate) fn add_bias_and_gelu(x: &mut [f32], bias: &[f32], other: &[f32]) {
        for (row, other) in x.chunks_exact_mut(bias.len()).zip(other.chunks_exact(bias.len())) {
            for ((x, &bias), &other) in row.iter_mut().zip(bias).zip(other) {
                *x = gelu::<FMA>(*x + bias + other);
            }
        }
    }
}

for_each_isa! {
    /// LayerNorm of every row.
    pub(crate) fn layer_norm(x: &mut [f32], weight: &[f32], bias: &[f32], eps: f32) {
        for row in x.chunks_exact_mut(weight.len()) {
            normalise_row::<FMA>(row, weight, bias, eps);
        }
    }
}

for_each_isa! {
    /// LayerNorm of every row, then the exact GELU.
    pub(crate) fn layer_norm_gelu(x: &mut [f32], weight: &[f32], bias: &[f32], eps: f32) {
        for row in x.chunks_exact_mut(weight.len()) {
            normalise_row::<FMA>(row, weight, bias, eps);
            for x in row {
                *x = gelu::<FMA>(*x);
            }
        }
    }
}

/// Softmax of one row in place.
#[inline(always)]
pub(super) fn softmax_row<const FMA: bool>(row: &mut [f32]) {
    let top = largest(row);
    for x in row.iter_mut() {
        *x = exp::<FMA>(*x - top);
    }
    let factor = 1.0 / sum(row, |x| x);
    for x in row.iter_mut() {
        *x *= factor;
    }
}

for_each_isa! {
    /// Softmax of every row of `columns` values after scaling it and adding the same row of `bias`.
    pub(crate) fn softmax_rows(x: &mut [f32], columns: usize, scale: f32, bias: &[f32]) {
        for (row, bias) in x.chunks_exact_mut(columns).zip(bias.chunks_exact(columns)) {
            for (x, &bias) in row.iter_mut().zip(bias) {
                *x = fma::<FMA>(*x, scale, bias);
            }
            softmax_row::<FMA>(row);
        }
    }
}

for_each_isa! {
    /// Softmax of a query's scores over a square of `side`² keys, after scaling them and adding to
    /// key (y, x) `rows[y] + columns[x]`.
    pub(crate) fn softmax_square(
        scores: &mut [f32],
        side: usize,
        scale: f32,
        rows: &[f32],
        columns: &[f32],
    ) {
        for (scores, &row) in scores.chunks_exact_mut(side).zip(rows) {
            for (score, &column) in scores.iter_mut().zip(columns) {
                *score = fma::<FMA>(*score, scale, row + column);
            }
        }
        softmax_row::<FMA>(scores);
    }
}

/// Heads of the mask decoder's attention; scores of a token's heads lie together.
const HEADS: usize = 8;

for_each_isa! {
    /// Softmax over the tokens of each head: rows of (tokens × 8 heads).
    pub(crate) fn softmax_over_tokens(x: &mut [f32], columns: usize) {
        for row in x.chunks_exact_mut(columns) {
            let mut top = [f32::NEG_INFINITY; HEADS];
            for token in row.chunks_exact(HEADS) {
                for (top, &x) in top.iter_mut().zip(token) {
                    *top = if x > *top { x } else { *top };
                }
            }
            let mut total = [0.0f32; HEADS];
            for token in row.chunks_exact_mut(HEADS) {
                for ((x, &top), total) in token.iter_mut().zip(&top).zip(&mut total) {
                    *x = exp::<FMA>(*x - top);
                    *total += *x;
                }
            }
            for token in row.chunks_exact_mut(HEADS) {
                for (x, &total) in token.iter_mut().zip(&total) {
                    *x /= total;
                }
            }
        }
    }
}

for_each_isa! {
    /// The part of a softmax over rows that one block of rows can do: per column its largest
    /// value `top`, `e^(x − top)` in place, and their sum `total`.
    pub(crate) fn exp_columns(x: &mut [f32], top: &mut [f32], total: &mut [f32]) {
        top.fill(f32::NEG_INFINITY);
        total.fill(0.0);
        for row in x.chunks_exact(top.len()) {
            for (top, &x) in top.iter_mut().zip(row) {
                *top = if x > *top { x } else { *top };
            }
        }
        for row in x.chunks_exact_mut(top.len()) {
            for ((x, &top), total) in row.iter_mut().zip(&*top).zip(&mut *total) {
                *x = exp::<FMA>(*x - top);
                *total += *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::Isa;

    #[test]
    fn exp_is_within_2e_7_of_its_value() {
        for i in -8600..8700 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            for got in [exp::<false>(x), exp::<true>(x)] {
                let error = (f64::from(got) / expected - 1.0).abs();
                assert!(error < 3e-7, "e^{x}: {error:e}");
            }
        }
        assert!(exp::<false>(-1000.0) < 1e-37);
    }

    #[test]
    fn softmax_sums_to_one_and_equals_the_plain_form() {
        let columns = 49;
        let x: Vec<f32> = (0..3 * columns).map(|i| ((i * 37) % 101) as f32 / 9.0 - 5.0).collect();
        let bias: Vec<f32> = (0..3 * columns).map(|i| ((i * 17) % 23) as f32 / 11.0).collect();
        for isa in Isa::available() {
            let mut got = x.clone();
            softmax_rows(isa, &mut got, columns, 0.5, &bias);
            for (r, row) in got.chunks(columns).enumerate() {
                let at = |i: usize| {
                    (f64::from(x[r * columns + i]) * 0.5 + f64::from(bias[r * columns + i])).exp()
                };
                let total: f64 = (0..columns).map(at).sum();
                for (i, &got) in row.iter().enumerate() {
                    assert!((f64::from(got) - at(i) / total).abs() < 1e-6, "{isa:?}");
                }
            }
        }
    }

    #[test]
    fn layer_norm_equals_the_plain_form() {
        let width = 37;
        let x: Vec<f32> = (0..2 * width).map(|i| ((i * 29) % 31) as f32 - 7.0).collect();
        let weight: Vec<f32> = (0..width).map(|i| 1.0 + i as f32 / 50.0).collect();
        let bias: Vec<f32> = (0..width).map(|i| i as f32 / 10.0).collect();
        for isa in Isa::available() {
            let mut got = x.clone();
            layer_norm(isa, &mut got, &weight, &bias, 1e-5);
            for (row, got) in x.chunks(width).zip(got.chunks(width)) {
                let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / width as f64;
                let variance =
                    row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / width as f64;
                for i in 0..width {
                    let normal = (f64::from(row[i]) - mean) / (variance + 1e-5).sqrt();
                    let expected = normal * f64::from(weight[i]) + f64::from(bias[i]);
                    assert!((f64::from(got[i]) - expected).abs() < 1e-5, "{isa:?}");
                }
            }
        }
    }
}
