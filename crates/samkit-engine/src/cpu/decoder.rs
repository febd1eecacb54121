//! The mask decoder, with the products that are the same for all prompts of an image computed once
//! per image, and the image's projections folded into the prompt's few tokens.
//!
//! A prompt has T tokens (7 for one point), the image 4096. With 8 heads, a projection of the image
//! to 128 channels and its scores against the tokens are one product with a 256 × 8T matrix; its
//! values are aggregated before they are projected, on 8T rows. Both are exact. The image's tokens
//! pass by in blocks that stay in the second-level cache from one step to the next.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::elementwise;
use super::first_step::{Change, FirstStep};
use super::gemm::{Columns, Packed, gemm};
use super::heads::{self, HEAD, HEADS, INNER, interleaved};
use super::isa::Isa;
use super::kept::Kept;
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::{
    Folded, HeadValues, Mlp, Norm, SelfAttention, deinterleave, interleave, plus,
};
use super::upscaler::{Extent, Upscaler};
use crate::network::{EMBED_DIM, EMBED_SIDE};

/// Tokens of the image.
const TOKENS: usize = EMBED_SIDE * EMBED_SIDE;
/// Image tokens that pass through all steps together.
const BLOCK: usize = 256;
/// Epsilon of the transformer's LayerNorms.
const EPS: f32 = 1e-5;
/// Tokens for masks.
const MASK_TOKENS: usize = 4;

pub(crate) struct Decoder {
    isa: Isa,
    /// IoU token and mask tokens: (5, 256).
    output_tokens: Vec<f32>,
    layers: [Layer; 2],
    final_attention: TokenToImage,
    final_norm: Norm,
    first_image: FirstImage,
    upscaler: Upscaler,
    hypernetworks: Vec<Mlp>,
    iou_head: Mlp,
    memory: Kept<Memory>,
}

/// What depends on an image (and a mask prompt) but not on points or boxes.
#[derive(Debug)]
pub(crate) struct ImageSide {
    /// (4096, 256)
    tokens: Vec<f32>,
    /// Layer 0's projections, (4096, 128) interleaved: token-to-image keys and values,
    /// image-to-token queries.
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
    /// For the upscaler's first step: (4096, 256).
    upscaled: Vec<f32>,
}

/// A prompt's answer: predicted IoU and 256×256 logits of the masks that were asked for.
pub(crate) type Answer = Vec<(f32, Vec<f32>)>;

