//! MobileSAM: the tensors of TinyViT-5M with Segment Anything's decoder, and
//! the folding of BatchNorm.

use super::Layout;
use crate::tensor::{StateDict, Tensor};

/// Channels of TinyViT-5M's four stages.
const WIDTHS: [usize; 4] = [64, 128, 160, 320];
/// Blocks of each stage; the first stage is convolutional.
const DEPTHS: [usize; 4] = [2, 2, 6, 2];
/// Attention heads of each stage.
const HEADS: [usize; 4] = [2, 4, 5, 10];
/// Tokens a side of the attention windows of each stage.
pub(super) const WINDOWS: [usize; 4] = [7, 7, 14, 7];
/// Both MBConv and MLP widen by this factor.
const EXPAND: usize = 4;

/// PyTorch's default for BatchNorm, which TinyViT keeps.
const BN_EPS: f64 = 1e-5;

/// The tensors of the network. The classification head that the published
/// state dict still carries is not among them.
pub(crate) fn layout() -> Layout {
    let mut layout = Layout::default();
    let e = "image_encoder";
    conv_bn(&mut layout, &format!("{e}.patch_embed.seq.0"), 32, 3, 3);
    conv_bn(&mut layout, &format!("{e}.patch_embed.seq.2"), 64, 32, 3);
    for stage in 0..4 {
        let (name, width) = (format!("{e}.layers.{stage}"), WIDTHS[stage]);
        for i in 0..DEPTHS[stage] {
            let block = format!("{name}.blocks.{i}");
            if stage == 0 {
                inverted_bottleneck(&mut layout, &block, width, EXPAND * width, width);
            } else {
                attention_block(&mut layout, &block, stage);
            }
        }
        if let Some(&next) = WIDTHS.get(stage + 1) {
            inverted_bottleneck(&mut layout, &format!("{name}.downsample"), width, next, next);
        }
    }
    layout.tensor(format!("{e}.neck.0.weight"), &[256, WIDTHS[3], 1, 1]);
    layout.affine(&format!("{e}.neck.1"), &[256]);
    layout.tensor(format!("{e}.neck.2.weight"), &[256, 256, 3, 3]);
    layout.affine(&format!("{e}.neck.3"), &[256]);
    layout.prompt_encoder_and_mask_decoder();
    layout
}

fn conv_bn(layout: &mut Layout, name: &str, outputs: usize, group_inputs: usize, kernel: usize) {
    layout.tensor(format!("{name}.c.weight"), &[outputs, group_inputs, kernel, kernel]);
    layout.affine(&format!("{name}.bn"), &[outputs]);
    layout.tensor(format!("{name}.bn.running_mean"), &[outputs]);
    layout.tensor(format!("{name}.bn.running_var"), &[outputs]);
}

/// 1×1, depthwise 3×3, 1×1: an MBConv, or the step between two stages.
fn inverted_bottleneck(
    layout: &mut Layout,
    name: &str,
    inputs: usize,
    hidden: usize,
    outputs: usize,
) {
    conv_bn(layout, &format!("{name}.conv1"), hidden, inputs, 1);
    conv_bn(layout, &format!("{name}.conv2"), hidden, 1, 3);
    conv_bn(layout, &format!("{name}.conv3"), outputs, hidden, 1);
}

fn attention_block(layout: &mut Layout, block: &str, stage: usize) {
    let width = WIDTHS[stage];
    layout.tensor(format!("{block}.attn.attention_biases"), &[HEADS[stage], WINDOWS[stage].pow(2)]);
    layout.affine(&format!("{block}.attn.norm"), &[width]);
    layout.linear(&format!("{block}.attn.qkv"), width, 3 * width);
    layout.linear(&format!("{block}.attn.proj"), width, width);
    layout.affine(&format!("{block}.mlp.norm"), &[width]);
    layout.linear(&format!("{block}.mlp.fc1"), width, EXPAND * width);
    layout.linear(&format!("{block}.mlp.fc2"), EXPAND * width, width);
    conv_bn(layout, &format!("{block}.local_conv"), width, 1, 3);
}

/// Selects the network's tensors and folds every BatchNorm.
pub(crate) fn from_state_dict(tensors: StateDict) -> Result<StateDict, String> {
    let layout = layout();
    let mut tensors = layout.select(tensors)?;
    let folded: Vec<&str> =
        layout.iter().filter_map(|(name, _)| name.strip_suffix(".c.weight")).collect();
    for name in folded {
        fold_batch_norm(&mut tensors, name);
    }
    Ok(tensors)
}

