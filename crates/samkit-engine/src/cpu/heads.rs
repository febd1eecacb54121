//! Attention between a few tokens and many image rows where both sides are already projected.
//!
//! Projections are stored with the channel before the head (`channel · 8 + head`), so that one
//! vector holds the same channel of all heads, and the heads never mix.

use super::isa::{fma, for_each_isa};

/// Heads of the mask decoder's attention.
pub(crate) const HEADS: usize = 8;
/// Channels of a head.
pub(crate) const HEAD: usize = 16;
/// Channels of all heads.
pub(crate) const INNER: usize = HEADS * HEAD;

/// Position of head `h`'s channel `d` in the order used here.
pub(crate) fn interleaved(h: usize, d: usize) -> usize {
    d * HEADS + h
}

for_each_isa! {
    /// Scores of every row against every token: `out[row, token · 8 + head] (+)= Σ_d rows · tokens`.
    ///
    /// `rows` (n, 128) and `tokens` (t, 128) interleaved; `out` (n, 8 t).
    pub(crate) fn scores(rows: &[f32], tokens: &[f32], out: &mut [f32], accumulate: bool) {
        let columns = tokens.len() / HEAD;
        for (row, out) in rows.chunks_exact(INNER).zip(out.chunks_exact_mut(columns)) {
            for (token, out) in tokens.chunks_exact(INNER).zip(out.chunks_exact_mut(HEADS)) {
                let mut sums = [0.0f32; 2 * HEADS];
                for (row, token) in row.chunks_exact(2 * HEADS).zip(token.chunks_exact(2 * HEADS)) {
                    for ((sum, &a), &b) in sums.iter_mut().zip(row).zip(token) {
                        *sum = fma::<FMA>(a, b, *sum);
                    }
                }
                for (h, out) in out.iter_mut().enumerate() {
                    let sum = sums[h] + sums[HEADS + h];
                    *out = if accumulate { *out + sum } else { sum };
                }
            }
        }
    }
}

for_each_isa! {
    /// Sums of rows weighted per token and head: `out[token, :] += Σ_row weights · rows`.
    ///
    /// `weights` (n, 8 t), `rows` (n, 128) and `out` (t, 128) interleaved.
    pub(crate) fn weighted_sums(weights: &[f32], rows: &[f32], out: &mut [f32]) {
        let columns = out.len() / HEAD;
        for (weights, row) in weights.chunks_exact(columns).zip(rows.chunks_exact(INNER)) {
            for (weights, out) in weights.chunks_exact(HEADS).zip(out.chunks_exact_mut(INNER)) {
                for (row, out) in row.chunks_exact(HEADS).zip(out.chunks_exact_mut(HEADS)) {
                    for ((out, &w), &x) in out.iter_mut().zip(weights).zip(row) {
                        *out = fma::<FMA>(w, x, *out);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::Isa;

    fn noise(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0).collect()
    }

    #[test]
    fn scores_and_sums_equal_the_plain_form() {
        let (n, t) = (5, 3);
        let (rows, tokens) = (noise(n * INNER, 1), noise(t * INNER, 2));
        for isa in Isa::available() {
            let mut got = vec![0.0; n * t * HEADS];
            scores(isa, &rows, &tokens, &mut got, false);
            let weights = got.clone();
            let mut sums = vec![0.0; t * INNER];
            weighted_sums(isa, &weights, &rows, &mut sums);
            for token in 0..t {
                for h in 0..HEADS {
                    let at = |n: usize| -> f32 {
                        (0..HEAD)
                            .map(|d| {
                                rows[n * INNER + interleaved(h, d)]
                                    * tokens[token * INNER + interleaved(h, d)]
                            })
                            .sum()
                    };
                    for row in 0..n {
                        assert!((got[row * t * HEADS + token * HEADS + h] - at(row)).abs() < 1e-5);
                    }
                    for d in 0..HEAD {
                        let expected: f32 =
                            (0..n).map(|n| at(n) * rows[n * INNER + interleaved(h, d)]).sum();
                        assert!((sums[token * INNER + interleaved(h, d)] - expected).abs() < 1e-4);
                    }
                }
            }
        }
    }
}