impl Decoder {
    /// `vb` at `mask_decoder`; `positions` (4096, 256).
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, positions: &[f32]) -> Result<Self> {
        let transformer = vb.pp("transformer");
        let layer = |i: usize| Layer::load(isa, &transformer.pp("layers").pp(i), positions);
        let final_attention =
            TokenToImage::load(isa, &transformer.pp("final_attn_token_to_image"), positions)?;
        let mut output_tokens = values(&vb.get((1, EMBED_DIM), "iou_token.weight")?)?;
        output_tokens.extend(values(&vb.get((MASK_TOKENS, EMBED_DIM), "mask_tokens.weight")?)?);
        let mlp = |vb: VarBuilder<'_>| Mlp::load(isa, &vb.pp("layers"), &["0", "1", "2"]);
        let hypernetworks = vb.pp("output_hypernetworks_mlps");
        let layers = [layer(0)?, layer(1)?];
        let norms = layers.each_ref().map(|layer| &layer.image_to_token.norm);
        let upscaler = Upscaler::load(isa, &vb.pp("output_upscaling"), norms)?;
        Ok(Self {
            isa,
            output_tokens,
            layers,
            final_attention,
            final_norm: Norm::load(&transformer.pp("norm_final_attn"), EPS)?,
            first_image: FirstImage::load(isa, &transformer.pp("layers.0"), positions)?,
            upscaler,
            hypernetworks: (0..MASK_TOKENS)
                .map(|i| mlp(hypernetworks.pp(i)))
                .collect::<Result<_>>()?,
            iou_head: mlp(vb.pp("iou_prediction_head"))?,
            memory: Kept::new(),
        })
    }

    /// Prepares an image: `embedding` (4096, 256), `dense` the prompt's dense part, one row for all
    /// tokens or one for each.
    pub(crate) fn image_side(&self, embedding: &[f32], dense: &[f32]) -> ImageSide {
        let tokens = embedding.iter().zip(dense.iter().cycle()).map(|(a, b)| a + b).collect();
        self.first_image.project(self.isa, tokens, &self.upscaler.first)
    }

    /// Answers one prompt: `sparse` its tokens (tokens, 256), `masks` which of the four masks,
    /// `extent` where their logits are computed.
    pub(crate) fn decode(
        &self,
        image: &ImageSide,
        sparse: &[f32],
        masks: std::ops::Range<usize>,
        extent: Extent,
    ) -> Answer {
        self.memory.lend(|memory| self.decode_in(image, sparse, masks, extent, memory))
    }

    fn decode_in(
        &self,
        image: &ImageSide,
        sparse: &[f32],
        masks: std::ops::Range<usize>,
        extent: Extent,
        Memory { state, changes: [first, second] }: &mut Memory,
    ) -> Answer {
        let isa = self.isa;
        state.resize(TOKENS * EMBED_DIM, 0.0);
        let tokens = [&self.output_tokens, sparse].concat();
        let [layer0, layer1] = &self.layers;

        let mut queries = layer0.self_attention.forward(isa, &tokens, &tokens);
        layer0.norms[0].apply(isa, &mut queries);
        let attended = layer0.token_to_image.cached(isa, image, &plus(&queries, &tokens));
        layer0.finish_tokens(isa, &mut queries, &attended);

        // Layer 0's image update and layer 1's look at it share each block of the image.
        let update0 = layer0.image_to_token.folded(isa, &queries, &tokens);
        let with_positions = plus(&queries, &tokens);
        let attended = layer1.self_attention.forward(isa, &with_positions, &queries);
        queries = plus(&queries, &attended);
        layer1.norms[0].apply(isa, &mut queries);
        let look = layer1.token_to_image.folded(isa, &plus(&queries, &tokens));
        let columns = update0.columns();
        first.resize(TOKENS, columns);
        let partials = blocks(state, first, columns).map_init(
            || Scratch::new(tokens.len() / EMBED_DIM),
            |scratch, Block { rows, state, weights, moments }| {
                heads::scores(
                    isa,
                    part(&image.queries, &rows, INNER),
                    &update0.keys,
                    weights,
                    false,
                );
                elementwise::softmax_over_tokens(isa, weights, columns);
                state.copy_from_slice(part(&image.tokens, &rows, EMBED_DIM));
                update0.apply(isa, weights, state, moments);
                look.partial(isa, state, rows, scratch)
            },
        );
        let aggregated = join(&partials.collect::<Vec<_>>(), EMBED_DIM);
        let attended = layer1.token_to_image.values(isa, &aggregated);
        layer1.finish_tokens(isa, &mut queries, &attended);

        // Layer 1's image update and the final look at it.
        let update1 = layer1.image_to_token.folded(isa, &queries, &tokens);
        let look = self.final_attention.folded(isa, &plus(&queries, &tokens));
        second.resize(TOKENS, columns);
        let partials = blocks(state, second, columns).map_init(
            || Scratch::new(tokens.len() / EMBED_DIM),
            |scratch, Block { rows, state, weights, moments }| {
                update1.scores(isa, state, &rows, weights);
                elementwise::softmax_over_tokens(isa, weights, columns);
                update1.apply(isa, weights, state, moments);
                look.partial(isa, state, rows, scratch)
            },
        );
        let aggregated = join(&partials.collect::<Vec<_>>(), EMBED_DIM);
        queries = plus(&queries, &self.final_attention.values(isa, &aggregated));
        self.final_norm.apply(isa, &mut queries);

        let token = |i: usize| &queries[i * EMBED_DIM..(i + 1) * EMBED_DIM];
        let iou = self.iou_head.forward(isa, token(0));
        let weights = masks.clone().flat_map(|i| self.hypernetworks[i].forward(isa, token(1 + i)));
        let changes = self.upscaler.first.changes(
            isa,
            &image.upscaled,
            [first, second],
            [&update0.values, &update1.values],
        );
        let logits = self.upscaler.forward(isa, &changes, &weights.collect::<Vec<_>>(), extent);
        masks.map(|i| iou[i]).zip(logits).collect()
    }
}

