//! Multi-head self-attention over sequences of some hundred tokens.

use rayon::prelude::*;

use super::super::elementwise::softmax_row;
use super::super::gemm::{Columns, gemm};
use super::super::isa::{Isa, for_each_isa};
use super::super::kept::Kept;
use super::super::microkernel::{Rows, Sums};

/// Queries whose scores are computed together.
const QUERIES: usize = 64;

/// Attention without its projections.
pub(super) struct Attention {
    isa: Isa,
    heads: usize,
    /// Channels of a head.
    head: usize,
    /// Whether a token sees only those up to itself.
    is_causal: bool,
    memories: Kept<Memory>,
    scratches: Kept<Scratch>,
}

/// Keys and values of a sequence, head by head.
#[derive(Default)]
struct Memory {
    /// (heads, head, tokens filled up)
    keys: Vec<f32>,
    /// (heads, tokens, head filled up)
    values: Vec<f32>,
}

/// For the queries of one block.
#[derive(Default)]
struct Scratch {
    /// (queries, tokens filled up)
    scores: Vec<f32>,
    /// (queries, head filled up)
    mixed: Vec<f32>,
}

impl Attention {
    pub(super) fn new(isa: Isa, width: usize, heads: usize, is_causal: bool) -> Self {
        assert!(heads > 0 && width.is_multiple_of(heads), "heads of equal width");
        let head = width / heads;
        Self { isa, heads, head, is_causal, memories: Kept::new(), scratches: Kept::new() }
    }

    fn width(&self) -> usize {
        self.heads * self.head
    }

    /// Channels of a head, filled up.
    fn filled_head(&self) -> usize {
        self.head.next_multiple_of(Columns::MULTIPLE)
    }

    /// One sequence: `qkv` (tokens, 3 · width) with scaled queries → `out` (tokens, width). The
    /// queries are those from `first` on, as many as `out` has rows.
    pub(super) fn forward(&self, qkv: &[f32], first: usize, out: &mut [f32]) {
        let width = self.width();
        self.memories.lend(|memory| {
            self.remember(qkv, memory);
            out.par_chunks_mut(QUERIES * width).enumerate().for_each(|(block, out)| {
                let first = first + block * QUERIES;
                self.scratches.lend(|scratch| self.attend(qkv, memory, first, scratch, out));
            });
        });
    }

    /// Arranges keys and values as right-hand sides of products.
    fn remember(&self, qkv: &[f32], memory: &mut Memory) {
        let (width, head) = (self.width(), self.head);
        let tokens = qkv.len() / (3 * width);
        let (filled, filled_head) =
            (tokens.next_multiple_of(Columns::MULTIPLE), self.filled_head());
        let Memory { keys, values } = memory;
        // What fills up is multiplied, but never looked at.
        keys.resize(self.heads * head * filled, 0.0);
        values.resize(self.heads * tokens * filled_head, 0.0);
        for (h, (keys, values)) in keys
            .chunks_exact_mut(head * filled)
            .zip(values.chunks_exact_mut(tokens * filled_head))
            .enumerate()
        {
            for (t, row) in qkv.chunks_exact(3 * width).enumerate() {
                let key = &row[width + h * head..][..head];
                for (keys, &key) in keys.chunks_exact_mut(filled).zip(key) {
                    keys[t] = key;
                }
                let value = &row[2 * width + h * head..][..head];
                values[t * filled_head..][..head].copy_from_slice(value);
            }
        }
    }

