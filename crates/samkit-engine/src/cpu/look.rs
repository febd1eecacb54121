//! Attention of a prompt's tokens to the image's, block by block.

use candle_core::Result;
use candle_nn::VarBuilder;

use super::change::ONES;
use super::elementwise;
use super::gemm::{Columns, Packed, gemm};
use super::heads::{self, HEAD, HEADS, INNER};
use super::image_side::BLOCK;
use super::isa::Isa;
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::{Folded, HeadValues, interleave, plus};
use crate::network::EMBED_DIM;

/// A block of the image's tokens as an attention sees it: `scales ⊙ keys` or `scales ⊙ values`, and
/// factors for what changed the tokens.
pub(crate) struct Source<'a> {
    /// (256, 128) interleaved.
    pub(crate) keys: &'a [f32],
    /// (256, 128)
    pub(crate) values: &'a [f32],
    /// (256)
    pub(crate) scales: &'a [f32],
    /// Rows `stride` apart, of which a look uses the first.
    pub(crate) factors: &'a [f32],
    pub(crate) stride: usize,
}

impl<'a> Source<'a> {
    /// Tokens that nothing has changed.
    pub(crate) fn unchanged(keys: &'a [f32], values: &'a [f32]) -> Self {
        Self { keys, values, scales: &ONES, factors: &[], stride: 0 }
    }
}

pub(crate) struct TokenToImage {
    q: Linear,
    keys: Folded,
    values: HeadValues,
    out: Linear,
    /// What is added to every changed token: the bias of the norm after the last change.
    offset: Vec<f32>,
}

impl TokenToImage {
    /// `vb` at the attention.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, offset: Vec<f32>) -> Result<Self> {
        let weight = values(&vb.get((INNER, EMBED_DIM), "k_proj.weight")?)?;
        Ok(Self {
            q: Linear::load(isa, &vb.pp("q_proj"))?,
            keys: Folded::new(isa, |inner, channel| weight[inner * EMBED_DIM + channel]),
            values: HeadValues::load(isa, &vb.pp("v_proj"))?,
            out: Linear::load(isa, &vb.pp("out_proj"))?,
            offset,
        })
    }

    /// A look of `tokens`, (T, 256), at an image whose keys' positions have the part `positions`,
    /// (4096, 128) interleaved or empty, and whose factors stand for `values`, (factors, 256).
    ///
    /// A key's bias adds the same to all scores of a query, which the softmax does not see; so does
    /// what is added to every token.
    pub(crate) fn look<'a>(
        &'a self,
        isa: Isa,
        tokens: &[f32],
        positions: &'a [f32],
        values: &'a [f32],
    ) -> Look<'a> {
        let mut queries = self.q.few(isa, tokens);
        queries.iter_mut().for_each(|q| *q /= (HEAD as f32).sqrt());
        let factors = match values {
            [] => Packed::default(),
            _ => Packed::products(isa, values, &self.keys.fold(isa, &queries), EMBED_DIM),
        };
        Look { attention: self, queries: interleave(&queries), positions, factors, values }
    }
}

pub(crate) struct Look<'a> {
    attention: &'a TokenToImage,
    /// (T, 128) interleaved.
    queries: Vec<f32>,
    positions: &'a [f32],
    /// The factors' part of the scores: (factors, 8 T).
    factors: Packed,
    values: &'a [f32],
}

/// One block's share of a softmax over the image and of what it weighs.
pub(crate) struct Partial {
    /// Largest score of each column (token · 8 + head).
    top: Vec<f32>,
    /// Σ e^(score − top).
    total: Vec<f32>,
    /// Σ e^(score − top) · scale · value: (T, 128).
    sums: Vec<f32>,
    /// Σ e^(score − top) · factors: (8 T, factors and what fills a panel).
    factors: Vec<f32>,
}

