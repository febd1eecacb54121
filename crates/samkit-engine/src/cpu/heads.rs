//! Attention between a few tokens and many image rows where both sides are already projected.
//!
//! What is scored is stored with the channel before the head (`channel · 8 + head`, here called
//! interleaved), so that one vector holds the same channel of all heads, and the heads never mix.

use super::gemm::{Columns, gemm};
use super::isa::{Isa, fma, for_each_isa};
use super::microkernel::{Rows, Sums};

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
    /// Scores of every row against every token:
    /// `out[row, token · 8 + head] = Σ_d (scale · rows + positions) · tokens`.
    ///
    /// `rows` (n, 128), `scales` (n), `positions` (n, 128) or empty and `tokens` (t, 128), all
    /// interleaved; `out` (n, 8 t).
    pub(crate) fn scores(
        rows: &[f32],
        scales: &[f32],
        positions: &[f32],
        tokens: &[f32],
        out: &mut [f32],
    ) {
        let columns = tokens.len() / HEAD;
        let mut placed = [0.0f32; INNER];
        let rows = rows.chunks_exact(INNER).zip(scales);
        for (i, ((row, &scale), out)) in rows.zip(out.chunks_exact_mut(columns)).enumerate() {
            for (placed, &x) in placed.iter_mut().zip(row) {
                *placed = scale * x;
            }
            if let Some(positions) = positions.get(i * INNER..(i + 1) * INNER) {
                for (placed, &position) in placed.iter_mut().zip(positions) {
                    *placed += position;
                }
            }
            for (token, out) in tokens.chunks_exact(INNER).zip(out.chunks_exact_mut(HEADS)) {
                let mut sums = [0.0f32; 2 * HEADS];
                let pairs = placed.chunks_exact(2 * HEADS).zip(token.chunks_exact(2 * HEADS));
                for (row, token) in pairs {
                    for ((sum, &a), &b) in sums.iter_mut().zip(row).zip(token) {
                        *sum = fma::<FMA>(a, b, *sum);
                    }
                }
                for (h, out) in out.iter_mut().enumerate() {
                    *out = sums[h] + sums[HEADS + h];
                }
            }
        }
    }
}

for_each_isa! {
    /// Every row times its scale.
    pub(crate) fn scale_rows(x: &mut [f32], scales: &[f32], columns: usize) {
        let _ = FMA;
        for (row, &scale) in x.chunks_exact_mut(columns).zip(scales) {
            for x in row {
                *x *= scale;
            }
        }
    }
}

/// Sums of rows weighted per token and head: `out[token, :] += Σ_row weights · rows`.
///
/// `weights` (n, 8 t); `rows` (n, 128) and `out` (t, 128) with the head before the channel.
pub(crate) fn weighted_sums(isa: Isa, weights: &[f32], rows: &[f32], out: &mut [f32]) {
    let (tokens, columns) = (out.len() / INNER, out.len() / HEAD);
    // A head is half as wide as the widest panel.
    let isa = isa.narrow();
    for h in 0..HEADS {
        let weights = Rows { data: &weights[h..], row: HEADS, column: columns };
        let rows = Columns::rows(isa, &rows[h * HEAD..], rows.len() / INNER, HEAD, INNER);
        let sums = Sums { data: &mut out[h * HEAD..], stride: INNER, accumulate: true };
        gemm(isa, tokens, weights, rows, sums);
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
        let (n, t) = (13, 11);
        let (rows, tokens) = (noise(n * INNER, 1), noise(t * INNER, 2));
        let (scales, positions) = (noise(n, 3), noise(n * INNER, 4));
        for (isa, positions) in
            Isa::available().into_iter().flat_map(|isa| [(isa, &positions[..]), (isa, &[])])
        {
            let mut got = vec![0.0; n * t * HEADS];
            scores(isa, &rows, &scales, positions, &tokens, &mut got);
            let mut weights = got.clone();
            let mut sums = vec![0.0; t * INNER];
            scale_rows(isa, &mut weights, &scales, t * HEADS);
            weighted_sums(isa, &weights, &rows, &mut sums);
            for token in 0..t {
                for h in 0..HEADS {
                    let at = |n: usize| -> f32 {
                        (0..HEAD)
                            .map(|d| {
                                let i = n * INNER + interleaved(h, d);
                                (scales[n] * rows[i] + positions.get(i).unwrap_or(&0.0))
                                    * tokens[token * INNER + interleaved(h, d)]
                            })
                            .sum()
                    };
                    for row in 0..n {
                        assert!((got[row * t * HEADS + token * HEADS + h] - at(row)).abs() < 1e-5);
                    }
                    for d in 0..HEAD {
                        let expected: f32 = (0..n)
                            .map(|n| at(n) * scales[n] * rows[n * INNER + h * HEAD + d])
                            .sum();
                        assert!((sums[token * INNER + h * HEAD + d] - expected).abs() < 1e-4);
                    }
                }
            }
        }
    }
}
