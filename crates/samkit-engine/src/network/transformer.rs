//! The two-way transformer between a prompt's tokens and the image's.
//!
//! Follows `segment_anything/modeling/transformer.py`.

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder};

use super::EMBED_DIM;
use super::ops::{layer_norm, linear};

const HEADS: usize = 8;
const EPS: f64 = 1e-5;

pub(crate) struct TwoWayTransformer {
    layers: Vec<Layer>,
    final_attention: Attention,
    final_norm: LayerNorm,
}

impl TwoWayTransformer {
    /// `vb` at `mask_decoder.transformer`.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let depth =
            (0..).take_while(|i| vb.contains_tensor(&format!("layers.{i}.norm1.weight"))).count();
        let layers = (0..depth).map(|i| Layer::load(&vb.pp("layers").pp(i)));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            final_attention: Attention::load(&vb.pp("final_attn_token_to_image"))?,
            final_norm: layer_norm(&vb.pp("norm_final_attn"), EMBED_DIM, EPS)?,
        })
    }

    /// `image` (batch, 4096, 256), `positions` (1, 4096, 256), `tokens` (batch, tokens, 256) →
    /// updated (tokens, image).
    pub(crate) fn forward(
        &self,
        image: &Tensor,
        positions: &Tensor,
        tokens: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let (mut queries, mut keys) = (tokens.clone(), image.clone());
        for (index, layer) in self.layers.iter().enumerate() {
            (queries, keys) = layer.forward(&queries, &keys, tokens, positions, index == 0)?;
        }
        let q = (&queries + tokens)?;
        let k = keys.broadcast_add(positions)?;
        let queries = (&queries + self.final_attention.forward(&q, &k, &keys)?)?;
        Ok((self.final_norm.forward(&queries)?, keys))
    }
}

struct Layer {
    self_attention: Attention,
    token_to_image: Attention,
    image_to_token: Attention,
    mlp: [Linear; 2],
    norms: [LayerNorm; 4],
}

impl Layer {
    fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let hidden = vb.get_unchecked("mlp.lin1.weight")?.dim(0)?;
        let norm = |i: usize| layer_norm(&vb.pp(format!("norm{i}")), EMBED_DIM, EPS);
        Ok(Self {
            self_attention: Attention::load(&vb.pp("self_attn"))?,
            token_to_image: Attention::load(&vb.pp("cross_attn_token_to_image"))?,
            image_to_token: Attention::load(&vb.pp("cross_attn_image_to_token"))?,
            mlp: [
                linear(&vb.pp("mlp.lin1"), EMBED_DIM, hidden)?,
                linear(&vb.pp("mlp.lin2"), hidden, EMBED_DIM)?,
            ],
            norms: [norm(1)?, norm(2)?, norm(3)?, norm(4)?],
        })
    }

    /// In the first layer the self-attention replaces the queries: no positions, no residual.
    fn forward(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        tokens: &Tensor,
        positions: &Tensor,
        is_first: bool,
    ) -> Result<(Tensor, Tensor)> {
        let [norm1, norm2, norm3, norm4] = &self.norms;
        let queries = if is_first {
            self.self_attention.forward(queries, queries, queries)?
        } else {
            let q = (queries + tokens)?;
            (queries + self.self_attention.forward(&q, &q, queries)?)?
        };
        let queries = norm1.forward(&queries)?;

        let k = keys.broadcast_add(positions)?;
        let attended = self.token_to_image.forward(&(&queries + tokens)?, &k, keys)?;
        let queries = norm2.forward(&(queries + attended)?)?;

        let hidden = self.mlp[0].forward(&queries)?.relu()?;
        let queries = norm3.forward(&(&queries + self.mlp[1].forward(&hidden)?)?)?;

        let attended = self.image_to_token.forward(&k, &(&queries + tokens)?, &queries)?;
        let keys = norm4.forward(&(keys + attended)?)?;
        Ok((queries, keys))
    }
}

/// Multi-head attention whose inner width may be smaller than the tokens'.
struct Attention {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
}

impl Attention {
    fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let inner = vb.get_unchecked("q_proj.weight")?.dim(0)?;
        let project = |name| linear(&vb.pp(name), EMBED_DIM, inner);
        Ok(Self {
            q: project("q_proj")?,
            k: project("k_proj")?,
            v: project("v_proj")?,
            out: linear(&vb.pp("out_proj"), inner, EMBED_DIM)?,
        })
    }

    /// `q` (batch, n, 256), `k` and `v` (batch, m, 256) → (batch, n, 256).
    fn forward(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let (q, k, v) =
            (heads(&self.q.forward(q)?)?, heads(&self.k.forward(k)?)?, heads(&self.v.forward(v)?)?);
        let head = q.dim(3)?;
        let scores = (q * (head as f64).powf(-0.5))?.matmul(&k.t()?)?;
        let x = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?;
        self.out.forward(&x.transpose(1, 2)?.flatten_from(2)?)
    }
}

/// (batch, n, channels) → (batch, heads, n, channels / heads).
fn heads(x: &Tensor) -> Result<Tensor> {
    let (batch, n, channels) = x.dims3()?;
    x.reshape((batch, n, HEADS, channels / HEADS))?.transpose(1, 2)?.contiguous()
}
