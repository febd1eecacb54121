//! The mask decoder, with the products that are the same for all prompts of an image computed once
//! per image.
//!
//! A prompt has T tokens (7 for one point), the image 4096. What a prompt changes of the image's
//! tokens is kept as factors of few columns (`change.rs`), so that the tokens themselves are never
//! formed. The image passes by in blocks.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::change::{Changed, EPS, FirstChange, ImageToToken, Scratch, SecondChange};
use super::heads::HEADS;
use super::image_side::{BLOCK, ImageSide, Map, Positions, Projections};
use super::isa::Isa;
use super::kept::Kept;
use super::linear::values;
use super::look::{Look, Source, TokenToImage};
use super::token_side::{Mlp, Norm, SelfAttention, plus};
use super::upscaler::{Extent, Upscaler};
use crate::network::{EMBED_DIM, EMBED_SIDE};

/// Tokens of the image.
const TOKENS: usize = EMBED_SIDE * EMBED_SIDE;
/// Tokens for masks.
const MASK_TOKENS: usize = 4;

pub(crate) struct Decoder {
    isa: Isa,
    /// IoU token and mask tokens: (5, 256).
    output_tokens: Vec<f32>,
    projections: Projections,
    layers: [Layer; 2],
    final_look: TokenToImage,
    final_norm: Norm,
    positions: Positions,
    upscaler: Upscaler,
    hypernetworks: Vec<Mlp>,
    iou_head: Mlp,
    changed: Kept<Changed>,
    masked: Kept<ImageSide>,
}

/// A prompt's answer: predicted IoU and 256×256 logits of the masks that were asked for.
pub(crate) type Answer = Vec<(f32, Vec<f32>)>;

impl Decoder {
    /// `vb` at `mask_decoder`; `positions` (4096, 256) and `mask_directions` (17, 256) as the prompt
    /// encoder gives them.
    pub(crate) fn load(
        isa: Isa,
        vb: &VarBuilder<'_>,
        positions: &[f32],
        mask_directions: &[f32],
    ) -> Result<Self> {
        let transformer = vb.pp("transformer");
        let layer = |i: usize| transformer.pp("layers").pp(i);
        let norms = [0, 1].map(|i| Norm::load(&layer(i).pp("norm4"), EPS));
        let [first, second] = norms;
        let (first, second) = (first?, second?);
        let offset = first.bias.clone();
        let last = transformer.pp("final_attn_token_to_image");
        let mut output_tokens = values(&vb.get((1, EMBED_DIM), "iou_token.weight")?)?;
        output_tokens.extend(values(&vb.get((MASK_TOKENS, EMBED_DIM), "mask_tokens.weight")?)?);
        let mlp = |vb: VarBuilder<'_>| Mlp::load(isa, &vb.pp("layers"), &["0", "1", "2"]);
        let hypernetworks = vb.pp("output_hypernetworks_mlps");
        Ok(Self {
            isa,
            output_tokens,
            projections: Projections::load(isa, vb, [&first, &second], positions, mask_directions)?,
            positions: Positions::load(isa, vb, &first.bias, positions)?,
            upscaler: Upscaler::load(isa, &vb.pp("output_upscaling"), &second.bias)?,
            final_look: TokenToImage::load(isa, &last, second.bias.clone())?,
            layers: [
                Layer::load(isa, &layer(0), first, &[0.0; EMBED_DIM])?,
                Layer::load(isa, &layer(1), second, &offset)?,
            ],
            final_norm: Norm::load(&transformer.pp("norm_final_attn"), EPS)?,
            hypernetworks: (0..MASK_TOKENS)
                .map(|i| mlp(hypernetworks.pp(i)))
                .collect::<Result<_>>()?,
            iou_head: mlp(vb.pp("iou_prediction_head"))?,
            changed: Kept::new(),
            masked: Kept::new(),
        })
    }

    /// Prepares an image: `embedding` (4096, 256), `no_mask` (256) what prompts without a mask add.
    pub(crate) fn image_side(&self, embedding: &[f32], no_mask: &[f32]) -> ImageSide {
        let tokens = embedding.iter().zip(no_mask.iter().cycle()).map(|(a, b)| a + b).collect();
        self.projections.image(self.isa, tokens)
    }

    /// Answers one prompt: `mask` how its mask differs from none (4096, 17), if it has one, `sparse` its
    /// tokens (tokens, 256), `masks` which of the four masks, `extent` where their logits are computed.
    pub(crate) fn decode(
        &self,
        image: &ImageSide,
        mask: Option<&[f32]>,
        sparse: &[f32],
        masks: std::ops::Range<usize>,
        extent: Extent,
    ) -> Answer {
        let decode = |image: &ImageSide| {
            self.changed.lend(|changed| self.decode_in(image, sparse, masks, extent, changed))
        };
        let Some(mask) = mask else { return decode(image) };
        self.masked.lend(|masked| {
            self.projections.with_mask(self.isa, image, mask, masked);
            decode(masked)
        })
    }