/// Moves the scale of `name.bn` into `name.c` and its shift into `bn.bias`.
///
/// A BatchNorm that is the identity already is left alone, so that folding
/// twice changes nothing.
fn fold_batch_norm(tensors: &mut StateDict, name: &str) {
    let [gamma, beta, mean, var] = ["weight", "bias", "running_mean", "running_var"]
        .map(|part| tensors[&format!("{name}.bn.{part}")].data.clone());
    if identity(beta.clone())
        .iter()
        .zip([&gamma, &beta, &mean, &var])
        .all(|((_, expected), found)| expected.data == *found)
    {
        return;
    }
    // f64 rounds once, where f32 would round at every step.
    let scale: Vec<f64> = gamma
        .iter()
        .zip(&var)
        .map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt())
        .collect();
    let bias = beta
        .iter()
        .zip(&mean)
        .zip(&scale)
        .map(|((&b, &m), s)| (f64::from(b) - f64::from(m) * s) as f32)
        .collect();
    let conv = tensors.get_mut(&format!("{name}.c.weight")).expect("the layout has been checked");
    let per_output = conv.data.len() / scale.len();
    for (filter, s) in conv.data.chunks_exact_mut(per_output).zip(&scale) {
        for w in filter {
            *w = (f64::from(*w) * s) as f32;
        }
    }
    for (part, tensor) in identity(bias) {
        tensors.insert(format!("{name}.bn.{part}"), tensor);
    }
}

/// The BatchNorm that only adds `bias`.
pub(super) fn identity(bias: Vec<f32>) -> [(&'static str, Tensor); 4] {
    let n = bias.len();
    let constant = |value| Tensor::new([n], vec![value; n]);
    [
        ("weight", constant((1.0 + BN_EPS).sqrt() as f32)),
        ("bias", Tensor::new([n], bias)),
        ("running_mean", constant(0.0)),
        ("running_var", constant(1.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pointwise convolution with one input followed by BatchNorm.
    fn conv_bn_of(conv: [f32; 2], bn: [[f32; 2]; 4]) -> StateDict {
        let mut tensors = StateDict::new();
        tensors.insert("x.c.weight".into(), Tensor::new([2, 1, 1, 1], conv.into()));
        for (part, values) in ["weight", "bias", "running_mean", "running_var"].iter().zip(bn) {
            tensors.insert(format!("x.bn.{part}"), Tensor::new([2], values.into()));
        }
        tensors
    }

    /// What the pair computes for an input of 1.
    fn output(t: &StateDict) -> Vec<f64> {
        let of = |name: &str, i: usize| f64::from(t[name].data[i]);
        (0..2)
            .map(|i| {
                let x = of("x.c.weight", i);
                (x - of("x.bn.running_mean", i)) / (of("x.bn.running_var", i) + 1e-5).sqrt()
                    * of("x.bn.weight", i)
                    + of("x.bn.bias", i)
            })
            .collect()
    }

    #[test]
    fn folding_leaves_the_function_and_makes_the_norm_the_identity() {
        let before = conv_bn_of([0.7, -2.0], [[1.3, -0.2], [0.5, 3.0], [0.1, -4.0], [2.0, 0.03]]);
        let mut after = before.clone();
        fold_batch_norm(&mut after, "x");
        for (a, b) in output(&before).iter().zip(output(&after)) {
            // Two roundings to f32 of values below 8.
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        assert_eq!(after["x.bn.weight"].data, [1.000_005_f32; 2]);
        assert_eq!(after["x.bn.running_mean"].data, [0.0; 2]);
        assert_eq!(after["x.bn.running_var"].data, [1.0; 2]);
        assert_ne!(after["x.c.weight"], before["x.c.weight"]);
    }

    #[test]
    fn folding_twice_changes_nothing() {
        let mut once = conv_bn_of([0.7, -2.0], [[1.3, -0.2], [0.5, 3.0], [0.1, -4.0], [2.0, 0.03]]);
        fold_batch_norm(&mut once, "x");
        let mut twice = once.clone();
        fold_batch_norm(&mut twice, "x");
        assert_eq!(once, twice);
    }
}
