//! What the mask decoder computes once for all prompts of an image.
//!
//! The decoder never forms the image's tokens after a prompt has changed them (see `change.rs`); all
//! that it asks of them are products with weights, and those of the unchanged tokens K are the same
//! for every prompt. With C taking away a row's mean and γ1, γ2 the weights of the norms after the
//! two changes,
//!
//! ```text
//! K1 = K·C      K2 = K·C·γ1·C
//! ```
//!
//! are what the norms see of K; the maps here are products of K, K·C·γ1 and K·C·γ1·C·γ2.

use std::ops::{Index, Range};

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::elementwise::{dot, sum};
use super::gemm::{Columns, Packed, gemm};
use super::heads::{HEAD, HEADS, INNER, interleaved};
use super::isa::{Isa, for_each_isa};
use super::linear::{Linear, values};
use super::microkernel::{Rows, Sums};
use super::token_side::{Norm, plus};
use crate::network::EMBED_DIM;

/// Image tokens that pass through all steps together.
pub(crate) const BLOCK: usize = 256;

/// A product of the image's tokens. All but the last are (4096, 128); all but values and the last
/// are interleaved (see `heads.rs`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Map {
    /// Layer 0's token-to-image keys and values, and image-to-token queries.
    Layer0Keys,
    Layer0Values,
    Layer0Queries,
    /// K1 and K2, weighted so that they meet layer 0's change, times its output projection.
    Change0Of1,
    Change0Of2,
    /// Layer 1's keys, values and queries, without what does not depend on K.
    Layer1Keys,
    Layer1Values,
    Layer1Queries,
    /// K2 times the output projection of layer 1's change.
    Change1,
    /// The final attention's keys and values.
    FinalKeys,
    FinalValues,
    /// The upscaler's first step: (4096, 256), row, column and channel.
    Upscaled,
}

const MAPS: usize = Map::Upscaled as usize + 1;
/// Numbers of a row that the norms need, see [`ImageSide::squares`].
const SQUARES: usize = 3;

/// How the maps are made: constants of a model.
pub(crate) struct Projections {
    maps: Vec<Linear>,
    /// Every map of the directions in which mask prompts change the tokens, without biases:
    /// (17, outputs).
    mask_maps: Vec<Vec<f32>>,
    /// Those directions: (17, 256).
    mask_directions: Vec<f32>,
    /// (4096, 256)
    positions: Vec<f32>,
    /// γ1, bo1, γ1·C·bo1, and bo2 + β1.
    scale: Vec<f32>,
    bias: Vec<f32>,
    weighted_bias: Vec<f32>,
    next_bias: Vec<f32>,
}

/// What depends on an image (and a mask prompt) but not on points or boxes.
#[derive(Debug, Default)]
pub(crate) struct ImageSide {
    /// (4096, 256)
    tokens: Vec<f32>,
    maps: Vec<Vec<f32>>,
    /// Of every row |K1|² + 2 K1·bo1, |K2|² + 2 (K2γ1)·C·bo1 and 2 K2·(bo2 + β1), with bo1 and bo2
    /// the biases of the changes' output projections and β1 the first norm's.
    squares: Vec<f32>,
}

impl Index<Map> for ImageSide {
    type Output = [f32];

    fn index(&self, map: Map) -> &[f32] {
        &self.maps[map as usize]
    }
}

impl ImageSide {
    /// Rows of a map with 128 channels.
    pub(crate) fn rows(&self, map: Map, rows: &Range<usize>) -> &[f32] {
        &self[map][rows.start * INNER..rows.end * INNER]
    }

    pub(crate) fn squares(&self, rows: &Range<usize>) -> &[f32] {
        &self.squares[rows.start * SQUARES..rows.end * SQUARES]
    }
}