    fn decode_in(
        &self,
        image: &ImageSide,
        sparse: &[f32],
        masks: std::ops::Range<usize>,
        extent: Extent,
        changed: &mut Changed,
    ) -> Answer {
        let isa = self.isa;
        let tokens = [&self.output_tokens, sparse].concat();
        let columns = HEADS * tokens.len() / EMBED_DIM;
        changed.resize(TOKENS, columns);
        let [layer0, layer1] = &self.layers;

        let mut queries = layer0.self_attention.forward(isa, &tokens, &tokens);
        layer0.norms[0].apply(isa, &mut queries);
        let look = layer0.look.look(isa, &plus(&queries, &tokens), &[], &[]);
        let seen = look_at_image(isa, &look, image, columns);
        layer0.finish_tokens(isa, &mut queries, &seen);

        // Layer 0's change of the image and layer 1's look at it share each block.
        let first =
            FirstChange::new(isa, &layer0.image_to_token, &layer0.image_norm, &queries, &tokens);
        let with_positions = plus(&queries, &tokens);
        let attended = layer1.self_attention.forward(isa, &with_positions, &queries);
        queries = plus(&queries, &attended);
        layer1.norms[0].apply(isa, &mut queries);
        let positions = &self.positions.layer1_keys;
        let look = layer1.look.look(isa, &plus(&queries, &tokens), positions, &first.values);
        let partials = changed.blocks().map_init(
            || Scratch::new(columns),
            |scratch, mut block| {
                first.apply(isa, image, &mut block, scratch);
                let [keys, values] =
                    [Map::Layer1Keys, Map::Layer1Values].map(|map| image.rows(map, &block.rows));
                let source = block.source(keys, values);
                look.partial(isa, &source, block.rows.start, &mut scratch.weights)
            },
        );
        let seen = look.join(isa, &partials.collect::<Vec<_>>());
        layer1.finish_tokens(isa, &mut queries, &seen);

        // Layer 1's change, and the final look.
        let second = SecondChange::new(
            isa,
            &layer1.image_to_token,
            &layer1.image_norm,
            &self.positions.layer1_queries,
            &first,
            &queries,
            &tokens,
        );
        let positions = &self.positions.final_keys;
        let look = self.final_look.look(isa, &plus(&queries, &tokens), positions, &second.values);
        let partials = changed.blocks().map_init(
            || Scratch::new(columns),
            |scratch, mut block| {
                second.apply(isa, image, &mut block, scratch);
                let [keys, values] =
                    [Map::FinalKeys, Map::FinalValues].map(|map| image.rows(map, &block.rows));
                let source = block.source(keys, values);
                look.partial(isa, &source, block.rows.start, &mut scratch.weights)
            },
        );
        queries = plus(&queries, &look.join(isa, &partials.collect::<Vec<_>>()));
        self.final_norm.apply(isa, &mut queries);

        let token = |i: usize| &queries[i * EMBED_DIM..(i + 1) * EMBED_DIM];
        let iou = self.iou_head.forward(isa, token(0));
        let weights = masks.clone().flat_map(|i| self.hypernetworks[i].forward(isa, token(1 + i)));
        let weights: Vec<f32> = weights.collect();
        let input = self.upscaler.input(isa, &image[Map::Upscaled], changed, &second.values);
        let logits = self.upscaler.forward(isa, &input, &weights, extent);
        masks.map(|i| iou[i]).zip(logits).collect()
    }
}

/// Layer 0's look, at tokens that nothing has changed.
fn look_at_image(isa: Isa, look: &Look<'_>, image: &ImageSide, columns: usize) -> Vec<f32> {
    let partials = (0..TOKENS / BLOCK).into_par_iter().map_init(
        || vec![0.0; BLOCK * columns],
        |scores, index| {
            let rows = index * BLOCK..(index + 1) * BLOCK;
            let [keys, values] =
                [Map::Layer0Keys, Map::Layer0Values].map(|map| image.rows(map, &rows));
            look.partial(isa, &Source::unchanged(keys, values), rows.start, scores)
        },
    );
    look.join(isa, &partials.collect::<Vec<_>>())
}

struct Layer {
    self_attention: SelfAttention,
    look: TokenToImage,
    image_to_token: ImageToToken,
    /// After the image's change.
    image_norm: Norm,
    mlp: Mlp,
    /// After self-attention, token-to-image attention and MLP.
    norms: [Norm; 3],
}

impl Layer {
    /// `vb` at the layer, `before` the bias of the norm after the change before.
    fn load(isa: Isa, vb: &VarBuilder<'_>, image_norm: Norm, before: &[f32]) -> Result<Self> {
        let norm = |i: usize| Norm::load(&vb.pp(format!("norm{i}")), EPS);
        Ok(Self {
            self_attention: SelfAttention::load(isa, &vb.pp("self_attn"))?,
            look: TokenToImage::load(isa, &vb.pp("cross_attn_token_to_image"), before.to_vec())?,
            image_to_token: ImageToToken::load(isa, &vb.pp("cross_attn_image_to_token"), before)?,
            image_norm,
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
