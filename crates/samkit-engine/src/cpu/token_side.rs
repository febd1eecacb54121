//! The decoder's work on a prompt's few tokens: attention among them, MLPs, and the folding of
//! projections of the image into them.

use candle_core::Result;
use candle_nn::VarBuilder;

use super::elementwise;
use super::gemm::{Packed, gemm};
use super::heads::{HEAD, HEADS, INNER, interleaved};
use super::isa::Isa;
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use crate::network::EMBED_DIM;

/// LayerNorm over a token's channels.
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) eps: f32,
}

impl Norm {
    pub(crate) fn load(vb: &VarBuilder<'_>, eps: f32) -> Result<Self> {
        let get = |name| values(&vb.get_unchecked(name)?);
        Ok(Self { weight: get("weight")?, bias: get("bias")?, eps })
    }

    pub(crate) fn apply(&self, isa: Isa, x: &mut [f32]) {
        elementwise::layer_norm(isa, x, &self.weight, &self.bias, self.eps);
    }
}

/// Linear layers with ReLUs between them.
pub(crate) struct Mlp(Vec<Linear>);

impl Mlp {
    /// Layers `names` below `vb`.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, names: &[&str]) -> Result<Self> {
        names.iter().map(|name| Linear::load(isa, &vb.pp(name))).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn forward(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        let mut x = x.to_vec();
        for (index, layer) in self.0.iter().enumerate() {
            x = layer.few(isa, &x);
            if index + 1 < self.0.len() {
                x.iter_mut().for_each(|x| *x = x.max(0.0));
            }
        }
        x
    }
}

/// Attention among the tokens, at full width.
pub(crate) struct SelfAttention {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
}

impl SelfAttention {
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>) -> Result<Self> {
        let project = |name| Linear::load(isa, &vb.pp(name));
        Ok(Self {
            q: project("q_proj")?,
            k: project("k_proj")?,
            v: project("v_proj")?,
            out: project("out_proj")?,
        })
    }

    /// `x` with positions for queries and keys, `v` without: (tokens, 256) each.
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], v: &[f32]) -> Vec<f32> {
        let (q, k, v) = (self.q.few(isa, x), self.k.few(isa, x), self.v.few(isa, v));
        let (width, head) = (EMBED_DIM, EMBED_DIM / HEADS);
        let tokens = x.len() / width;
        let mut out = vec![0.0; x.len()];
        for h in 0..HEADS {
            let part = |x: &[f32], t: usize| x[t * width + h * head..][..head].to_vec();
            for t in 0..tokens {
                let query = part(&q, t);
                let score =
                    |s: usize| -> f32 { query.iter().zip(part(&k, s)).map(|(a, b)| a * b).sum() };
                let scores: Vec<f32> =
                    (0..tokens).map(|s| score(s) / (head as f32).sqrt()).collect();
                let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let weights: Vec<f32> = scores.iter().map(|s| (s - top).exp()).collect();
                let total: f32 = weights.iter().sum();
                let out = &mut out[t * width + h * head..][..head];
                for (s, weight) in weights.iter().enumerate() {
                    for (out, v) in out.iter_mut().zip(part(&v, s)) {
                        *out += weight / total * v;
                    }
                }
            }
        }
        self.out.few(isa, &out)
    }
}

/// A projection of the image, (128, 256), cut by head so that it can be folded into the tokens.
pub(crate) struct Folded(Vec<Packed>);

impl Folded {
    /// `element(inner, channel)` of the (128, 256) projection.
    pub(crate) fn new(isa: Isa, element: impl Fn(usize, usize) -> f32) -> Self {
        let head = |h: usize| Packed::new(isa, HEAD, EMBED_DIM, |d, c| element(h * HEAD + d, c));
        Self((0..HEADS).map(head).collect())
    }

    /// (tokens, 128) → (tokens · 8 heads, 256): row (token, head) is the head's part of the token
    /// times the head's part of the projection.
    pub(crate) fn fold(&self, isa: Isa, tokens: &[f32]) -> Vec<f32> {
        let count = tokens.len() / INNER;
        let mut out = vec![0.0; count * HEADS * EMBED_DIM];
        for (h, weight) in self.0.iter().enumerate() {
            let a = Rows { data: &tokens[h * HEAD..], row: INNER, column: 1 };
            let sums = Sums {
                data: &mut out[h * EMBED_DIM..],
                stride: HEADS * EMBED_DIM,
                accumulate: false,
            };
            gemm(isa, count, a, weight.view(isa), sums);
        }
        out
    }
}

/// The value projection of aggregated image tokens: (tokens · 8 heads, 256) → (tokens, 128).
pub(crate) struct HeadValues {
    heads: Vec<Packed>,
    bias: Vec<f32>,
}

impl HeadValues {
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>) -> Result<Self> {
        let weight = values(&vb.get((INNER, EMBED_DIM), "weight")?)?;
        let head = |h: usize| {
            Packed::new(isa, EMBED_DIM, HEAD, |c, d| weight[(h * HEAD + d) * EMBED_DIM + c])
        };
        Ok(Self { heads: (0..HEADS).map(head).collect(), bias: values(&vb.get(INNER, "bias")?)? })
    }

    pub(crate) fn forward(&self, isa: Isa, aggregated: &[f32]) -> Vec<f32> {
        let count = aggregated.len() / (HEADS * EMBED_DIM);
        let mut out = self.bias.repeat(count);
        for (h, weight) in self.heads.iter().enumerate() {
            let a = Rows { data: &aggregated[h * EMBED_DIM..], row: HEADS * EMBED_DIM, column: 1 };
            let sums = Sums { data: &mut out[h * HEAD..], stride: INNER, accumulate: true };
            gemm(isa, count, a, weight.view(isa), sums);
        }
        out
    }
}

/// (tokens, 128) from head-before-channel to channel-before-head order.
pub(crate) fn interleave(x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for (x, out) in x.chunks_exact(INNER).zip(out.chunks_exact_mut(INNER)) {
        for h in 0..HEADS {
            for d in 0..HEAD {
                out[interleaved(h, d)] = x[h * HEAD + d];
            }
        }
    }
    out
}

/// Element-wise sum.
pub(crate) fn plus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}
