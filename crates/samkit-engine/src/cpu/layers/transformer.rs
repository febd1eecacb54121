//! Stacks of transformer blocks with a LayerNorm before attention and MLP, as in ViT and GPT.

use std::ops::Range;

use rayon::prelude::*;

use super::super::elementwise::add_bias_and;
use super::super::isa::Isa;
use super::super::kept::Kept;
use super::super::microkernel::Rows;
use super::Activation;
use super::attention::Attention;
use super::matrix::Matrix;
use super::norm::LayerNorm;

/// Rows that a thread takes at a time: their inputs and outputs stay in its second-level cache.
const BLOCK: usize = 64;
/// What is added to the distance between rows, so that rows do not compete for the same lines of
/// the first-level cache where widths are multiples of 1024.
const GAP: usize = 16;

/// What all blocks of a stack have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerShape {
    /// Channels of a token.
    pub width: usize,
    /// Heads of the attention; they share the width.
    pub heads: usize,
    /// Channels inside the MLP.
    pub hidden: usize,
    /// What follows the MLP's first layer.
    pub activation: Activation,
    /// What the LayerNorms add to variances.
    pub eps: f32,
    /// Whether a token sees only those up to itself.
    pub is_causal: bool,
}

/// Weights and biases of a block: linear layers (outputs, inputs) row by row, as PyTorch has them.
#[derive(Clone, Copy)]
pub struct BlockWeights<'a> {
    /// The LayerNorm before the attention.
    pub norm1: [&'a [f32]; 2],
    /// The layer that makes queries.
    pub query: [&'a [f32]; 2],
    /// The layer that makes keys.
    pub key: [&'a [f32]; 2],
    /// The layer that makes values.
    pub value: [&'a [f32]; 2],
    /// The layer after the attention.
    pub out: [&'a [f32]; 2],
    /// The LayerNorm before the MLP.
    pub norm2: [&'a [f32]; 2],
    /// The MLP's first layer.
    pub widen: [&'a [f32]; 2],
    /// The MLP's second layer.
    pub narrow: [&'a [f32]; 2],
}

/// A stack of blocks.
pub struct Transformer {
    isa: Isa,
    shape: TransformerShape,
    attention: Attention,
    blocks: Vec<Block>,
    buffers: Kept<Buffers>,
    scratches: Kept<Scratch>,
}

struct Block {
    norm1: LayerNorm,
    query: Layer,
    /// Keys, then values.
    memory: Layer,
    out: Layer,
    norm2: LayerNorm,
    widen: Layer,
    narrow: Layer,
}

struct Layer {
    weight: Matrix,
    bias: Vec<f32>,
}

impl Layer {
    /// `x · W` for rows that are `row` apart, into rows that are `stride` apart.
    fn product(&self, count: usize, x: &[f32], row: usize, out: &mut [f32], stride: usize) {
        self.weight.product(count, Rows { data: x, row, column: 1 }, out, stride);
    }
}

/// What one block writes for all rows.
#[derive(Default)]
struct Buffers {
    /// (rows, 3 · width)
    qkv: Vec<f32>,
    /// (rows, width)
    mixed: Vec<f32>,
}

/// A block of rows on its way.
#[derive(Default)]
struct Scratch {
    normed: Vec<f32>,
    hidden: Vec<f32>,
    out: Vec<f32>,
}

impl Transformer {
    /// A stack of no blocks.
    ///
    /// # Panics
    /// When the heads cannot share the width.
    pub fn new(shape: TransformerShape) -> Self {
        Self::with(Isa::best(), shape)
    }

    fn with(isa: Isa, shape: TransformerShape) -> Self {
        Self {
            isa,
            shape,
            attention: Attention::new(isa, shape.width, shape.heads, shape.is_causal),
            blocks: Vec::new(),
            buffers: Kept::new(),
            scratches: Kept::new(),
        }
    }

    /// Puts a block behind those that are there.
    ///
    /// # Panics
    /// When a weight or a bias has another size.
    pub fn push(&mut self, weights: &BlockWeights<'_>) {
        let TransformerShape { width, heads, hidden, eps, .. } = self.shape;
        let layer = |[weight, bias]: [&[f32]; 2], inputs: usize, outputs: usize, scale: f32| {
            assert!(weight.len() == inputs * outputs && bias.len() == outputs, "a layer's size");
            let element = |k: usize, j: usize| weight[j * inputs + k] * scale;
            let bias = bias.iter().map(|bias| bias * scale).collect();
            Layer { weight: Matrix::new(self.isa, inputs, outputs, element), bias }
        };
        let norm = |[weight, bias]: [&[f32]; 2]| {
            assert_eq!(weight.len(), width, "a norm's size");
            LayerNorm::with(self.isa, weight, bias, eps)
        };
        let both = [0, 1].map(|part| [weights.key[part], weights.value[part]].concat());
        let mut widen = layer(weights.widen, width, hidden, 1.0);
        // The gap between rows is finished like the rows.
        widen.bias.resize(hidden + GAP, 0.0);
        self.blocks.push(Block {
            norm1: norm(weights.norm1),
            query: layer(weights.query, width, width, ((width / heads) as f32).powf(-0.5)),
            memory: layer([&both[0], &both[1]], width, 2 * width, 1.0),
            out: layer(weights.out, width, width, 1.0),
            norm2: norm(weights.norm2),
            widen,
            narrow: layer(weights.narrow, hidden, width, 1.0),
        });
    }

    /// Runs sequences of `lengths` tokens, which lie one after the other in `x` (tokens, width),
    /// through all blocks, and gives of every sequence the token at the place that `at` names:
    /// (sequences, width). `x` is left as it is before the last block.
    ///
    /// The last block computes nothing but keys and values for other tokens.
    ///
    /// # Panics
    /// When lengths and `x` differ, or a place is outside its sequence.
    pub fn forward_at(&self, x: &mut [f32], lengths: &[usize], at: &[usize]) -> Vec<f32> {
        let sequences = spans(lengths);
        let width = self.shape.width;
        assert_eq!(x.len(), sequences.last().map_or(0, |last| last.end) * width, "tokens in all");
        assert!(
            lengths.len() == at.len() && lengths.iter().zip(at).all(|(n, at)| at < n),
            "places"
        );
        let picked = || -> Vec<f32> {
            let rows = sequences.iter().zip(at).map(|(span, at)| &x[(span.start + at) * width..]);
            rows.flat_map(|row| &row[..width]).copied().collect()
        };
        let Some((last, before)) = self.blocks.split_last() else { return picked() };
        self.buffers.lend(|buffers| {
            buffers.qkv.resize(3 * x.len(), 0.0);
            buffers.mixed.resize(x.len(), 0.0);
            for block in before {
                self.project(block, x, &mut buffers.qkv, true);
                self.attend(&sequences, &buffers.qkv, &mut buffers.mixed);
                self.finish(block, &buffers.mixed, x);
            }
            self.project(last, x, &mut buffers.qkv, false);
            let rows = sequences.iter().zip(at).map(|(span, at)| &x[(span.start + at) * width..]);
            let mut x: Vec<f32> = rows.flat_map(|row| &row[..width]).copied().collect();
            let queries = self.queries(last, &x);
            let mixed = self.attend_at(&sequences, at, &queries, &mut buffers.qkv);
            self.finish(last, &mixed, &mut x);
            x
        })
    }

    /// Keys and values of all tokens, and queries where they are wanted.
    fn project(&self, block: &Block, x: &[f32], qkv: &mut [f32], with_queries: bool) {
        let (width, stride) = (self.shape.width, self.shape.width + GAP);
        let blocks = qkv.par_chunks_mut(3 * width * BLOCK).zip(x.par_chunks(width * BLOCK));
        let work = |scratch: &mut Scratch, qkv: &mut [f32], x: &[f32]| {
            let count = x.len() / width;
            scratch.normed.resize(BLOCK * stride, 0.0);
            block.norm1.spread(x, &mut scratch.normed, stride);
            if with_queries {
                block.query.product(count, &scratch.normed, stride, qkv, 3 * width);
            }
            block.memory.product(count, &scratch.normed, stride, &mut qkv[width..], 3 * width);
            for row in qkv.chunks_exact_mut(3 * width) {
                let (query, memory) = row.split_at_mut(width);
                query.iter_mut().zip(&block.query.bias).for_each(|(x, bias)| *x += bias);
                memory.iter_mut().zip(&block.memory.bias).for_each(|(x, bias)| *x += bias);
            }
        };
        blocks.for_each(|(qkv, x)| self.scratches.lend(|scratch| work(scratch, qkv, x)));
    }

    /// Attention of every sequence.
    fn attend(&self, sequences: &[Range<usize>], qkv: &[f32], mixed: &mut [f32]) {
        let width = self.shape.width;
        let mut tasks = Vec::with_capacity(sequences.len());
        let mut rest = mixed;
        for span in sequences {
            let (out, after) = rest.split_at_mut(span.len() * width);
            tasks.push((&qkv[3 * span.start * width..3 * span.end * width], out));
            rest = after;
        }
        tasks.into_par_iter().for_each(|(qkv, out)| self.attention.forward(qkv, 0, out));
    }

    /// Queries of rows `x`.
    fn queries(&self, block: &Block, x: &[f32]) -> Vec<f32> {
        let (width, stride) = (self.shape.width, self.shape.width + GAP);
        let mut queries = vec![0.0; x.len()];
        let blocks = queries.par_chunks_mut(width * BLOCK).zip(x.par_chunks(width * BLOCK));
        blocks.for_each(|(queries, x)| {
            self.scratches.lend(|scratch| {
                scratch.normed.resize(BLOCK * stride, 0.0);
                block.norm1.spread(x, &mut scratch.normed, stride);
                block.query.product(x.len() / width, &scratch.normed, stride, queries, width);
                for row in queries.chunks_exact_mut(width) {
                    row.iter_mut().zip(&block.query.bias).for_each(|(x, bias)| *x += bias);
                }
            });
        });
        queries
    }

    /// Attention of one query a sequence, at its place.
    fn attend_at(
        &self,
        sequences: &[Range<usize>],
        at: &[usize],
        queries: &[f32],
        qkv: &mut [f32],
    ) -> Vec<f32> {
        let width = self.shape.width;
        let queries = queries.chunks_exact(width);
        for ((span, at), query) in sequences.iter().zip(at).zip(queries) {
            qkv[3 * (span.start + at) * width..][..width].copy_from_slice(query);
        }
        let mut mixed = vec![0.0; sequences.len() * width];
        let tasks = mixed.par_chunks_exact_mut(width).zip(sequences).zip(at);
        tasks.for_each(|((out, span), &at)| {
            self.attention.forward(&qkv[3 * span.start * width..3 * span.end * width], at, out);
        });
        mixed
    }

    /// `x += out(mixed)`, then `x += mlp(norm(x))`.
    fn finish(&self, block: &Block, mixed: &[f32], x: &mut [f32]) {
        let TransformerShape { width, hidden, .. } = self.shape;
        let (stride, wide) = (width + GAP, hidden + GAP);
        let blocks = x.par_chunks_mut(width * BLOCK).zip(mixed.par_chunks(width * BLOCK));
        let work = |scratch: &mut Scratch, x: &mut [f32], mixed: &[f32]| {
            let count = x.len() / width;
            let Scratch { normed, hidden, out } = scratch;
            normed.resize(BLOCK * stride, 0.0);
            hidden.resize(BLOCK * wide, 0.0);
            out.resize(BLOCK * width, 0.0);
            block.out.product(count, mixed, width, out, width);
            add_bias_and(self.isa, x, &block.out.bias, out);
            block.norm2.spread(x, normed, stride);
            block.widen.product(count, normed, stride, hidden, wide);
            let hidden = &mut hidden[..count * wide];
            self.shape.activation.finish(self.isa, hidden, &block.widen.bias);
            block.narrow.product(count, hidden, wide, out, width);
            add_bias_and(self.isa, x, &block.narrow.bias, out);
        };
        blocks.for_each(|(x, mixed)| self.scratches.lend(|scratch| work(scratch, x, mixed)));
    }
}

/// Where sequences of these lengths lie.
fn spans(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let span = |&length: &usize| {
        let start = end;
        end += length;
        start..end
    };
    lengths.iter().map(span).collect()
}
