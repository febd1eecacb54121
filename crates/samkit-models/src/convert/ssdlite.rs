//! SSDLite with MobileNetV2 (Sandler et al. 2018, §6.2), from TensorFlow's graph as exported for the
//! browser.
//!
//! The export has folded most BatchNorms: a convolution's `merged_input` is its weight, `mul` and
//! `sub` are what a depthwise convolution is multiplied by and what is added in the end. The
//! predictors' own BatchNorms are still whole. Here every layer becomes a `weight` and a `bias`:
//! `(9, channels)` for a depthwise convolution, `(inputs, outputs)` for a pointwise one, and
//! `(27, 32)`, taps by rows, for the stem.

use super::Layout;
use crate::tensor::{StateDict, Tensor};

/// Output channels of the 17 blocks (table 2 of the paper).
const BLOCKS: [usize; 17] =
    [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320];
/// Hidden channels of a block for each of its inputs; the first block has no such layer.
const EXPANSION: usize = 6;
/// Channels of the four extra feature maps, between and after their convolutions.
const EXTRA: [(usize, usize); 4] = [(256, 512), (128, 256), (128, 256), (64, 128)];
/// Channels and anchors a position of the six feature maps.
const MAPS: [(usize, usize); 6] = [(576, 3), (1280, 6), (512, 6), (256, 6), (256, 6), (128, 6)];
/// COCO's 90 ids, and the background before them.
const CLASSES: usize = 91;
const ANCHORS: usize = 1917;
/// What BatchNorm adds to the variance, in this network.
const EPSILON: f64 = 0.001;

const BACKBONE: &str = "FeatureExtractor/MobilenetV2";

/// The network's tensors under the names that `samkit-detect` looks for.
pub(crate) fn layout() -> Layout {
    let mut layout = Layout::default();
    let mut layer = |name: &str, rows: usize, outputs: usize| {
        layout.tensor(format!("{name}.weight"), &[rows, outputs]);
        layout.tensor(format!("{name}.bias"), &[outputs]);
    };
    layer("stem", 27, 32);
    let mut inputs = 32;
    for (index, outputs) in BLOCKS.into_iter().enumerate() {
        let block = format!("blocks.{index}");
        let hidden = if index == 0 { inputs } else { EXPANSION * inputs };
        if index > 0 {
            layer(&format!("{block}.expand"), inputs, hidden);
        }
        layer(&format!("{block}.depthwise"), 9, hidden);
        layer(&format!("{block}.project"), hidden, outputs);
        inputs = outputs;
    }
    layer("last", inputs, MAPS[1].0);
    inputs = MAPS[1].0;
    for (index, (reduced, outputs)) in EXTRA.into_iter().enumerate() {
        layer(&format!("extra.{index}.reduce"), inputs, reduced);
        layer(&format!("extra.{index}.depthwise"), 9, reduced);
        layer(&format!("extra.{index}.expand"), reduced, outputs);
        inputs = outputs;
    }
    for (index, (channels, anchors)) in MAPS.into_iter().enumerate() {
        for (kind, values) in [("boxes", 4), ("classes", CLASSES)] {
            layer(&format!("heads.{index}.{kind}.depthwise"), 9, channels);
            layer(&format!("heads.{index}.{kind}.project"), channels, anchors * values);
        }
    }
    layout.tensor("anchors", &[ANCHORS, 4]);
    layout
}

/// The graph's tensors, folded and renamed.
pub(crate) fn from_graph(graph: &StateDict) -> Result<StateDict, String> {
    let mut layers = Layers { graph, made: StateDict::new() };
    layers.merged("stem", &format!("{BACKBONE}/Conv"))?;
    for index in 0..BLOCKS.len() {
        let block = format!("blocks.{index}");
        let name = match index {
            0 => format!("{BACKBONE}/expanded_conv"),
            _ => format!("{BACKBONE}/expanded_conv_{index}"),
        };
        if index > 0 {
            layers.merged(&format!("{block}.expand"), &format!("{name}/expand"))?;
        }
        layers.depthwise(&format!("{block}.depthwise"), &format!("{name}/depthwise"))?;
        layers.merged(&format!("{block}.project"), &format!("{name}/project"))?;
    }
    layers.merged("last", &format!("{BACKBONE}/Conv_1"))?;
    for (index, (reduced, outputs)) in EXTRA.into_iter().enumerate() {
        let (extra, number) = (format!("extra.{index}"), index + 2);
        let reduce = format!("{BACKBONE}/layer_19_1_Conv2d_{number}_1x1_{reduced}");
        let expand = format!("{BACKBONE}/layer_19_2_Conv2d_{number}_3x3_s2_{outputs}");
        layers.merged(&format!("{extra}.reduce"), &reduce)?;
        layers.depthwise(&format!("{extra}.depthwise"), &format!("{expand}_depthwise"))?;
        layers.merged(&format!("{extra}.expand"), &expand)?;
    }
    for index in 0..MAPS.len() {
        for (kind, predictor) in [("boxes", "BoxEncoding"), ("classes", "Class")] {
            let head = format!("heads.{index}.{kind}");
            let name = format!("BoxPredictor_{index}/{predictor}Predictor");
            layers.normed(&format!("{head}.depthwise"), &format!("{name}_depthwise"))?;
            let bias = layers.get(&format!("{name}/biases"))?.clone();
            layers.put(
                &format!("{head}.project"),
                layers.get(&format!("{name}/weights"))?.clone(),
                bias,
            );
        }
    }
    let anchors = layers.get("Postprocessor/ExpandDims")?.clone();
    layers.made.insert("anchors".to_owned(), by_rows(anchors));
    layout().select(layers.made)
}

