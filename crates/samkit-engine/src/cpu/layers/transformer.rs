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

/// Most rows that a thread takes at a time: with fewer, weights come and go too often; with more,
/// what is inside the MLP leaves the second-level cache.
const MOST: usize = 144;
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
        let most = block_rows(x.len() / width);
        let blocks = qkv.par_chunks_mut(3 * width * most).zip(x.par_chunks(width * most));
        let work = |scratch: &mut Scratch, qkv: &mut [f32], x: &[f32]| {
            let count = x.len() / width;
            scratch.normed.resize(MOST * stride, 0.0);
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
        let most = block_rows(x.len() / width);
        let blocks = queries.par_chunks_mut(width * most).zip(x.par_chunks(width * most));
        blocks.for_each(|(queries, x)| {
            self.scratches.lend(|scratch| {
                scratch.normed.resize(MOST * stride, 0.0);
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
        let most = block_rows(x.len() / width);
        let blocks = x.par_chunks_mut(width * most).zip(mixed.par_chunks(width * most));
        let work = |scratch: &mut Scratch, x: &mut [f32], mixed: &[f32]| {
            let count = x.len() / width;
            let Scratch { normed, hidden, out } = scratch;
            normed.resize(MOST * stride, 0.0);
            hidden.resize(MOST * wide, 0.0);
            out.resize(MOST * width, 0.0);
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

/// Rows that a thread takes at a time of so many: an even number of blocks of about the same size.
fn block_rows(rows: usize) -> usize {
    let blocks = rows.div_ceil(MOST).next_multiple_of(2);
    rows.div_ceil(blocks.max(1)).next_multiple_of(8).max(8)
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::noise;
    use super::*;

    /// Weights and bias of a layer, and their maths in f64.
    struct Plain {
        weight: Vec<f32>,
        bias: Vec<f32>,
    }

    impl Plain {
        fn new(inputs: usize, outputs: usize, seed: u32) -> Self {
            let scale = (inputs as f32).powf(-0.5);
            let weight = noise(inputs * outputs, seed).iter().map(|w| w * scale).collect();
            Self { weight, bias: noise(outputs, seed + 1) }
        }

        fn norm(&self, x: &[f64]) -> Vec<f64> {
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
            let affine = self.weight.iter().zip(&self.bias);
            let normal = x.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt());
            normal.zip(affine).map(|(x, (w, b))| x * f64::from(*w) + f64::from(*b)).collect()
        }

        fn linear(&self, x: &[f64]) -> Vec<f64> {
            let rows = self.weight.chunks_exact(x.len()).zip(&self.bias);
            let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
            rows.map(|(row, bias)| dot(row) + f64::from(*bias)).collect()
        }

        fn borrow(&self) -> [&[f32]; 2] {
            [&self.weight, &self.bias]
        }
    }

    /// Norm, query, key, value, out, norm, widen and narrow.
    fn layers(shape: &TransformerShape, seed: u32) -> [Plain; 8] {
        let (width, hidden) = (shape.width, shape.hidden);
        let square = |n| Plain::new(width, width, seed + n);
        let norm = |n| Plain { weight: noise(width, seed + n), bias: noise(width, seed + n + 1) };
        [
            norm(0),
            square(2),
            square(4),
            square(6),
            square(8),
            norm(10),
            Plain::new(width, hidden, seed + 12),
            Plain::new(hidden, width, seed + 14),
        ]
    }

    /// One block on one sequence by its definition.
    fn block(shape: &TransformerShape, layers: &[Plain; 8], x: &mut [Vec<f64>]) {
        let [norm1, query, key, value, out, norm2, widen, narrow] = layers;
        let head = shape.width / shape.heads;
        let normed: Vec<_> = x.iter().map(|x| norm1.norm(x)).collect();
        let each = |layer: &Plain| normed.iter().map(|x| layer.linear(x)).collect::<Vec<_>>();
        let (queries, keys, values) = (each(query), each(key), each(value));
        for (t, x) in x.iter_mut().enumerate() {
            let seen = if shape.is_causal { t + 1 } else { keys.len() };
            let mut mixed = vec![0.0; shape.width];
            for h in 0..shape.heads {
                let channels = h * head..(h + 1) * head;
                let score = |s: usize| {
                    let products = channels.clone().map(|c| queries[t][c] * keys[s][c]);
                    (products.sum::<f64>() / (head as f64).sqrt()).exp()
                };
                let sum: f64 = (0..seen).map(score).sum();
                for c in channels.clone() {
                    mixed[c] = (0..seen).map(|s| score(s) * values[s][c]).sum::<f64>() / sum;
                }
            }
            x.iter_mut().zip(out.linear(&mixed)).for_each(|(x, y)| *x += y);
            let mut hidden = widen.linear(&norm2.norm(x));
            hidden.iter_mut().for_each(|x| *x /= 1.0 + (-1.702 * *x).exp());
            x.iter_mut().zip(narrow.linear(&hidden)).for_each(|(x, y)| *x += y);
        }
    }

    #[test]
    fn sequences_through_two_blocks_equal_the_definition_on_every_instruction_set() {
        for (width, heads, hidden, is_causal) in [(64, 2, 300, false), (60, 3, 40, true)] {
            let activation = Activation::QuickGelu;
            let shape = TransformerShape { width, heads, hidden, activation, eps: 1e-5, is_causal };
            let stack = [layers(&shape, 100), layers(&shape, 200)];
            // In all more rows than a block has, and blocks that end inside a sequence.
            let (lengths, at) = ([33, 1, 50], [32, 0, 7]);
            let x = noise(84 * width, 3);
            let mut expected = Vec::new();
            for (span, at) in spans(&lengths).into_iter().zip(at) {
                let rows = x[span.start * width..span.end * width].chunks_exact(width);
                let wide = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
                let mut rows: Vec<_> = rows.map(wide).collect();
                stack.iter().for_each(|layers| block(&shape, layers, &mut rows));
                expected.extend(rows.swap_remove(at));
            }
            for isa in Isa::available() {
                let mut transformer = Transformer::with(isa, shape);
                for layers in &stack {
                    let [norm1, query, key, value, out, norm2, widen, narrow] =
                        layers.each_ref().map(Plain::borrow);
                    transformer.push(&BlockWeights {
                        norm1,
                        query,
                        key,
                        value,
                        out,
                        norm2,
                        widen,
                        narrow,
                    });
                }
                let got = transformer.forward_at(&mut x.clone(), &lengths, &at);
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    assert!((f64::from(*got) - expected).abs() < 1e-4, "{isa:?}: {got} {expected}");
                }
                let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
                let alone = one.install(|| transformer.forward_at(&mut x.clone(), &lengths, &at));
                assert_eq!(alone, got, "{isa:?}: one thread");
            }
        }
    }
}
