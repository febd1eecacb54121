//! CLIP in candle's operations, as `modeling_clip.py` of Hugging Face's transformers has it: plain,
//! and what the fast path is held against.

use candle_core::{D, Device, IndexOp, Result as Candle, Tensor};
use candle_nn::{LayerNorm, Linear, Module, ops};

use crate::ClipError;
use crate::config::{Activation, Config, End, Stack};
use crate::towers::{Affine, Block, Towers};
use crate::weights::Weights;

/// Both towers.
pub(crate) struct Generic {
    text: Text,
    vision: Vision,
}

impl Generic {
    pub(crate) fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        Ok(Self { text: Text::load(weights, config)?, vision: Vision::load(weights, config)? })
    }
}

impl Towers for Generic {
    fn images(&self, pixels: &[f32]) -> Result<Vec<f32>, ClipError> {
        Ok(self.vision.forward(pixels)?)
    }

    fn texts(&self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ClipError> {
        let rows = ids.iter().map(|ids| self.text.forward(ids));
        Ok(rows.collect::<Candle<Vec<_>>>()?.concat())
    }
}

struct Text {
    /// (vocabulary, width)
    tokens: Tensor,
    /// (positions, width)
    positions: Tensor,
    blocks: Vec<Layer>,
    norm: LayerNorm,
    projection: Tensor,
    end: End,
}

impl Text {
    fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        let (stack, model) = (&config.text, "text_model");
        let matrix = |name: &str, rows| table(weights, name, &[rows, stack.width]);
        Ok(Self {
            tokens: matrix("text_model.embeddings.token_embedding.weight", config.vocabulary)?,
            positions: matrix("text_model.embeddings.position_embedding.weight", config.positions)?,
            blocks: layers(weights, model, stack)?,
            norm: norm(weights.norm("text_model.final_layer_norm", stack.width)?, stack)?,
            projection: matrix("text_projection.weight", config.dim)?,
            end: config.end,
        })
    }

    /// Tokens of one text → (dim).
    fn forward(&self, ids: &[u32]) -> Candle<Vec<f32>> {
        let count = ids.len();
        let tokens = self.tokens.index_select(&Tensor::new(ids, &Device::Cpu)?, 0)?;
        let mut x = (tokens + self.positions.narrow(0, 0, count)?)?.unsqueeze(0)?;
        let mask: Vec<f32> = (0..count * count)
            .map(|at| if at % count > at / count { f32::NEG_INFINITY } else { 0.0 })
            .collect();
        let mask = Tensor::from_vec(mask, (count, count), &Device::Cpu)?;
        for block in &self.blocks {
            x = block.forward(&x, Some(&mask))?;
        }
        let end = x.i((.., self.end.position(ids)))?;
        self.norm.forward(&end)?.matmul(&self.projection.t()?)?.flatten_all()?.to_vec1()
    }
}

struct Vision {
    /// (1, 1, width)
    class: Tensor,
    /// (width, 3, patch, patch)
    patches: Tensor,
    /// (grid² + 1, width)
    positions: Tensor,
    norm_before: LayerNorm,
    blocks: Vec<Layer>,
    norm_after: LayerNorm,
    projection: Tensor,
    side: usize,
}

impl Vision {
    fn load(weights: &Weights, config: &Config) -> Result<Self, ClipError> {
        let (stack, model, patch) = (&config.vision, "vision_model", config.patch);
        let width = stack.width;
        let embedding = |name: &str, shape: &[usize]| {
            table(weights, &format!("vision_model.embeddings.{name}"), shape)
        };
        let positions = config.grid() * config.grid() + 1;
        Ok(Self {
            class: embedding("class_embedding", &[width])?.reshape((1, 1, width))?,
            patches: embedding("patch_embedding.weight", &[width, 3, patch, patch])?,
            positions: embedding("position_embedding.weight", &[positions, width])?,
            norm_before: norm(weights.norm("vision_model.pre_layrnorm", width)?, stack)?,
            blocks: layers(weights, model, stack)?,
            norm_after: norm(weights.norm("vision_model.post_layernorm", width)?, stack)?,
            projection: table(weights, "visual_projection.weight", &[config.dim, width])?,
            side: config.side,
        })
    }