/// What a prompt makes of the image.
#[derive(Default)]
struct Memory {
    /// The image's tokens, (4096, 256).
    state: Vec<f32>,
    /// How they were changed.
    changes: [Change; 2],
}

/// A block of the image's tokens, and the part of their change that belongs to it.
struct Block<'a> {
    rows: std::ops::Range<usize>,
    state: &'a mut [f32],
    weights: &'a mut [f32],
    moments: &'a mut [f32],
}

fn blocks<'a>(
    state: &'a mut [f32],
    change: &'a mut Change,
    columns: usize,
) -> impl IndexedParallelIterator<Item = Block<'a>> {
    let weights = change.weights.par_chunks_exact_mut(BLOCK * columns);
    let moments = change.moments.par_chunks_exact_mut(2 * BLOCK);
    let parts = state.par_chunks_exact_mut(BLOCK * EMBED_DIM).zip(weights).zip(moments);
    parts.enumerate().map(|(index, ((state, weights), moments))| {
        let rows = index * BLOCK..(index + 1) * BLOCK;
        Block { rows, state, weights, moments }
    })
}

fn part<'a>(x: &'a [f32], rows: &std::ops::Range<usize>, width: usize) -> &'a [f32] {
    &x[rows.start * width..rows.end * width]
}

/// Memory for one block of the image.
struct Scratch {
    /// (256, 8 T)
    scores: Vec<f32>,
}

impl Scratch {
    fn new(tokens: usize) -> Self {
        Self { scores: vec![0.0; BLOCK * HEADS * tokens] }
    }
}

struct Layer {
    self_attention: SelfAttention,
    token_to_image: TokenToImage,
    image_to_token: ImageToToken,
    mlp: Mlp,
    /// After self-attention, token-to-image attention and MLP.
    norms: [Norm; 3],
}

impl Layer {
    fn load(isa: Isa, vb: &VarBuilder<'_>, positions: &[f32]) -> Result<Self> {
        let norm = |i: usize| Norm::load(&vb.pp(format!("norm{i}")), EPS);
        Ok(Self {
            self_attention: SelfAttention::load(isa, &vb.pp("self_attn"))?,
            token_to_image: TokenToImage::load(
                isa,
                &vb.pp("cross_attn_token_to_image"),
                positions,
            )?,
            image_to_token: ImageToToken::load(isa, vb, positions)?,
            mlp: Mlp::load(isa, &vb.pp("mlp"), &["lin1", "lin2"])?,
            norms: [norm(1)?, norm(2)?, norm(3)?],
        })
    }

    /// Adds what the tokens saw in the image, then the MLP.
    fn finish_tokens(&self, isa: Isa, queries: &mut Vec<f32>, attended: &[f32]) {
        *queries = plus(queries, attended);
        self.norms[1].apply(isa, queries);
        *queries = plus(queries, &self.mlp.forward(isa, queries));
        self.norms[2].apply(isa, queries);
    }
}

/// Layer 0's projections of the image, which no prompt has touched yet.
struct FirstImage {
    keys: Linear,
    values: Linear,
    queries: Linear,
    /// (4096, 256)
    positions: Vec<f32>,
}

impl FirstImage {
    /// `vb` at the transformer's layer 0.
    fn load(isa: Isa, vb: &VarBuilder<'_>, positions: &[f32]) -> Result<Self> {
        Ok(Self {
            keys: interleaved_projection(isa, &vb.pp("cross_attn_token_to_image.k_proj"))?,
            values: interleaved_projection(isa, &vb.pp("cross_attn_token_to_image.v_proj"))?,
            queries: interleaved_projection(isa, &vb.pp("cross_attn_image_to_token.q_proj"))?,
            positions: positions.to_vec(),
        })
    }