impl Look<'_> {
    fn columns(&self) -> usize {
        self.queries.len() / HEAD
    }

    /// Looks at the block of tokens from `start` on; `scores` is memory, (256, 8 T).
    pub(crate) fn partial(
        &self,
        isa: Isa,
        source: &Source<'_>,
        start: usize,
        scores: &mut [f32],
    ) -> Partial {
        let Source { keys, values, scales, factors, stride } = *source;
        let columns = self.columns();
        let positions = self.positions.get(start * INNER..).unwrap_or_default();
        heads::scores(isa, keys, scales, positions, &self.queries, scores);
        let sums = Sums { data: scores, stride: columns, accumulate: true };
        let a = Rows { data: factors, row: stride, column: 1 };
        gemm(isa, BLOCK, a, self.factors.view(isa), sums);
        let (mut top, mut total) = (vec![0.0; columns], vec![0.0; columns]);
        elementwise::exp_columns(isa, scores, &mut top, &mut total);
        let width = self.factors.depth().next_multiple_of(Columns::MULTIPLE);
        let sums = vec![0.0; columns * HEAD];
        let mut partial = Partial { top, total, sums, factors: vec![0.0; columns * width] };
        if width > 0 {
            let weights = Rows { data: scores, row: 1, column: columns };
            let values = Columns::rows(isa, factors, BLOCK, width, stride);
            let sums = Sums { data: &mut partial.factors, stride: width, accumulate: false };
            gemm(isa, columns, weights, values, sums);
        }
        heads::scale_rows(isa, scores, scales, columns);
        heads::weighted_sums(isa, scores, values, &mut partial.sums);
        partial
    }

    /// What the tokens saw in all blocks: (T, 256).
    pub(crate) fn join(&self, isa: Isa, partials: &[Partial]) -> Vec<f32> {
        let shares = shares(partials);
        let mut seen = vec![0.0; self.queries.len()];
        for (partial, shares) in partials.iter().zip(&shares) {
            for (index, (out, sum)) in seen.iter_mut().zip(&partial.sums).enumerate() {
                let (token, head) = (index / INNER, index % INNER / HEAD);
                *out += shares[token * HEADS + head] * sum;
            }
        }
        if !self.values.is_empty() {
            seen = plus(&seen, &self.changes_seen(isa, partials, &shares));
        }
        self.attention.out.few(isa, &seen)
    }

    /// The part of the values that comes from what changed the image: (T, 128).
    fn changes_seen(&self, isa: Isa, partials: &[Partial], shares: &[Vec<f32>]) -> Vec<f32> {
        let (columns, depth) = (self.columns(), self.factors.depth());
        let width = depth.next_multiple_of(Columns::MULTIPLE);
        let mut factors = vec![0.0; columns * width];
        for (partial, shares) in partials.iter().zip(shares) {
            let rows = factors.chunks_exact_mut(width).zip(partial.factors.chunks_exact(width));
            for ((out, sums), share) in rows.zip(shares) {
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out += share * sum;
                }
            }
        }
        let mut tokens = self.attention.offset.repeat(columns);
        let a = Rows { data: &factors, row: width, column: 1 };
        let values = Columns::rows(isa, self.values, depth, EMBED_DIM, EMBED_DIM);
        gemm(
            isa,
            columns,
            a,
            values,
            Sums { data: &mut tokens, stride: EMBED_DIM, accumulate: true },
        );
        self.attention.values.forward(isa, &tokens)
    }
}

/// The factor of every block for every column, in the order of the blocks.
fn shares(partials: &[Partial]) -> Vec<Vec<f32>> {
    let columns = partials[0].top.len();
    let mut shares = vec![vec![0.0; columns]; partials.len()];
    for j in 0..columns {
        let top = partials.iter().map(|p| p.top[j]).fold(f32::NEG_INFINITY, f32::max);
        let share = |p: &Partial| (p.top[j] - top).exp();
        let total: f32 = partials.iter().map(|p| share(p) * p.total[j]).sum();
        for (shares, p) in shares.iter_mut().zip(partials) {
            shares[j] = share(p) / total;
        }
    }
    shares
}