    /// All heads' output for a block of queries from `first` on.
    fn attend(
        &self,
        qkv: &[f32],
        memory: &Memory,
        first: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) {
        let (isa, width, head) = (self.isa, self.width(), self.head);
        let (count, tokens) = (out.len() / width, qkv.len() / (3 * width));
        let (filled, filled_head) =
            (tokens.next_multiple_of(Columns::MULTIPLE), self.filled_head());
        let Scratch { scores, mixed } = scratch;
        scores.resize(count * filled, 0.0);
        mixed.resize(count * filled_head, 0.0);
        for h in 0..self.heads {
            let keys = &memory.keys[h * head * filled..][..head * filled];
            let keys = Columns::rows(isa, keys, head, filled, filled);
            let query = &qkv[3 * first * width + h * head..];
            let query = Rows { data: query, row: 3 * width, column: 1 };
            let sums = Sums { data: scores, stride: filled, accumulate: false };
            gemm(isa, count, query, keys, sums);
            let visible = if self.is_causal { first + 1 } else { tokens };
            softmax_visible(isa, scores, filled, tokens, visible);
            let weights = Rows { data: scores, row: filled, column: 1 };
            let values = &memory.values[h * tokens * filled_head..][..tokens * filled_head];
            let values = Columns::rows(isa, values, tokens, filled_head, filled_head);
            let sums = Sums { data: mixed, stride: filled_head, accumulate: false };
            gemm(isa, count, weights, values, sums);
            for (out, mixed) in out.chunks_exact_mut(width).zip(mixed.chunks_exact(filled_head)) {
                out[h * head..][..head].copy_from_slice(&mixed[..head]);
            }
        }
    }
}

for_each_isa! {
    /// Softmax of rows of scores, `stride` apart, over their first `visible` tokens, in every row one
    /// more until there are `tokens`; the others get nothing.
    fn softmax_visible(scores: &mut [f32], stride: usize, tokens: usize, visible: usize) {
        for (index, row) in scores.chunks_exact_mut(stride).enumerate() {
            let visible = tokens.min(visible + index);
            row[visible..].fill(f32::NEG_INFINITY);
            softmax_row::<FMA>(row);
            row[visible..].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::noise;
    use super::*;

    /// Attention by its definition, in f64.
    fn plain(qkv: &[f32], heads: usize, head: usize, is_causal: bool) -> Vec<f64> {
        let width = heads * head;
        let tokens = qkv.len() / (3 * width);
        let at = |t: usize, part: usize, c: usize| f64::from(qkv[t * 3 * width + part * width + c]);
        let mut out = Vec::new();
        for t in 0..tokens {
            for c in 0..width {
                let channels = c / head * head..(c / head + 1) * head;
                let seen = if is_causal { t + 1 } else { tokens };
                let score =
                    |s: usize| channels.clone().map(|c| at(t, 0, c) * at(s, 1, c)).sum::<f64>();
                let weights: Vec<f64> = (0..seen).map(|s| score(s).exp()).collect();
                let sum: f64 = weights.iter().sum();
                out.push((0..seen).map(|s| weights[s] * at(s, 2, c)).sum::<f64>() / sum);
            }
        }
        out
    }

    #[test]
    fn attention_equals_its_definition_on_every_instruction_set() {
        for (tokens, heads, head, is_causal) in [
            (1, 1, 1, false),
            (50, 2, 64, false),
            (7, 3, 20, true),
            (130, 2, 32, true),
            (70, 1, 40, false),
        ] {
            let width = heads * head;
            let qkv = noise(tokens * 3 * width, 9);
            let expected = plain(&qkv, heads, head, is_causal);
            for isa in Isa::available() {
                let attention = Attention::new(isa, width, heads, is_causal);
                // Memory that held a longer sequence before.
                attention.forward(&noise(150 * 3 * width, 8), 0, &mut vec![0.0; 150 * width]);
                let mut got = vec![0.0; tokens * width];
                attention.forward(&qkv, 0, &mut got);
                for (got, expected) in got.iter().zip(&expected) {
                    assert!((f64::from(*got) - expected).abs() < 1e-5, "{isa:?} {tokens}×{head}");
                }
                let mut last = vec![0.0; width];
                attention.forward(&qkv, tokens - 1, &mut last);
                assert_eq!(last, got[(tokens - 1) * width..], "{isa:?}: one query alone");
            }
        }
    }
}
