//! What the two forms of the network share: the weights by their names, and the border between
//! the network and the rest.

use crate::ClipError;
use crate::config::Stack;
use crate::weights::Weights;

/// Both towers of a model.
pub(crate) trait Towers: Send + Sync {
    /// `pixels` (images, side, side, 3), normalised → (images, dim), not normalised.
    fn images(&self, pixels: &[f32]) -> Result<Vec<f32>, ClipError>;

    /// Tokens of texts → (texts, dim), not normalised.
    fn texts(&self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ClipError>;
}

/// Weight and bias of a linear layer (outputs, inputs) or of a LayerNorm.
pub(crate) struct Affine {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// A transformer block.
pub(crate) struct Block {
    pub(crate) norm1: Affine,
    pub(crate) query: Affine,
    pub(crate) key: Affine,
    pub(crate) value: Affine,
    pub(crate) out: Affine,
    pub(crate) norm2: Affine,
    pub(crate) widen: Affine,
    pub(crate) narrow: Affine,
}

impl Weights {
    /// The LayerNorm `name` over `width` values.
    pub(crate) fn norm(&self, name: &str, width: usize) -> Result<Affine, ClipError> {
        Ok(Affine {
            weight: self.get(&format!("{name}.weight"), &[width])?,
            bias: self.get(&format!("{name}.bias"), &[width])?,
        })
    }

    fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Affine, ClipError> {
        Ok(Affine {
            weight: self.get(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: self.get(&format!("{name}.bias"), &[outputs])?,
        })
    }

    /// Block `index` of the tower `model` (`text_model` or `vision_model`).
    pub(crate) fn block(
        &self,
        model: &str,
        index: usize,
        stack: &Stack,
    ) -> Result<Block, ClipError> {
        let name = |part: &str| format!("{model}.encoder.layers.{index}.{part}");
        let (width, hidden) = (stack.width, stack.hidden);
        let square =
            |part: &str| self.linear(&name(&format!("self_attn.{part}_proj")), width, width);
        Ok(Block {
            norm1: self.norm(&name("layer_norm1"), width)?,
            query: square("q")?,
            key: square("k")?,
            value: square("v")?,
            out: square("out")?,
            norm2: self.norm(&name("layer_norm2"), width)?,
            widen: self.linear(&name("mlp.fc1"), width, hidden)?,
            narrow: self.linear(&name("mlp.fc2"), hidden, width)?,
        })
    }
}
