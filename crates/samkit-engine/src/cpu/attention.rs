//! Multi-head attention inside the windows of TinyViT.

use std::ops::Range;

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::conv::Shape;
use super::elementwise;
use super::gemm::{Columns, Packed, gemm};
use super::isa::Isa;
use super::kept::Kept;
use super::linear::{Kernels, Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::Norm;

pub(crate) struct WindowAttention {
    norm: Norm,
    qkv: Linear,
    proj: Linear,
    /// (heads, tokens, tokens)
    bias: Vec<f32>,
    /// Query, key and value of a token outside the image, which is zero.
    outside: Vec<f32>,
    heads: usize,
    window: usize,
    scratch: Kept<Scratch>,
}

impl WindowAttention {
    /// `vb` at the block's `attn`.
    pub(crate) fn load(kernels: Kernels, vb: &VarBuilder<'_>) -> Result<Self> {
        let biases = vb.get_unchecked("attention_biases")?;
        let (heads, offsets) = biases.dims2()?;
        let window = offsets.isqrt();
        let qkv = Linear::load(kernels, &vb.pp("qkv"))?;
        let head = qkv.outputs() / 3 / heads;
        if !head.is_multiple_of(32) {
            candle_core::bail!(
                "attention with heads of {head} channels, expected a multiple of 32"
            );
        }
        let norm = Norm::load(&vb.pp("norm"), 1e-5)?;
        let mut zero = vec![0.0; qkv.inputs()];
        norm.apply(kernels.isa, &mut zero);
        Ok(Self {
            norm,
            outside: qkv.few(kernels.isa, &zero),
            qkv,
            proj: Linear::load(kernels, &vb.pp("proj"))?,
            bias: gather_bias(&values(&biases)?, window),
            heads,
            window,
            scratch: Kept::new(),
        })
    }

    /// `out = x + attention(x)`, window by window; windows that reach over the image's edge are
    /// filled up with zeros, which take part as keys and values.
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let side = self.window;
        let columns = shape.width.div_ceil(side);
        // A line of windows owns the image lines below each other, so that lines can be written
        // without sharing.
        let line = shape.width * shape.channels;
        let work = |scratch: &mut Scratch, window_row: usize, out: &mut [f32]| {
            scratch.resize(side * side, shape.channels);
            let top = window_row * side;
            let lines = out.len() / line;
            for window_column in 0..columns {
                let left = window_column * side;
                let width = side.min(shape.width - left);
                let segment = |y: usize| (y * shape.width + left) * shape.channels;
                let length = width * shape.channels;
                for y in 0..lines {
                    let token = y * side * shape.channels;
                    let source = &x[segment(top + y)..][..length];
                    scratch.tokens[token..token + length].copy_from_slice(source);
                }
                self.window(isa, scratch, inside(lines, width, side));
                for y in 0..lines {
                    let attended = &scratch.tokens[y * side * shape.channels..][..length];
                    let source = &x[segment(top + y)..][..length];
                    let out = &mut out[segment(y)..][..length];
                    for ((out, a), b) in out.iter_mut().zip(source).zip(attended) {
                        *out = a + b;
                    }
                }
            }
        };
        let rows = out.par_chunks_mut(side * line).enumerate();
        rows.for_each(|(row, out)| self.scratch.lend(|scratch| work(scratch, row, out)));
    }

    /// Attention of one window, `scratch.tokens` in place; `inside` are the tokens in the image.
    fn window(
        &self,
        isa: Isa,
        scratch: &mut Scratch,
        inside: impl Iterator<Item = Range<usize>> + Clone,
    ) {
        let Scratch { tokens, qkv, scores, mixed, keys } = scratch;
        let count = self.window * self.window;
        let channels = tokens.len() / count;
        let head = channels / self.heads;
        let stride = 3 * channels;
        if inside.clone().map(|run| run.len()).sum::<usize>() < count {
            qkv.chunks_exact_mut(stride).for_each(|token| token.copy_from_slice(&self.outside));
        }
        for run in inside.clone() {
            let tokens = &mut tokens[run.start * channels..run.end * channels];
            let qkv = &mut qkv[run.start * stride..run.end * stride];
            self.norm.apply(isa, tokens);
            self.qkv.product(isa, tokens, qkv);
            elementwise::add_bias(isa, qkv, &self.qkv.bias);
        }
        for h in 0..self.heads {
            // Each head's query, key and value lie next to each other.
            let at = 3 * h * head;
            let qkv = &*qkv;
            keys.repack_transposed(isa, head, count, &qkv[at + head..], stride);
            let values = Columns::rows(isa, &qkv[at + 2 * head..], count, head, stride);
            let bias = &self.bias[h * count * count..(h + 1) * count * count];
            for run in inside.clone() {
                let scores = &mut scores[..run.len() * count];
                let q = Rows { data: &qkv[run.start * stride + at..], row: stride, column: 1 };
                let sums = Sums { data: scores, stride: count, accumulate: false };
                gemm(isa, run.len(), q, keys.view(isa), sums);
                let bias = &bias[run.start * count..run.end * count];
                elementwise::softmax_rows(isa, scores, count, (head as f32).powf(-0.5), bias);
                let weights = Rows { data: scores, row: count, column: 1 };
                let mixed = &mut mixed[run.start * channels + h * head..];
                let sums = Sums { data: mixed, stride: channels, accumulate: false };
                gemm(isa, run.len(), weights, values, sums);
            }
        }
        for run in inside {
            let run = run.start * channels..run.end * channels;
            self.proj.product(isa, &mixed[run.clone()], &mut tokens[run.clone()]);
            elementwise::add_bias(isa, &mut tokens[run], &self.proj.bias);
        }
    }
}

/// The tokens of a window of `side`² that lie in the image, where it has `lines` × `width` of them.
fn inside(lines: usize, width: usize, side: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let (runs, length) = if width == side { (1, lines * side) } else { (lines, width) };
    (0..runs).map(move |run| run * side..run * side + length)
}

/// For a window.
#[derive(Default)]
struct Scratch {
    tokens: Vec<f32>,
    qkv: Vec<f32>,
    scores: Vec<f32>,
    mixed: Vec<f32>,
    keys: Packed,
}

impl Scratch {
    fn resize(&mut self, tokens: usize, channels: usize) {
        self.tokens.resize(tokens * channels, 0.0);
        self.qkv.resize(tokens * 3 * channels, 0.0);
        self.scores.resize(tokens * tokens, 0.0);
        self.mixed.resize(tokens * channels, 0.0);
    }
}

/// (heads, offsets) → (heads, tokens, tokens): offsets are numbered row by row of |rows|, |columns|.
fn gather_bias(biases: &[f32], window: usize) -> Vec<f32> {
    let tokens = window * window;
    biases
        .chunks_exact(tokens)
        .flat_map(|head| {
            (0..tokens * tokens).map(move |pair| {
                let (a, b) = (pair / tokens, pair % tokens);
                let rows = (a / window).abs_diff(b / window);
                let columns = (a % window).abs_diff(b % window);
                head[rows * window + columns]
            })
        })
        .collect()
}
