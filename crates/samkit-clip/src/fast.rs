//! CLIP on the engine's kernels for CPUs.
//!
//! Only what reaches an embedding is computed: a text's tokens up to its end, since later ones are
//! never seen from there, and in the last blocks the tokens that the embedding is read off.

use rayon::prelude::*;
use samkit_engine::layers::{
    Activation, BlockWeights, Dense, LayerNorm, Transformer, TransformerShape,
};

use crate::ClipError;
use crate::config::{self, Config, End, Stack};
use crate::towers::{Affine, Block, Towers};
use crate::weights::Weights;

/// Both towers.
pub(crate) struct Fast {
    text: Text,
    vision: Vision,
}

impl Fast {
    pub(crate) fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        Ok(Self { text: Text::load(weights, config)?, vision: Vision::load(weights, config)? })
    }
}

impl Towers for Fast {
    fn images(&self, pixels: &[f32]) -> Result<Vec<f32>, ClipError> {
        Ok(self.vision.forward(pixels))
    }

    fn texts(&self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ClipError> {
        Ok(self.text.forward(ids))
    }
}

struct Text {
    /// (vocabulary, width)
    tokens: Vec<f32>,
    /// (positions, width)
    positions: Vec<f32>,
    blocks: Transformer,
    norm: LayerNorm,
    projection: Dense,
    end: End,
}

impl Text {
    fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        let width = config.text.width;
        let embedding = |name: &str, rows| {
            weights.get(&format!("text_model.embeddings.{name}_embedding.weight"), &[rows, width])
        };
        Ok(Self {
            tokens: embedding("token", config.vocabulary)?,
            positions: embedding("position", config.positions)?,
            blocks: blocks(weights, "text_model", &config.text, true)?,
            norm: norm(&weights.norm("text_model.final_layer_norm", width)?, &config.text),
            projection: projection(weights, "text_projection.weight", config.dim, width)?,
            end: config.end,
        })
    }

    fn forward(&self, ids: &[Vec<u32>]) -> Vec<f32> {
        let width = self.projection.inputs();
        let ends: Vec<usize> = ids.iter().map(|ids| self.end.position(ids)).collect();
        let lengths: Vec<usize> = ends.iter().map(|end| end + 1).collect();
        let mut x = Vec::with_capacity(lengths.iter().sum::<usize>() * width);
        for (ids, &length) in ids.iter().zip(&lengths) {
            for (&id, position) in ids[..length].iter().zip(self.positions.chunks_exact(width)) {
                let token = &self.tokens[id as usize * width..][..width];
                x.extend(token.iter().zip(position).map(|(token, position)| token + position));
            }
        }
        let mut ends = self.blocks.forward_at(&mut x, &lengths, &ends);
        self.norm.apply(&mut ends);
        self.projection.forward(&ends)
    }
}

struct Vision {
    /// From the pixels of a patch, row by row.
    patches: Dense,
    /// The first token, with its position.
    class: Vec<f32>,
    /// (grid², width)
    positions: Vec<f32>,
    norm_before: LayerNorm,
    blocks: Transformer,
    norm_after: LayerNorm,
    projection: Dense,
    side: usize,
    patch: usize,
    grid: usize,
}

