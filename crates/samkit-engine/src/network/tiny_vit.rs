//! TinyViT-5M, the image encoder of MobileSAM.
//!
//! Follows `mobile_sam/modeling/tiny_vit_sam.py`. Activations are channels-last throughout, so
//! that every 1×1 convolution is a matrix product. Widths, depths, heads and window sizes are
//! read from the shapes of the weights.

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, LayerNorm, Linear, Module, VarBuilder};

use super::neck::Neck;
use super::ops::{conv_bn, depthwise_bn, depthwise3x3, gelu_erf, layer_norm, linear, pointwise_bn};
use super::windows::Windows;

/// Widths for which MobileSAM's last downsampling keeps the resolution.
const KEEPS_RESOLUTION: [usize; 3] = [320, 448, 576];

pub(crate) struct TinyVit {
    stem: [Conv2d; 2],
    stages: Vec<Stage>,
    neck: Neck,
}

struct Stage {
    width: usize,
    blocks: Vec<Block>,
    downsample: Option<PatchMerging>,
}

enum Block {
    Conv(MbConv),
    Attention(AttentionBlock),
}

impl TinyVit {
    /// Reads the network from a checkpoint, `vb` at `image_encoder`.
    pub(crate) fn load(vb: &VarBuilder<'_>) -> Result<Self> {
        let stem_width = vb.get_unchecked("patch_embed.seq.0.c.weight")?.dim(0)?;
        let mut width = vb.get_unchecked("patch_embed.seq.2.c.weight")?.dim(0)?;
        let stem = [
            stem_conv(&vb.pp("patch_embed.seq.0"), 3, stem_width)?,
            stem_conv(&vb.pp("patch_embed.seq.2"), stem_width, width)?,
        ];
        let mut stages = Vec::new();
        for index in 0.. {
            let vb = vb.pp("layers").pp(index);
            let blocks = load_blocks(&vb.pp("blocks"), width)?;
            if blocks.is_empty() {
                break;
            }
            let stage_width = width;
            let vb = vb.pp("downsample");
            let downsample = if is_convolution(&vb) {
                let merging = PatchMerging::load(&vb, width)?;
                width = merging.width;
                Some(merging)
            } else {
                None
            };
            stages.push(Stage { width: stage_width, blocks, downsample });
        }
        Ok(Self { stem, stages, neck: Neck::load(&vb.pp("neck"), width)? })
    }

    pub(crate) fn name(&self) -> String {
        self.stages
            .iter()
            .fold("TinyViT".to_owned(), |name, stage| format!("{name}-{}", stage.width))
    }

    /// (1, 3, 1024, 1024) → (1, 64, 64, 256).
    pub(crate) fn forward(&self, image: &Tensor) -> Result<Tensor> {
        let x = self.stem[1].forward(&gelu_erf(&self.stem[0].forward(image)?)?)?;
        let mut x = x.permute((0, 2, 3, 1))?.contiguous()?;
        for stage in &self.stages {
            for block in &stage.blocks {
                x = match block {
                    Block::Conv(block) => block.forward(&x)?,
                    Block::Attention(block) => block.forward(&x)?,
                };
            }
            if let Some(downsample) = &stage.downsample {
                x = downsample.forward(&x)?;
            }
        }
        self.neck.forward(&x)
    }
}

/// Whether there is a convolutional block (or a downsampling, which looks the same) at `vb`.
pub(crate) fn is_convolution(vb: &VarBuilder<'_>) -> bool {
    vb.contains_tensor("conv1.c.weight")
}

/// Whether there is an attention block at `vb`.
pub(crate) fn is_attention(vb: &VarBuilder<'_>) -> bool {
    vb.contains_tensor("attn.qkv.weight")
}

/// The stride of the downsampling at `vb`.
pub(crate) fn downsampling_stride(vb: &VarBuilder<'_>) -> Result<usize> {
    let width = vb.get_unchecked("conv1.c.weight")?.dim(0)?;
    Ok(if KEEPS_RESOLUTION.contains(&width) { 1 } else { 2 })
}

fn stem_conv(vb: &VarBuilder<'_>, inputs: usize, outputs: usize) -> Result<Conv2d> {
    let (weight, bias) = conv_bn(vb, [outputs, inputs, 3, 3])?;
    let config = Conv2dConfig { padding: 1, stride: 2, ..Conv2dConfig::default() };
    Ok(Conv2d::new(weight, Some(bias), config))
}

fn load_blocks(vb: &VarBuilder<'_>, width: usize) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for index in 0.. {
        let vb = vb.pp(index);
        blocks.push(if is_convolution(&vb) {
            Block::Conv(MbConv::load(&vb, width)?)
        } else if is_attention(&vb) {
            Block::Attention(AttentionBlock::load(&vb, width)?)
        } else {
            break;
        });
    }
    Ok(blocks)
}

/// A 1×1, a depthwise 3×3 and a 1×1 convolution with GELUs between them.
struct Bottleneck {
    expand: Linear,
    depthwise: (Tensor, Tensor),
    project: Linear,
    stride: usize,
}