    fn project(&self, isa: Isa, tokens: Vec<f32>, upscaling: &FirstStep) -> ImageSide {
        let placed = plus(&tokens, &self.positions);
        let project = |layer: &Linear, x: &[f32]| project_all(isa, layer, x);
        ImageSide {
            keys: project(&self.keys, &placed),
            values: project(&self.values, &tokens),
            queries: project(&self.queries, &placed),
            upscaled: upscaling.image(isa, &tokens),
            tokens,
        }
    }
}

/// A (128, 256) projection whose outputs are interleaved.
fn interleaved_projection(isa: Isa, vb: &VarBuilder<'_>) -> Result<Linear> {
    let (weight, bias) =
        (values(&vb.get((INNER, EMBED_DIM), "weight")?)?, values(&vb.get(INNER, "bias")?)?);
    // Output `d · 8 + h` of the new layer is output `h · 16 + d` of the old.
    let old = |new: usize| new % HEADS * HEAD + new / HEADS;
    debug_assert_eq!(interleaved(old(9) / HEAD, old(9) % HEAD), 9);
    let weight = Packed::new(isa, EMBED_DIM, INNER, |k, j| weight[old(j) * EMBED_DIM + k]);
    Ok(Linear::from_packed(weight, (0..INNER).map(|j| bias[old(j)]).collect()))
}

fn project_all(isa: Isa, layer: &Linear, x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len() / EMBED_DIM * INNER];
    layer.blocks(isa, x, &mut out, |_, rows| elementwise::add_bias(isa, rows, &layer.bias));
    out
}

/// Attention of the prompt's tokens to the image.
struct TokenToImage {
    q: Linear,
    keys: Folded,
    values: HeadValues,
    out: Linear,
    /// The positions' part of the keys, without bias: (4096, 128) interleaved. (A key's bias adds
    /// the same to all scores of a query, which the softmax does not see.)
    key_positions: Vec<f32>,
}

impl TokenToImage {
    fn load(isa: Isa, vb: &VarBuilder<'_>, positions: &[f32]) -> Result<Self> {
        let weight = values(&vb.get((INNER, EMBED_DIM), "k_proj.weight")?)?;
        let projection = interleaved_projection(isa, &vb.pp("k_proj"))?.with_bias(vec![0.0; INNER]);
        Ok(Self {
            q: Linear::load(isa, &vb.pp("q_proj"))?,
            keys: Folded::new(isa, |inner, channel| weight[inner * EMBED_DIM + channel]),
            values: HeadValues::load(isa, &vb.pp("v_proj"))?,
            out: Linear::load(isa, &vb.pp("out_proj"))?,
            key_positions: project_all(isa, &projection, positions),
        })
    }

    /// Queries, scaled: (tokens, 128).
    fn queries(&self, isa: Isa, tokens: &[f32]) -> Vec<f32> {
        let mut q = self.q.few(isa, tokens);
        q.iter_mut().for_each(|q| *q /= (HEAD as f32).sqrt());
        q
    }

    /// The whole attention on keys and values that are already projected (layer 0).
    fn cached(&self, isa: Isa, image: &ImageSide, tokens: &[f32]) -> Vec<f32> {
        let queries = interleave(&self.queries(isa, tokens));
        let columns = queries.len() / HEAD;
        let partials: Vec<Partial> = (0..TOKENS / BLOCK)
            .into_par_iter()
            .map_init(
                || vec![0.0; BLOCK * columns],
                |scores, index| {
                    let rows = index * BLOCK..(index + 1) * BLOCK;
                    heads::scores(isa, part(&image.keys, &rows, INNER), &queries, scores, false);
                    let mut partial = Partial::new(columns, columns * HEAD);
                    elementwise::exp_columns(isa, scores, &mut partial.top, &mut partial.total);
                    heads::weighted_sums(
                        isa,
                        scores,
                        part(&image.values, &rows, INNER),
                        &mut partial.sums,
                    );
                    partial
                },
            )
            .collect();
        self.out.few(isa, &deinterleave(&join_interleaved(&partials)))
    }