impl Vision {
    fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        let (stack, patch, grid) = (&config.vision, config.patch, config.grid());
        let width = stack.width;
        let embedding = |name: &str, shape: &[usize]| {
            weights.get(&format!("vision_model.embeddings.{name}"), shape)
        };
        let kernel = embedding("patch_embedding.weight", &[width, 3, patch, patch])?;
        let mut positions = embedding("position_embedding.weight", &[grid * grid + 1, width])?;
        let mut class = embedding("class_embedding", &[width])?;
        class.iter_mut().zip(positions.drain(..width)).for_each(|(x, position)| *x += position);
        let norm = |name: &str| Ok::<_, ClipError>(norm(&weights.norm(name, width)?, stack));
        Ok(Self {
            patches: Dense::transposed(
                &channels_last(&kernel, patch),
                &vec![0.0; width],
                Activation::None,
            ),
            class,
            positions,
            norm_before: norm("vision_model.pre_layrnorm")?,
            blocks: blocks(weights, "vision_model", stack, false)?,
            norm_after: norm("vision_model.post_layernorm")?,
            projection: projection(weights, "visual_projection.weight", config.dim, width)?,
            side: config.side,
            patch,
            grid,
        })
    }

    fn forward(&self, pixels: &[f32]) -> Vec<f32> {
        let image = self.side * self.side * 3;
        let (count, tokens) = (pixels.len() / image, self.grid * self.grid + 1);
        let mut x = self.tokens(pixels);
        let mut first = self.blocks.forward_at(&mut x, &vec![tokens; count], &vec![0; count]);
        self.norm_after.apply(&mut first);
        self.projection.forward(&first)
    }

    /// The class token and one for every patch, of every image.
    fn tokens(&self, pixels: &[f32]) -> Vec<f32> {
        let (grid, width, patch) = (self.grid, self.class.len(), self.patch);
        let (line, piece) = (self.side * 3, patch * 3);
        let patch_values = patch * piece;
        let image = self.side * line;
        let count = pixels.len() / image;
        let mut patches = vec![0.0; count * grid * grid * patch_values];
        let rows = patches.par_chunks_mut(grid * patch_values).enumerate();
        rows.for_each(|(row, out)| {
            let top = row / grid * image + row % grid * patch * line;
            for (column, out) in out.chunks_exact_mut(patch_values).enumerate() {
                for (y, out) in out.chunks_exact_mut(piece).enumerate() {
                    let start = top + y * line + column * piece;
                    out.copy_from_slice(&pixels[start..start + piece]);
                }
            }
        });
        let patches = self.patches.forward(&patches);
        let mut x = vec![0.0; count * (grid * grid + 1) * width];
        let images = x.par_chunks_mut((grid * grid + 1) * width);
        images.zip(patches.par_chunks(grid * grid * width)).for_each(|(x, patches)| {
            let (class, rest) = x.split_at_mut(width);
            class.copy_from_slice(&self.class);
            for ((x, patch), position) in rest.iter_mut().zip(patches).zip(&self.positions) {
                *x = patch + position;
            }
            self.norm_before.apply(x);
        });
        x
    }
}

/// (outputs, 3, patch, patch) → (outputs, patch, patch, 3).
fn channels_last(kernel: &[f32], patch: usize) -> Vec<f32> {
    let area = patch * patch;
    let outputs = kernel.chunks_exact(3 * area);
    outputs.flat_map(|planes| (0..3 * area).map(|i| planes[i % 3 * area + i / 3])).collect()
}

fn norm(affine: &Affine, stack: &Stack) -> LayerNorm {
    LayerNorm::new(&affine.weight, &affine.bias, stack.eps as f32)
}

fn projection(weights: &Weights, name: &str, dim: usize, width: usize) -> Result<Dense, ClipError> {
    let weight = weights.get(name, &[dim, width])?;
    Ok(Dense::transposed(&weight, &vec![0.0; dim], Activation::None))
}

fn blocks(
    weights: &Weights,
    model: &str,
    stack: &Stack,
    is_causal: bool,
) -> Result<Transformer, ClipError> {
    let mut blocks = Transformer::new(TransformerShape {
        width: stack.width,
        heads: stack.heads,
        hidden: stack.hidden,
        activation: match stack.activation {
            config::Activation::QuickGelu => Activation::QuickGelu,
            config::Activation::Gelu => Activation::Gelu,
        },
        eps: stack.eps as f32,
        is_causal,
    });
    for index in 0..stack.layers {
        let block = weights.block(model, index, stack)?;
        blocks.push(&borrowed(&block));
    }
    Ok(blocks)
}

fn borrowed(block: &Block) -> BlockWeights<'_> {
    fn both(affine: &Affine) -> [&[f32]; 2] {
        [&affine.weight, &affine.bias]
    }
    BlockWeights {
        norm1: both(&block.norm1),
        query: both(&block.query),
        key: both(&block.key),
        value: both(&block.value),
        out: both(&block.out),
        norm2: both(&block.norm2),
        widen: both(&block.widen),
        narrow: both(&block.narrow),
    }
}
