//! A 1×1, a depthwise 3×3 and a 1×1 convolution with GELUs between them.
//!
//! The hidden image is four times as wide as the input; written out it would be 64 MiB in
//! TinyViT's first stage. Here it exists only as three lines at a time, which stay in the caches.

use candle_core::Result;
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::conv::{Depthwise, Shape};
use super::elementwise;
use super::isa::Isa;
use super::kept::Kept;
use super::linear::{Kernels, Linear};
use super::lines::{LastLines, STRIP};
use crate::network::ops::{conv_bn, depthwise_bn};

pub(crate) struct Bottleneck {
    expand: Linear,
    depthwise: Depthwise,
    project: Linear,
    memory: Kept<Memory>,
}

/// For a strip of lines.
#[derive(Default)]
struct Memory {
    expanded: LastLines,
    mixed: Vec<f32>,
}

impl Bottleneck {
    /// `conv1`, `conv2` and `conv3` below `vb`; the first and the last are packed for `kernels`.
    pub(crate) fn load(kernels: [Kernels; 2], vb: &VarBuilder<'_>, stride: usize) -> Result<Self> {
        let pointwise = |name: &str, kernels: Kernels| {
            let vb = vb.pp(name);
            let (outputs, inputs, ..) = vb.get_unchecked("c.weight")?.dims4()?;
            let (weight, bias) = conv_bn(&vb, [outputs, inputs, 1, 1])?;
            Linear::new(kernels, &weight, Some(&bias))
        };
        let expand = pointwise("conv1", kernels[0])?;
        let depthwise = depthwise_bn(&vb.pp("conv2"), expand.outputs())?;
        let depthwise = Depthwise::new(&depthwise, stride, true)?;
        Ok(Self {
            expand,
            depthwise,
            project: pointwise("conv3", kernels[1])?,
            memory: Kept::new(),
        })
    }

    pub(crate) fn shape_after(&self, shape: Shape) -> Shape {
        Shape { channels: self.project.outputs(), ..self.depthwise.shape_after(shape) }
    }

    /// `out = bottleneck(x)`.
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let finish =
            |_: usize, line: &mut [f32]| elementwise::add_bias(isa, line, &self.project.bias);
        self.lines(isa, x, shape, out, finish);
    }

    /// `out = gelu(x + bottleneck(x))`.
    pub(crate) fn residual(&self, isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
        let finish = |y: usize, line: &mut [f32]| {
            let before = &x[y * line.len()..][..line.len()];
            elementwise::add_bias_and_gelu(isa, line, &self.project.bias, before);
        };
        self.lines(isa, x, shape, out, finish);
    }

    /// Computes every output line but its bias, and hands it to `finish` with its number.
    fn lines(
        &self,
        isa: Isa,
        x: &[f32],
        shape: Shape,
        out: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let hidden = Shape { channels: self.expand.outputs(), ..shape };
        let mixed = self.depthwise.shape_after(hidden);
        let line = mixed.width * self.project.outputs();
        let source_line = shape.width * shape.channels;
        let work =
            |Memory { expanded, mixed: pixels }: &mut Memory, strip: usize, out: &mut [f32]| {
                expanded.begin(hidden.width * hidden.channels);
                pixels.resize(mixed.width * mixed.channels, 0.0);
                for (index, out) in out.chunks_exact_mut(line).enumerate() {
                    let y = strip * STRIP + index;
                    let expand = |source: usize, line: &mut [f32]| {
                        self.expand.product(isa, &x[source * source_line..][..source_line], line);
                        elementwise::bias_gelu(isa, line, &self.expand.bias);
                    };
                    let lines = expanded.around(self.depthwise.stride(), y, shape.height, expand);
                    self.depthwise.line(isa, lines, hidden.width, pixels);
                    self.project.product(isa, pixels, out);
                    finish(y, out);
                }
            };
        let strips = out.par_chunks_mut(STRIP * line).enumerate();
        strips.for_each(|(strip, out)| self.memory.lend(|memory| work(memory, strip, out)));
    }
}