impl Bottleneck {
    fn load(
        vb: &VarBuilder<'_>,
        inputs: usize,
        hidden: usize,
        outputs: usize,
        stride: usize,
    ) -> Result<Self> {
        Ok(Self {
            expand: pointwise_bn(&vb.pp("conv1"), inputs, hidden)?,
            depthwise: depthwise_bn(&vb.pp("conv2"), hidden)?,
            project: pointwise_bn(&vb.pp("conv3"), hidden, outputs)?,
            stride,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = gelu_erf(&self.expand.forward(x)?)?;
        let (weight, bias) = &self.depthwise;
        let x = gelu_erf(&depthwise3x3(&x, weight, bias, self.stride)?)?;
        self.project.forward(&x)
    }
}

/// A bottleneck with a residual connection.
struct MbConv(Bottleneck);

impl MbConv {
    fn load(vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let hidden = vb.get_unchecked("conv1.c.weight")?.dim(0)?;
        Ok(Self(Bottleneck::load(vb, width, hidden, width, 1)?))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        gelu_erf(&(self.0.forward(x)? + x)?)
    }
}

/// A bottleneck to another width, at half the resolution except before the last stage.
struct PatchMerging {
    bottleneck: Bottleneck,
    width: usize,
}

impl PatchMerging {
    fn load(vb: &VarBuilder<'_>, inputs: usize) -> Result<Self> {
        let width = vb.get_unchecked("conv1.c.weight")?.dim(0)?;
        let stride = downsampling_stride(vb)?;
        Ok(Self { bottleneck: Bottleneck::load(vb, inputs, width, width, stride)?, width })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.bottleneck.forward(x)
    }
}

struct AttentionBlock {
    attention: Attention,
    window: usize,
    local: (Tensor, Tensor),
    norm: LayerNorm,
    mlp: [Linear; 2],
}

impl AttentionBlock {
    fn load(vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let hidden = vb.get_unchecked("mlp.fc1.weight")?.dim(0)?;
        let attention = Attention::load(&vb.pp("attn"), width)?;
        Ok(Self {
            window: attention.window,
            attention,
            local: depthwise_bn(&vb.pp("local_conv"), width)?,
            norm: layer_norm(&vb.pp("mlp.norm"), width, 1e-5)?,
            mlp: [
                linear(&vb.pp("mlp.fc1"), width, hidden)?,
                linear(&vb.pp("mlp.fc2"), hidden, width)?,
            ],
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Padding comes before the attention's LayerNorm and is not masked, as in the reference.
        let (windows, layout) = Windows::partition(x, self.window)?;
        let x = (x + layout.join(&self.attention.forward(&windows)?)?)?;
        let (weight, bias) = &self.local;
        let x = depthwise3x3(&x, weight, bias, 1)?;
        let hidden = gelu_erf(&self.mlp[0].forward(&self.norm.forward(&x)?)?)?;
        x + self.mlp[1].forward(&hidden)?
    }
}

/// Multi-head attention inside windows, with a learnt bias for every offset.
struct Attention {
    norm: LayerNorm,
    qkv: Linear,
    proj: Linear,
    /// (heads, tokens, tokens)
    bias: Tensor,
    heads: usize,
    window: usize,
}

impl Attention {
    fn load(vb: &VarBuilder<'_>, width: usize) -> Result<Self> {
        let biases = vb.get_unchecked("attention_biases")?;
        let (heads, offsets) = biases.dims2()?;
        let window = offsets.isqrt();
        Ok(Self {
            norm: layer_norm(&vb.pp("norm"), width, 1e-5)?,
            qkv: linear(&vb.pp("qkv"), width, 3 * width)?,
            proj: linear(&vb.pp("proj"), width, width)?,
            bias: gather_bias(&biases, window)?,
            heads,
            window,
        })
    }

    /// (windows, tokens, channels) → the same.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (windows, tokens, channels) = x.dims3()?;
        let head = channels / self.heads;
        // Each head's query, key and value lie next to each other.
        let qkv = self.qkv.forward(&self.norm.forward(x)?)?.reshape((
            windows,
            tokens,
            self.heads,
            3 * head,
        ))?;
        let part = |i: usize| qkv.narrow(3, i * head, head)?.transpose(1, 2)?.contiguous();
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let scores = (q * (head as f64).powf(-0.5))?.matmul(&k.t()?)?;
        let weights = candle_nn::ops::softmax_last_dim(&scores.broadcast_add(&self.bias)?)?;
        let x = weights.matmul(&v)?.transpose(1, 2)?.reshape((windows, tokens, channels))?;
        self.proj.forward(&x)
    }
}

/// (heads, offsets) → (heads, tokens, tokens): the bias of a pair of tokens depends on how many
/// rows and columns lie between them; offsets are numbered row by row.
fn gather_bias(biases: &Tensor, window: usize) -> Result<Tensor> {
    let tokens = window * window;
    let index = (0..tokens * tokens).map(|pair| {
        let (a, b) = (pair / tokens, pair % tokens);
        let rows = (a / window).abs_diff(b / window);
        let columns = (a % window).abs_diff(b % window);
        (rows * window + columns) as u32
    });
    let index = Tensor::from_iter(index, biases.device())?;
    biases.contiguous()?.index_select(&index, 1)?.reshape((biases.dim(0)?, tokens, tokens))
}