    /// The attention's look at image tokens that only exist block by block.
    fn folded(&self, isa: Isa, tokens: &[f32]) -> Look<'_> {
        let queries = self.queries(isa, tokens);
        let folded = self.keys.fold(isa, &queries);
        let columns = folded.len() / EMBED_DIM;
        Look {
            keys: Packed::new(isa, EMBED_DIM, columns, |k, j| folded[j * EMBED_DIM + k]),
            queries: interleave(&queries),
            positions: &self.key_positions,
        }
    }

    /// Projects what was aggregated: (8 T, 256) → (T, 256).
    fn values(&self, isa: Isa, aggregated: &[f32]) -> Vec<f32> {
        self.out.few(isa, &self.values.forward(isa, aggregated))
    }
}

/// Queries of a prompt, folded with the image's key projection.
struct Look<'a> {
    /// (256, 8 T)
    keys: Packed,
    /// (T, 128) interleaved.
    queries: Vec<f32>,
    positions: &'a [f32],
}

impl Look<'_> {
    /// Scores and aggregated tokens of one block of the image.
    fn partial(
        &self,
        isa: Isa,
        block: &[f32],
        rows: std::ops::Range<usize>,
        scratch: &mut Scratch,
    ) -> Partial {
        let columns = self.keys.columns();
        let scores = &mut scratch.scores;
        let a = Rows { data: block, row: EMBED_DIM, column: 1 };
        gemm(
            isa,
            BLOCK,
            a,
            self.keys.view(isa),
            Sums { data: scores, stride: columns, accumulate: false },
        );
        heads::scores(isa, part(self.positions, &rows, INNER), &self.queries, scores, true);
        let mut partial = Partial::new(columns, columns * EMBED_DIM);
        elementwise::exp_columns(isa, scores, &mut partial.top, &mut partial.total);
        let weights = Rows { data: scores, row: 1, column: columns };
        let values = Columns::rows(isa, block, BLOCK, EMBED_DIM, EMBED_DIM);
        let sums = Sums { data: &mut partial.sums, stride: EMBED_DIM, accumulate: false };
        gemm(isa, columns, weights, values, sums);
        partial
    }
}

/// Attention of the image to the prompt's tokens, and the norm after it.
struct ImageToToken {
    k: Linear,
    v: Linear,
    queries: Folded,
    out: Folded,
    /// The output's bias, shared out among the heads.
    bias_share: Vec<f32>,
    /// The positions' part of the queries, with their bias: (4096, 128) interleaved.
    query_positions: Vec<f32>,
    norm: Norm,
}

impl ImageToToken {
    /// `vb` at the layer.
    fn load(isa: Isa, vb: &VarBuilder<'_>, positions: &[f32]) -> Result<Self> {
        let norm = Norm::load(&vb.pp("norm4"), EPS)?;
        let vb = vb.pp("cross_attn_image_to_token");
        let queries = values(&vb.get((INNER, EMBED_DIM), "q_proj.weight")?)?;
        let out = values(&vb.get((EMBED_DIM, INNER), "out_proj.weight")?)?;
        let out_bias = values(&vb.get(EMBED_DIM, "out_proj.bias")?)?;
        Ok(Self {
            k: Linear::load(isa, &vb.pp("k_proj"))?,
            v: Linear::load(isa, &vb.pp("v_proj"))?,
            queries: Folded::new(isa, |inner, channel| queries[inner * EMBED_DIM + channel]),
            out: Folded::new(isa, |inner, channel| out[channel * INNER + inner]),
            bias_share: out_bias.iter().map(|bias| bias / HEADS as f32).collect(),
            query_positions: project_all(
                isa,
                &interleaved_projection(isa, &vb.pp("q_proj"))?,
                positions,
            ),
            norm,
        })
    }

    fn folded(&self, isa: Isa, queries: &[f32], tokens: &[f32]) -> Update<'_> {
        let mut keys = self.k.few(isa, &plus(queries, tokens));
        keys.iter_mut().for_each(|k| *k /= (HEAD as f32).sqrt());
        let folded = self.queries.fold(isa, &keys);
        let columns = folded.len() / EMBED_DIM;
        let mut values = self.out.fold(isa, &self.v.few(isa, queries));
        for row in values.chunks_exact_mut(EMBED_DIM) {
            row.iter_mut().zip(&self.bias_share).for_each(|(value, share)| *value += share);
        }
        Update {
            attention: self,
            queries: Packed::new(isa, EMBED_DIM, columns, |k, j| folded[j * EMBED_DIM + k]),
            keys: interleave(&keys),
            values,
        }
    }
}