/// What is read, and what has been made of it.
struct Layers<'g> {
    graph: &'g StateDict,
    made: StateDict,
}

impl<'g> Layers<'g> {
    fn get(&self, name: &str) -> Result<&'g Tensor, String> {
        self.graph.get(name).ok_or_else(|| format!("tensor `{name}` is missing"))
    }

    fn put(&mut self, name: &str, weight: Tensor, bias: Tensor) {
        self.made.insert(format!("{name}.weight"), by_rows(weight));
        self.made.insert(format!("{name}.bias"), bias);
    }

    /// A convolution whose weight has taken in its BatchNorm.
    fn merged(&mut self, name: &str, from: &str) -> Result<(), String> {
        let weight = self.get(&format!("{from}/Conv2D/merged_input"))?.clone();
        let bias = self.get(&format!("{from}/BatchNorm/batchnorm/sub"))?.clone();
        self.put(name, weight, bias);
        Ok(())
    }

    /// A depthwise convolution, and a BatchNorm as a factor and a bias.
    fn depthwise(&mut self, name: &str, from: &str) -> Result<(), String> {
        let weight = self.get(&format!("{from}/depthwise_weights"))?.clone();
        let factor = self.get(&format!("{from}/BatchNorm/batchnorm/mul"))?;
        let bias = self.get(&format!("{from}/BatchNorm/batchnorm/sub"))?.clone();
        let weight = scaled(channels_last(weight), &factor.data)?;
        self.put(name, weight, bias);
        Ok(())
    }

    /// A depthwise convolution, and a whole BatchNorm.
    fn normed(&mut self, name: &str, from: &str) -> Result<(), String> {
        let weight = self.get(&format!("{from}/depthwise_weights"))?.clone();
        let part = |part: &str| self.get(&format!("{from}/BatchNorm/{part}"));
        let (gamma, beta) = (part("gamma")?, part("beta")?);
        let (mean, variance) = (part("moving_mean")?, part("moving_variance")?);
        let is_equal = [beta, mean, variance].iter().all(|part| part.shape == gamma.shape);
        if !is_equal {
            return Err(format!("the BatchNorm of `{from}` has parts of different lengths"));
        }
        let parts = gamma.data.iter().zip(&variance.data);
        let factor: Vec<f64> = parts
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + EPSILON).sqrt())
            .collect();
        let parts = beta.data.iter().zip(&mean.data).zip(&factor);
        let bias = parts
            .map(|((&beta, &mean), factor)| (f64::from(beta) - f64::from(mean) * factor) as f32)
            .collect();
        let bias = Tensor::new(beta.shape.clone(), bias);
        let factor: Vec<f32> = factor.into_iter().map(|factor| factor as f32).collect();
        let weight = scaled(channels_last(weight), &factor)?;
        self.put(name, weight, bias);
        Ok(())
    }
}

/// (3, 3, channels, 1) → (3, 3, channels).
fn channels_last(mut weight: Tensor) -> Tensor {
    if weight.shape.len() == 4 && weight.shape[3] == 1 {
        weight.shape.pop();
    }
    weight
}

/// Every row times the factors.
fn scaled(mut weight: Tensor, factors: &[f32]) -> Result<Tensor, String> {
    if weight.shape.last() != Some(&factors.len()) {
        let (shape, count) = (&weight.shape, factors.len());
        return Err(format!("a depthwise weight has shape {shape:?}, but {count} factors"));
    }
    for row in weight.data.chunks_exact_mut(factors.len()) {
        row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
    }
    Ok(weight)
}

/// As a matrix of as many columns as the last dimension.
fn by_rows(tensor: Tensor) -> Tensor {
    let columns = tensor.shape.last().copied().unwrap_or(1).max(1);
    let rows = tensor.data.len() / columns;
    tensor.reshaped(&[rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_norm_becomes_a_factor_and_a_bias() {
        let mut graph = StateDict::new();
        let mut put = |name: &str, shape: &[usize], value: f32| {
            let count = shape.iter().product();
            graph.insert(format!("p/{name}"), Tensor::new(shape, vec![value; count]));
        };
        put("depthwise_weights", &[3, 3, 2, 1], 4.0);
        put("BatchNorm/gamma", &[2], 3.0);
        put("BatchNorm/beta", &[2], 1.0);
        put("BatchNorm/moving_mean", &[2], 2.0);
        put("BatchNorm/moving_variance", &[2], 0.25 - EPSILON as f32);
        let mut layers = Layers { graph: &graph, made: StateDict::new() };
        layers.normed("x", "p").expect("all is there");
        // (4v − 2) · 3 / 0.5 + 1 = 24v − 11.
        assert_eq!(layers.made["x.weight"].shape, [9, 2]);
        assert!(layers.made["x.weight"].data.iter().all(|value| (value - 24.0).abs() < 1e-4));
        assert!(layers.made["x.bias"].data.iter().all(|value| (value + 11.0).abs() < 1e-4));
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let error = from_graph(&StateDict::new()).expect_err("nothing is there");
        assert!(
            error.contains("`FeatureExtractor/MobilenetV2/Conv/Conv2D/merged_input`"),
            "{error}"
        );
    }
}