    fn forward(&self, pixels: &[f32]) -> Candle<Vec<f32>> {
        let (side, width) = (self.side, self.class.dim(2)?);
        let count = pixels.len() / (side * side * 3);
        let x = Tensor::from_slice(pixels, (count, side, side, 3), &Device::Cpu)?;
        let x = x.permute((0, 3, 1, 2))?.contiguous()?;
        let x = x.conv2d(&self.patches, 0, self.patches.dim(2)?, 1, 1)?;
        let x = x.flatten_from(2)?.transpose(1, 2)?;
        let x = Tensor::cat(&[&self.class.expand((count, 1, width))?, &x], 1)?;
        let mut x = self.norm_before.forward(&x.broadcast_add(&self.positions)?)?;
        for block in &self.blocks {
            x = block.forward(&x, None)?;
        }
        let x = self.norm_after.forward(&x.i((.., 0))?.contiguous()?)?;
        x.matmul(&self.projection.t()?)?.flatten_all()?.to_vec1()
    }
}

/// A transformer block with its norms before attention and MLP.
struct Layer {
    norm1: LayerNorm,
    /// Query, key and value.
    qkv: [Linear; 3],
    out: Linear,
    norm2: LayerNorm,
    mlp: [Linear; 2],
    heads: usize,
    activation: Activation,
}

impl Layer {
    fn new(block: Block, stack: &Stack) -> Candle<Self> {
        Ok(Self {
            norm1: norm(block.norm1, stack)?,
            qkv: [linear(block.query)?, linear(block.key)?, linear(block.value)?],
            out: linear(block.out)?,
            norm2: norm(block.norm2, stack)?,
            mlp: [linear(block.widen)?, linear(block.narrow)?],
            heads: stack.heads,
            activation: stack.activation,
        })
    }

    /// `x` (sequences, tokens, width); `mask` (tokens, tokens) is added to the scores.
    fn forward(&self, x: &Tensor, mask: Option<&Tensor>) -> Candle<Tensor> {
        let x = (x + self.attention(&self.norm1.forward(x)?, mask)?)?;
        let [widen, narrow] = &self.mlp;
        let hidden = widen.forward(&self.norm2.forward(&x)?)?;
        let hidden = match self.activation {
            Activation::QuickGelu => (&hidden * ops::sigmoid(&(&hidden * 1.702)?)?)?,
            Activation::Gelu => hidden.gelu_erf()?,
        };
        x.add(&narrow.forward(&hidden)?)
    }

    fn attention(&self, x: &Tensor, mask: Option<&Tensor>) -> Candle<Tensor> {
        let (sequences, tokens, width) = x.dims3()?;
        let by_head = |layer: &Linear| {
            let shape = (sequences, tokens, self.heads, width / self.heads);
            layer.forward(x)?.reshape(shape)?.transpose(1, 2)?.contiguous()
        };
        let [query, key, value] = &self.qkv;
        let (query, key, value) = (by_head(query)?, by_head(key)?, by_head(value)?);
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let mut scores = (query * scale)?.matmul(&key.transpose(2, 3)?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&value)?;
        self.out.forward(&mixed.transpose(1, 2)?.reshape((sequences, tokens, width))?)
    }
}

fn layers(weights: &Weights, model: &str, stack: &Stack) -> Result<Vec<Layer>, ClipError> {
    let layer = |index| Ok(Layer::new(weights.block(model, index, stack)?, stack)?);
    (0..stack.layers).map(layer).collect()
}

fn table(weights: &Weights, name: &str, shape: &[usize]) -> Result<Tensor, ClipError> {
    Ok(Tensor::from_vec(weights.get(name, shape)?, shape, &Device::Cpu)?)
}

fn vector(values: Vec<f32>) -> Candle<Tensor> {
    let count = values.len();
    Tensor::from_vec(values, count, &Device::Cpu)
}

fn norm(affine: Affine, stack: &Stack) -> Candle<LayerNorm> {
    Ok(LayerNorm::new(vector(affine.weight)?, vector(affine.bias)?, stack.eps))
}

fn linear(affine: Affine) -> Candle<Linear> {
    let outputs = affine.bias.len();
    let weight = vector(affine.weight)?;
    let weight = weight.reshape((outputs, weight.elem_count() / outputs))?;
    Ok(Linear::new(weight, Some(vector(affine.bias)?)))
}