/// Keys and values of a prompt's tokens, folded with the image's query and output projections.
struct Update<'a> {
    attention: &'a ImageToToken,
    /// (256, 8 T)
    queries: Packed,
    /// (T, 128) interleaved.
    keys: Vec<f32>,
    /// (8 T, 256). Each head's weights add up to 1, so that an eighth of the output's bias in every
    /// row is the bias.
    values: Vec<f32>,
}

impl Update<'_> {
    fn columns(&self) -> usize {
        self.queries.columns()
    }

    /// Scores of a block of the image against the tokens.
    fn scores(&self, isa: Isa, block: &[f32], rows: &std::ops::Range<usize>, scores: &mut [f32]) {
        let a = Rows { data: block, row: EMBED_DIM, column: 1 };
        let sums = Sums { data: scores, stride: self.columns(), accumulate: false };
        gemm(isa, BLOCK, a, self.queries.view(isa), sums);
        let positions = part(&self.attention.query_positions, rows, INNER);
        heads::scores(isa, positions, &self.keys, scores, true);
    }

    /// `LayerNorm(state + weights · values)` in place; means and 1/σ go to `moments`.
    fn apply(&self, isa: Isa, weights: &[f32], state: &mut [f32], moments: &mut [f32]) {
        let columns = self.columns();
        let a = Rows { data: weights, row: columns, column: 1 };
        let values = Columns::rows(isa, &self.values, columns, EMBED_DIM, EMBED_DIM);
        gemm(isa, BLOCK, a, values, Sums { data: state, stride: EMBED_DIM, accumulate: true });
        let Norm { weight, bias, eps } = &self.attention.norm;
        elementwise::layer_norm_moments(isa, state, weight, bias, *eps, moments);
    }
}

/// One block's share of a softmax over the image and of what it weighs.
struct Partial {
    /// Largest score of each column (token · 8 + head).
    top: Vec<f32>,
    /// Σ e^(score − top).
    total: Vec<f32>,
    /// Σ e^(score − top) · value.
    sums: Vec<f32>,
}

impl Partial {
    fn new(columns: usize, sums: usize) -> Self {
        Self { top: vec![0.0; columns], total: vec![0.0; columns], sums: vec![0.0; sums] }
    }
}

/// The factor of every block for every column, in the order of the blocks.
fn factors(partials: &[Partial]) -> Vec<Vec<f32>> {
    let columns = partials[0].top.len();
    let mut factors = vec![vec![0.0; columns]; partials.len()];
    for j in 0..columns {
        let top = partials.iter().map(|p| p.top[j]).fold(f32::NEG_INFINITY, f32::max);
        let share = |p: &Partial| (p.top[j] - top).exp();
        let total: f32 = partials.iter().map(|p| share(p) * p.total[j]).sum();
        for (factors, p) in factors.iter_mut().zip(partials) {
            factors[j] = share(p) / total;
        }
    }
    factors
}

/// Joins blocks whose sums are (columns, width).
fn join(partials: &[Partial], width: usize) -> Vec<f32> {
    let mut out = vec![0.0; partials[0].sums.len()];
    for (partial, factors) in partials.iter().zip(factors(partials)) {
        let rows = out.chunks_exact_mut(width).zip(partial.sums.chunks_exact(width));
        for ((out, sums), factor) in rows.zip(factors) {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out += factor * sum;
            }
        }
    }
    out
}

/// Joins blocks whose sums are (tokens, 128) interleaved.
fn join_interleaved(partials: &[Partial]) -> Vec<f32> {
    let mut out = vec![0.0; partials[0].sums.len()];
    for (partial, factors) in partials.iter().zip(factors(partials)) {
        for (index, (out, sum)) in out.iter_mut().zip(&partial.sums).enumerate() {
            let (token, head) = (index / INNER, index % HEADS);
            *out += factors[token * HEADS + head] * sum;
        }
    }
    out
}