impl Projections {
    /// `vb` at `mask_decoder`, `norms` those after the two changes, `positions` (4096, 256),
    /// `mask_directions` (17, 256) as the prompt encoder gives them.
    pub(crate) fn load(
        isa: Isa,
        vb: &VarBuilder<'_>,
        norms: [&Norm; 2],
        positions: &[f32],
        mask_directions: &[f32],
    ) -> Result<Self> {
        let transformer = vb.pp("transformer");
        let layer = |i: usize| transformer.pp("layers").pp(i);
        let (looks, changes) = ("cross_attn_token_to_image", "cross_attn_image_to_token");
        let last = transformer.pp("final_attn_token_to_image");
        let [first, second] = norms.map(|norm| norm.weight.as_slice());
        let one = [Step::Centre, Step::Scale(first)];
        let two = [one[0], one[1], Step::Centre, Step::Scale(second)];

        // A projection of the tokens into an attention.
        let load = |vb: VarBuilder<'_>, steps: &[Step<'_>], with_bias: bool| -> Result<_> {
            let weight = before(steps, values(&vb.get((INNER, EMBED_DIM), "weight")?)?);
            let bias = if with_bias { values(&vb.get(INNER, "bias")?)? } else { vec![0.0; INNER] };
            Ok((weight, bias))
        };
        let into = |vb: VarBuilder<'_>, steps: &[Step<'_>], with_bias: bool| -> Result<Linear> {
            let (weight, bias) = load(vb, steps, with_bias)?;
            Ok(interleaved_projection(isa, &weight, &bias))
        };
        let plain = |vb: VarBuilder<'_>, steps: &[Step<'_>], with_bias: bool| -> Result<Linear> {
            let (weight, bias) = load(vb, steps, with_bias)?;
            let weight = Packed::new(isa, EMBED_DIM, INNER, |k, j| weight[j * EMBED_DIM + k]);
            Ok(Linear::from_packed(weight, bias))
        };
        // The product with what comes out of a change: its projection's transpose.
        let out_of = |vb: VarBuilder<'_>, steps: &[Step<'_>]| -> Result<Linear> {
            let weight = vb.pp("out_proj").get((EMBED_DIM, INNER), "weight")?.t()?;
            let weight = before(steps, values(&weight)?);
            Ok(interleaved_projection(isa, &weight, &[0.0; INNER]))
        };
        let up = vb.pp("output_upscaling").pp(0).get_unchecked("weight")?;
        let up = before(&two, values(&up.permute((2, 3, 1, 0))?)?);
        let outputs = up.len() / EMBED_DIM;
        let up = Packed::new(isa, EMBED_DIM, outputs, |k, j| up[j * EMBED_DIM + k]);

        let change = |i: usize| layer(i).pp(changes);
        let squared = [one[0], one[1], Step::Centre, one[1], Step::Centre];
        let maps = vec![
            into(layer(0).pp(looks).pp("k_proj"), &[], true)?,
            plain(layer(0).pp(looks).pp("v_proj"), &[], true)?,
            into(change(0).pp("q_proj"), &[], true)?,
            out_of(change(0), &[Step::Centre])?,
            out_of(change(0), &squared)?,
            into(layer(1).pp(looks).pp("k_proj"), &one, false)?,
            plain(layer(1).pp(looks).pp("v_proj"), &one, false)?,
            into(change(1).pp("q_proj"), &one, false)?,
            out_of(change(1), &two[..3])?,
            into(last.pp("k_proj"), &two, false)?,
            plain(last.pp("v_proj"), &two, false)?,
            Linear::from_packed(up, vec![0.0; outputs]),
        ];
        debug_assert_eq!(maps.len(), MAPS);
        let bias = |i: usize| values(&change(i).pp("out_proj").get(EMBED_DIM, "bias")?);
        let mask_map = |map: &Linear| {
            let mut out = vec![0.0; mask_directions.len() / EMBED_DIM * map.outputs()];
            map.product(isa, mask_directions, &mut out);
            out
        };
        let mut weighted_bias = bias(0)?;
        centre(&mut weighted_bias);
        weighted_bias.iter_mut().zip(first).for_each(|(bias, scale)| *bias *= scale);
        Ok(Self {
            mask_maps: maps.iter().map(mask_map).collect(),
            mask_directions: mask_directions.to_vec(),
            maps,
            positions: positions.to_vec(),
            scale: first.to_vec(),
            bias: bias(0)?,
            weighted_bias,
            next_bias: plus(&bias(1)?, &norms[0].bias),
        })
    }

    /// The maps of an image's tokens, (4096, 256), under a prompt without a mask.
    pub(crate) fn image(&self, isa: Isa, tokens: Vec<f32>) -> ImageSide {
        let placed = plus(&tokens, &self.positions);
        let map = |(index, map): (usize, &Linear)| {
            // Keys and queries see where a token is.
            let is_placed =
                [Map::Layer0Keys, Map::Layer0Queries].iter().any(|&m| m as usize == index);
            all_rows(isa, map, if is_placed { &placed } else { &tokens })
        };
        let maps = self.maps.iter().enumerate().map(map).collect();
        let mut squares = Vec::new();
        self.squares(isa, &tokens, &mut squares);
        ImageSide { tokens, maps, squares }
    }

    /// The same image under a mask prompt, `rows` (4096, 17) as the prompt encoder gives them. A mask
    /// changes the tokens in 17 directions, so that most of the work is copying.
    pub(crate) fn with_mask(&self, isa: Isa, image: &ImageSide, rows: &[f32], out: &mut ImageSide) {
        let depth = self.mask_directions.len() / EMBED_DIM;
        let add = |from: &[f32], directions: &[f32], to: &mut Vec<f32>| {
            let width = directions.len() / depth;
            to.resize(from.len(), 0.0);
            let blocks = to.par_chunks_mut(BLOCK * width).zip(from.par_chunks(BLOCK * width));
            blocks.zip(rows.par_chunks(BLOCK * depth)).for_each(|((to, from), rows)| {
                to.copy_from_slice(from);
                let directions = Columns::rows(isa, directions, depth, width, width);
                let sums = Sums { data: to, stride: width, accumulate: true };
                let count = rows.len() / depth;
                gemm(isa, count, Rows { data: rows, row: depth, column: 1 }, directions, sums);
            });
        };
        add(&image.tokens, &self.mask_directions, &mut out.tokens);
        out.maps.resize(MAPS, Vec::new());
        for ((from, directions), to) in image.maps.iter().zip(&self.mask_maps).zip(&mut out.maps) {
            add(from, directions, to);
        }
        self.squares(isa, &out.tokens, &mut out.squares);
    }

    fn squares(&self, isa: Isa, tokens: &[f32], squares: &mut Vec<f32>) {
        let biases = [&self.bias, &self.weighted_bias, &self.next_bias].map(Vec::as_slice);
        squares.resize(tokens.len() / EMBED_DIM * SQUARES, 0.0);
        let blocks = squares.par_chunks_mut(BLOCK * SQUARES);
        blocks.zip(tokens.par_chunks(BLOCK * EMBED_DIM)).for_each(|(squares, tokens)| {
            row_squares(isa, tokens, &self.scale, biases, squares);
        });
    }
}

