//! Layers on the fast path's kernels, for networks other than Segment Anything's.
//!
//! Activations are channels-last and weights are plain slices; the best instruction set of the
//! machine is taken. Results do not depend on the number of threads.

mod attention;
mod matrix;
mod norm;
mod transformer;

use rayon::prelude::*;

use self::matrix::Matrix;
pub use self::norm::LayerNorm;
pub use self::transformer::{BlockWeights, Transformer, TransformerShape};
use super::depthwise::{PIXELS, Window, depthwise};
use super::isa::{Isa, for_each_isa};
use super::linear::BLOCK;
use super::microkernel::Rows;

/// What follows a layer's bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · sigmoid(1.702 x)`.
    QuickGelu,
    /// The exact GELU.
    Gelu,
}

impl Activation {
    /// Adds the bias to every row, then this.
    fn finish(self, isa: Isa, rows: &mut [f32], bias: &[f32]) {
        match self {
            Self::None => super::elementwise::add_bias(isa, rows, bias),
            Self::Relu6 => bias_relu6(isa, rows, bias),
            Self::QuickGelu => norm::bias_quick_gelu(isa, rows, bias),
            Self::Gelu => super::elementwise::bias_gelu(isa, rows, bias),
        }
    }
}

/// A linear layer, or a 1×1 convolution.
pub struct Dense {
    isa: Isa,
    weight: Matrix,
    bias: Vec<f32>,
    activation: Activation,
}

impl Dense {
    /// `weight` (inputs, outputs) row by row, `bias` (outputs).
    ///
    /// # Panics
    /// When the weight is not a whole number of rows.
    pub fn new(weight: &[f32], bias: &[f32], activation: Activation) -> Self {
        let outputs = bias.len();
        Self::with(Isa::best(), weight, bias, activation, |k, j, _| k * outputs + j)
    }

    /// The same from a weight (outputs, inputs), as PyTorch has it.
    ///
    /// # Panics
    /// When the weight is not a whole number of rows.
    pub fn transposed(weight: &[f32], bias: &[f32], activation: Activation) -> Self {
        Self::with(Isa::best(), weight, bias, activation, |k, j, inputs| j * inputs + k)
    }

    /// `place(input, output, inputs)` is where the weight has an element.
    fn with(
        isa: Isa,
        weight: &[f32],
        bias: &[f32],
        activation: Activation,
        place: impl Fn(usize, usize, usize) -> usize,
    ) -> Self {
        let outputs = bias.len();
        assert!(outputs > 0 && weight.len().is_multiple_of(outputs), "rows of the weight");
        let inputs = weight.len() / outputs;
        let weight = Matrix::new(isa, inputs, outputs, |k, j| weight[place(k, j, inputs)]);
        Self { isa, weight, bias: bias.to_vec(), activation }
    }

    /// Values that it takes a row.
    pub fn inputs(&self) -> usize {
        self.weight.depth()
    }

    /// Values that it gives a row.
    pub fn outputs(&self) -> usize {
        self.weight.columns()
    }

    /// `x` (rows, inputs) → (rows, outputs).
    ///
    /// # Panics
    /// When `x` is not a whole number of rows.
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        assert!(x.len().is_multiple_of(inputs), "rows of the input");
        let mut out = vec![0.0; x.len() / inputs * outputs];
        let blocks = out.par_chunks_mut(BLOCK * outputs).zip(x.par_chunks(BLOCK * inputs));
        blocks.for_each(|(out, x)| {
            let rows = Rows { data: x, row: inputs, column: 1 };
            self.weight.product(x.len() / inputs, rows, out, outputs);
            self.activation.finish(self.isa, out, &self.bias);
        });
        out
    }
}

/// A depthwise 3×3 convolution with TensorFlow's padding `SAME`: as many zeros after the image as
/// before it, or one more.
pub struct Depthwise3x3 {
    isa: Isa,
    /// (9, channels), row by row.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// A pixel of the padding.
    zeros: Vec<f32>,
    stride: usize,
    activation: Activation,
}

impl Depthwise3x3 {
    /// `weight` (9, channels) row by row, `bias` (channels); `stride` is 1 or 2.
    ///
    /// # Panics
    /// When the weight has another size, or the stride another value.
    pub fn new(weight: &[f32], bias: &[f32], stride: usize, activation: Activation) -> Self {
        assert_eq!(weight.len(), 9 * bias.len(), "nine taps a channel");
        assert!(stride == 1 || stride == 2, "the stride");
        let (weight, bias) = (weight.to_vec(), bias.to_vec());
        let zeros = vec![0.0; bias.len()];
        Self { isa: Isa::best(), weight, bias, zeros, stride, activation }
    }

