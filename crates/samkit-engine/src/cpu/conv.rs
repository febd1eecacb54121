//! 3×3 convolutions of channels-last images.

use std::ops::Range;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::depthwise::{PIXELS, Window, depthwise};
use super::elementwise;
use super::isa::Isa;
use super::linear::{Linear, values};

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

    /// The source lines of output line `y`, of an image of `height` lines.
    pub(crate) fn source_lines(&self, y: usize, height: usize) -> Range<usize> {
        let centre = y * self.stride;
        centre.saturating_sub(1)..(centre + 2).min(height)
    }

    /// The lines above, at and below the centre of output line `y`; empty outside the image.
    pub(crate) fn around<'a>(
        &self,
        y: usize,
        height: usize,
        line: impl Fn(usize) -> &'a [f32],
    ) -> [&'a [f32]; 3] {
        [0, 1, 2].map(|tap| match (y * self.stride + tap).checked_sub(1) {
            Some(source) if source < height => line(source),
            _ => &[],
        })
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
            let lines = self.around(y, shape.height, |source| &x[source * line..][..line]);
            self.line(isa, lines, shape.width, out);
        });
    }
}

/// A full 3×3 convolution with padding 1, as a product with the nine neighbours of every pixel.
pub(crate) struct Conv3x3 {
    /// (9 · inputs, outputs), inputs row by row of the kernel.
    linear: Linear,
    stride: usize,
    is_activated: bool,
}

impl Conv3x3 {
    /// `weight` (outputs, inputs, 3, 3), `bias` (outputs).
    pub(crate) fn new(
        isa: Isa,
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: usize,
        is_activated: bool,
    ) -> Result<Self> {
        let weight = weight.permute((0, 2, 3, 1))?.contiguous()?;
        Ok(Self { linear: Linear::new(isa, &weight, bias)?, stride, is_activated })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.linear.outputs()
    }

    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let to = shape.strided(self.stride, self.outputs());
        let taps = 9 * shape.channels;
        out.par_chunks_exact_mut(to.width * to.channels).enumerate().for_each_init(
            || vec![0.0; to.width * taps],
            |neighbours, (y, out)| {
                for (x_out, pixel) in neighbours.chunks_exact_mut(taps).enumerate() {
                    gather(x, shape, y * self.stride, x_out * self.stride, pixel);
                }
                self.linear.product(isa, neighbours, out);
                if self.is_activated {
                    elementwise::bias_gelu(isa, out, &self.linear.bias);
                } else {
                    elementwise::add_bias(isa, out, &self.linear.bias);
                }
            },
        );
    }
}

/// The nine pixels around (x, y), zero outside the image.
fn gather(image: &[f32], shape: Shape, y: usize, x: usize, out: &mut [f32]) {
    let channels = shape.channels;
    for (tap, out) in out.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (y + tap / 3, x + tap % 3);
        if (1..=shape.height).contains(&row) && (1..=shape.width).contains(&column) {
            let start = ((row - 1) * shape.width + column - 1) * channels;
            out.copy_from_slice(&image[start..start + channels]);
        } else {
            out.fill(0.0);
        }
    }
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