for_each_isa! {
    /// [`ImageSide::squares`]
    fn row_squares(tokens: &[f32], scale: &[f32], biases: [&[f32]; 3], out: &mut [f32]) {
        let mut x = [0.0f32; EMBED_DIM];
        let rows = tokens.chunks_exact(EMBED_DIM).zip(out.chunks_exact_mut(SQUARES));
        for (row, out) in rows {
            x.copy_from_slice(row);
            take_mean(&mut x);
            out[0] = dot::<FMA>(&x, &x) + 2.0 * dot::<FMA>(&x, biases[0]);
            for (x, scale) in x.iter_mut().zip(scale) {
                *x *= scale;
            }
            take_mean(&mut x);
            out[1] = dot::<FMA>(&x, &x) + 2.0 * dot::<FMA>(&x, biases[1]);
            out[2] = 2.0 * dot::<FMA>(&x, biases[2]);
        }
    }
}

#[inline(always)]
fn take_mean(row: &mut [f32; EMBED_DIM]) {
    let mean = sum(row, |x| x) / EMBED_DIM as f32;
    for x in row {
        *x -= mean;
    }
}

/// A (128, 256) projection whose outputs are interleaved.
pub(crate) fn interleaved_projection(isa: Isa, weight: &[f32], bias: &[f32]) -> Linear {
    // Output `d · 8 + h` of the new layer is output `h · 16 + d` of the old.
    let old = |new: usize| new % HEADS * HEAD + new / HEADS;
    debug_assert_eq!(interleaved(old(9) / HEAD, old(9) % HEAD), 9);
    let weight = Packed::new(isa, EMBED_DIM, INNER, |k, j| weight[old(j) * EMBED_DIM + k]);
    Linear::from_packed(weight, (0..INNER).map(|j| bias[old(j)]).collect())
}