    /// `x` (height, width, channels) → the same at ⌈side / stride⌉, and its height and width.
    ///
    /// # Panics
    /// When `x` has another size.
    pub fn forward(
        &self,
        x: &[f32],
        (height, width): (usize, usize),
    ) -> (Vec<f32>, (usize, usize)) {
        let channels = self.bias.len();
        assert_eq!(x.len(), height * width * channels, "height, width and channels");
        let (rows, top) = same_padding(height, self.stride);
        let (columns, left) = same_padding(width, self.stride);
        let mut out = vec![0.0; rows * columns * channels];
        let pixel = |row: usize, column: usize| {
            // Positions before the image wrap around to far behind it.
            let (row, column) = (row.wrapping_sub(top), column.wrapping_sub(left));
            match row < height && column < width {
                true => &x[(row * width + column) * channels..][..channels],
                false => &self.zeros,
            }
        };
        out.par_chunks_exact_mut(columns * channels).enumerate().for_each(|(row, line)| {
            for (index, pixels) in line.chunks_mut(PIXELS * channels).enumerate() {
                let window = Window::new(self.stride, |column, tap| {
                    pixel(row * self.stride + tap, index * PIXELS * self.stride + column)
                });
                if pixels.len() == PIXELS * channels {
                    depthwise(self.isa, &window, &self.weight, pixels);
                } else {
                    let mut whole = vec![0.0; PIXELS * channels];
                    depthwise(self.isa, &window, &self.weight, &mut whole);
                    pixels.copy_from_slice(&whole[..pixels.len()]);
                }
            }
            self.activation.finish(self.isa, line, &self.bias);
        });
        (out, (rows, columns))
    }
}

/// Length after a convolution with three taps under TensorFlow's `SAME`, and zeros before the first
/// value.
pub fn same_padding(length: usize, stride: usize) -> (usize, usize) {
    let outputs = length.div_ceil(stride);
    let padding = ((outputs - 1) * stride + 3).saturating_sub(length);
    (outputs, padding / 2)
}

for_each_isa! {
    /// Adds `bias` to every row and clamps to 0–6.
    fn bias_relu6(rows: &mut [f32], bias: &[f32]) {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = (*value + bias).clamp(0.0, 6.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values between −1 and 1 without a pattern.
    fn noise(count: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn dense_layers_equal_their_definition_on_every_instruction_set() {
        let (rows, inputs, outputs) = (131, 27, 37);
        let (x, weight, bias) = (noise(rows * inputs), noise(inputs * outputs), noise(outputs));
        let turned: Vec<f32> =
            (0..weight.len()).map(|i| weight[i % inputs * outputs + i / inputs]).collect();
        let activations =
            [Activation::None, Activation::Relu6, Activation::QuickGelu, Activation::Gelu];
        let plain = |activation, x: f32| match activation {
            Activation::None => x,
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
            Activation::Gelu => crate::network::erf::gelu(x),
        };
        for (isa, activation) in
            Isa::available().into_iter().flat_map(|isa| activations.map(|a| (isa, a)))
        {
            let layers = [
                Dense::with(isa, &weight, &bias, activation, |k, j, _| k * outputs + j),
                Dense::with(isa, &turned, &bias, activation, |k, j, inputs| j * inputs + k),
            ];
            let [got, other] = layers.map(|layer| layer.forward(&x));
            assert_eq!(got, other, "{isa:?}");
            for (row, got) in x.chunks_exact(inputs).zip(got.chunks_exact(outputs)) {
                for (j, got) in got.iter().enumerate() {
                    let column = weight[j..].iter().step_by(outputs);
                    let sum: f32 = row.iter().zip(column).map(|(x, w)| x * w).sum();
                    assert!(
                        (got - plain(activation, sum + bias[j])).abs() < 1e-5,
                        "{isa:?} {activation:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn depthwise_layers_equal_their_definition_with_tensorflows_padding() {
        let channels = 20;
        let (weight, bias) = (noise(9 * channels), noise(channels));
        for (height, width, stride) in [(7, 6, 1), (7, 6, 2), (10, 9, 2), (1, 2, 2), (1, 1, 1)] {
            let x = noise(height * width * channels);
            let layer = Depthwise3x3::new(&weight, &bias, stride, Activation::None);
            let (got, (rows, columns)) = layer.forward(&x, (height, width));
            assert_eq!((rows, columns), (height.div_ceil(stride), width.div_ceil(stride)));
            // TensorFlow's documentation: the padding in all, and its smaller half before.
            let before = |n: usize| match n % stride {
                0 => 3usize.saturating_sub(stride) / 2,
                rest => 3usize.saturating_sub(rest) / 2,
            };
            for (index, got) in got.iter().enumerate() {
                let (c, column, row) =
                    (index % channels, index / channels % columns, index / channels / columns);
                let mut sum = bias[c];
                for tap in 0..9 {
                    let y = (row * stride + tap / 3).wrapping_sub(before(height));
                    let x_ = (column * stride + tap % 3).wrapping_sub(before(width));
                    if y < height && x_ < width {
                        sum += x[(y * width + x_) * channels + c] * weight[tap * channels + c];
                    }
                }
                assert!((got - sum).abs() < 1e-5, "{got} {sum}");
            }
        }
    }
}
