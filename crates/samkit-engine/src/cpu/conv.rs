//! 3×3 convolutions of channels-last images.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::depthwise::{PIXELS, Window, depthwise};
use super::elementwise;
use super::isa::Isa;
use super::kept::Kept;
use super::linear::{Kernels, Linear, values};
use super::lines::around;

/// Height, width and channels of a channels-last image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Shape {
    pub(crate) fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// The shape after a 3×3 convolution with padding 1.
    pub(crate) fn strided(self, stride: usize, channels: usize) -> Self {
        let side = |n: usize| (n - 1) / stride + 1;
        Self { height: side(self.height), width: side(self.width), channels }
    }
}

/// A depthwise 3×3 convolution with padding 1, and a GELU after it where the network has one.
pub(crate) struct Depthwise {
    /// (9, channels), row by row.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// A pixel of the padding.
    zeros: Vec<f32>,
    stride: usize,
    is_activated: bool,
}

impl Depthwise {
    /// `weight` (9, channels), `bias` (channels).
    pub(crate) fn new(
        (weight, bias): &(Tensor, Tensor),
        stride: usize,
        is_activated: bool,
    ) -> Result<Self> {
        let (weight, bias) = (values(weight)?, values(bias)?);
        let zeros = vec![0.0; bias.len()];
        Ok(Self { weight, bias, zeros, stride, is_activated })
    }

    pub(crate) fn shape_after(&self, shape: Shape) -> Shape {
        shape.strided(self.stride, shape.channels)
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// One output line from the three source lines of `width` pixels around it.
    pub(crate) fn line(&self, isa: Isa, lines: [&[f32]; 3], width: usize, out: &mut [f32]) {
        let channels = self.bias.len();
        for (index, out) in out.chunks_mut(PIXELS * channels).enumerate() {
            let window = Window::new(self.stride, |column, line| {
                // Position plus one, so that the padding does not go below zero.
                let column = index * PIXELS * self.stride + column;
                if lines[line].is_empty() || column == 0 || column > width {
                    &self.zeros
                } else {
                    &lines[line][(column - 1) * channels..][..channels]
                }
            });
            if out.len() == PIXELS * channels {
                depthwise(isa, &window, &self.weight, out);
            } else {
                let mut pixels = vec![0.0; PIXELS * channels];
                depthwise(isa, &window, &self.weight, &mut pixels);
                out.copy_from_slice(&pixels[..out.len()]);
            }
        }
        if self.is_activated {
            elementwise::bias_gelu(isa, out, &self.bias);
        } else {
            elementwise::add_bias(isa, out, &self.bias);
        }
    }

    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let to = self.shape_after(shape);
        let line = shape.width * shape.channels;
        out.par_chunks_exact_mut(to.width * to.channels).enumerate().for_each(|(y, out)| {
            let source = |source: usize| &x[source * line..][..line];
            self.line(isa, around(self.stride, y, shape.height, source), shape.width, out);
        });
    }
}

/// A full 3×3 convolution with padding 1, as a product with the nine neighbours of every pixel.
pub(crate) struct Conv3x3 {
    /// (9 · inputs, outputs), inputs row by row of the kernel.
    linear: Linear,
    stride: usize,
    is_activated: bool,
    /// The pixels around those of a line.
    neighbours: Kept<Vec<f32>>,
}

impl Conv3x3 {
    /// `weight` (outputs, inputs, 3, 3), `bias` (outputs).
    pub(crate) fn new(
        kernels: impl Into<Kernels>,
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: usize,
        is_activated: bool,
    ) -> Result<Self> {
        let weight = weight.permute((0, 2, 3, 1))?.contiguous()?;
        let linear = Linear::new(kernels, &weight, bias)?;
        Ok(Self { linear, stride, is_activated, neighbours: Kept::new() })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.linear.outputs()
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn shape_after(&self, shape: Shape) -> Shape {
        shape.strided(self.stride, self.outputs())
    }

    /// One output line from the three source lines around it.
    pub(crate) fn line(&self, isa: Isa, lines: [&[f32]; 3], out: &mut [f32]) {
        let taps = self.linear.inputs();
        self.neighbours.lend(|neighbours| {
            neighbours.resize(out.len() / self.outputs() * taps, 0.0);
            for (x, pixel) in neighbours.chunks_exact_mut(taps).enumerate() {
                for (line, row) in lines.into_iter().zip(pixel.chunks_exact_mut(taps / 3)) {
                    gather(line, x * self.stride, row);
                }
            }
            self.linear.product(isa, neighbours, out);
        });
        if self.is_activated {
            elementwise::bias_gelu(isa, out, &self.linear.bias);
        } else {
            elementwise::add_bias(isa, out, &self.linear.bias);
        }
    }

    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let to = self.shape_after(shape);
        let line = shape.width * shape.channels;
        let lines = out.par_chunks_exact_mut(to.width * to.channels).enumerate();
        lines.for_each(|(y, out)| {
            let source = |source: usize| &x[source * line..][..line];
            self.line(isa, around(self.stride, y, shape.height, source), out);
        });
    }
}

/// The three pixels around `x` of a line, zero outside it.
fn gather(line: &[f32], x: usize, out: &mut [f32]) {
    let channels = out.len() / 3;
    // Values before the line's first that `out` reaches back to.
    let before = if x == 0 { channels } else { 0 };
    let start = x.saturating_sub(1) * channels;
    let inside = line.len().saturating_sub(start).min(out.len() - before);
    out[..before].fill(0.0);
    if inside > 0 {
        out[before..before + inside].copy_from_slice(&line[start..start + inside]);
    }
    out[before + inside..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn random(shape: &[usize]) -> Tensor {
        Tensor::randn(0.0f32, 1.0, shape, &Device::Cpu).expect("a tensor")
    }

    fn check(got: &[f32], expected: &Tensor) {
        let expected =
            values(&expected.permute((0, 2, 3, 1)).expect("four dimensions")).expect("values");
        assert_eq!(got.len(), expected.len());
        let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 5e-5, "{worst}");
    }

    #[test]
    fn convolutions_equal_candles_on_every_instruction_set() -> Result<()> {
        for isa in Isa::available() {
            for (height, width, channels, stride) in
                [(5, 7, 3, 1), (8, 6, 40, 2), (1, 1, 64, 1), (9, 4, 33, 2)]
            {
                let shape = Shape { height, width, channels };
                let x = random(&[1, channels, height, width]);
                let rows = values(&x.permute((0, 2, 3, 1))?)?;

                let (weight, bias) = (random(&[9, channels]), random(&[channels]));
                let expected = x
                    .conv2d(&weight.t()?.reshape((channels, 1, 3, 3))?, 1, stride, 1, channels)?
                    .broadcast_add(&bias.reshape((1, channels, 1, 1))?)?;
                let mut got = vec![0.0; shape.strided(stride, channels).len()];
                Depthwise::new(&(weight, bias), stride, false)?
                    .forward(isa, &rows, shape, &mut got);
                check(&got, &expected);

                let (weight, bias) = (random(&[5, channels, 3, 3]), random(&[5]));
                let expected = x
                    .conv2d(&weight, 1, stride, 1, 1)?
                    .broadcast_add(&bias.reshape((1, 5, 1, 1))?)?;
                let mut got = vec![0.0; shape.strided(stride, 5).len()];
                Conv3x3::new(isa, &weight, Some(&bias), stride, true)?
                    .forward(isa, &rows, shape, &mut got);
                check(&got, &expected.gelu_erf()?);
            }
        }
        Ok(())
    }
}