/// The positions' parts of attentions to and of the changed image: (4096, 128) interleaved.
pub(crate) struct Positions {
    pub(crate) layer1_keys: Vec<f32>,
    /// As [`query_positions`] gives it.
    pub(crate) layer1_queries: Vec<f32>,
    pub(crate) final_keys: Vec<f32>,
}

impl Positions {
    /// `vb` at `mask_decoder`, `offset` what is added to all of layer 1's image tokens.
    pub(crate) fn load(
        isa: Isa,
        vb: &VarBuilder<'_>,
        offset: &[f32],
        positions: &[f32],
    ) -> Result<Self> {
        let vb = vb.pp("transformer");
        let layer = vb.pp("layers.1");
        let keys = |vb: VarBuilder<'_>| -> Result<Vec<f32>> {
            let weight = values(&vb.get((INNER, EMBED_DIM), "k_proj.weight")?)?;
            Ok(all_rows(isa, &interleaved_projection(isa, &weight, &[0.0; INNER]), positions))
        };
        let change = layer.pp("cross_attn_image_to_token");
        Ok(Self {
            layer1_keys: keys(layer.pp("cross_attn_token_to_image"))?,
            layer1_queries: query_positions(isa, &change, offset, positions)?,
            final_keys: keys(vb.pp("final_attn_token_to_image"))?,
        })
    }
}

/// What `positions`, the bias and `offset`, which is added to every token, make of the queries of the
/// attention at `vb`.
pub(crate) fn query_positions(
    isa: Isa,
    vb: &VarBuilder<'_>,
    offset: &[f32],
    positions: &[f32],
) -> Result<Vec<f32>> {
    let weight = values(&vb.get((INNER, EMBED_DIM), "q_proj.weight")?)?;
    let bias = values(&vb.get(INNER, "q_proj.bias")?)?;
    let x: Vec<f32> = positions.iter().zip(offset.iter().cycle()).map(|(a, b)| a + b).collect();
    Ok(all_rows(isa, &interleaved_projection(isa, &weight, &bias), &x))
}

/// A layer on all rows, on all threads.
fn all_rows(isa: Isa, layer: &Linear, x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len() / EMBED_DIM * layer.outputs()];
    layer.blocks(isa, x, &mut out, |_, rows| layer.add_bias(isa, rows));
    out
}

/// A step on the way from the image's tokens to a projection of them.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// Takes away a row's mean.
    Centre,
    /// Times a norm's weights.
    Scale(&'a [f32]),
}

/// A projection, (outputs, 256), that takes `steps` into itself.
fn before(steps: &[Step<'_>], mut weight: Vec<f32>) -> Vec<f32> {
    for row in weight.chunks_exact_mut(EMBED_DIM) {
        for step in steps.iter().rev() {
            match step {
                Step::Centre => centre(row),
                Step::Scale(scale) => row.iter_mut().zip(*scale).for_each(|(x, s)| *x *= s),
            }
        }
    }
    weight
}

/// Takes away the mean.
pub(crate) fn centre(row: &mut [f32]) {
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64;
    row.iter_mut().for_each(|x| *x -= mean as f32);
}
