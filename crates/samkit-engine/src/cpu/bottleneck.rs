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
use super::linear::Linear;
use crate::network::ops::{conv_bn, depthwise_bn};

/// Output lines that a thread takes at a time. The lines above and below a strip are expanded
/// twice, by both of its neighbours.
const STRIP: usize = 32;

pub(crate) struct Bottleneck {
    expand: Linear,
    depthwise: Depthwise,
    project: Linear,
}

impl Bottleneck {
    /// `conv1`, `conv2` and `conv3` below `vb`.
    pub(crate) fn load(isa: Isa, vb: &VarBuilder<'_>, stride: usize) -> Result<Self> {
        let pointwise = |name: &str| {
            let vb = vb.pp(name);
            let (outputs, inputs, ..) = vb.get_unchecked("c.weight")?.dims4()?;
            let (weight, bias) = conv_bn(&vb, [outputs, inputs, 1, 1])?;
            Linear::new(isa, &weight, Some(&bias))
        };
        let expand = pointwise("conv1")?;
        let depthwise = depthwise_bn(&vb.pp("conv2"), expand.outputs())?;
        let depthwise = Depthwise::new(&depthwise, stride, true)?;
        Ok(Self { expand, depthwise, project: pointwise("conv3")? })
    }

    /// `bottleneck(x)` and its shape.
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], shape: Shape) -> (Vec<f32>, Shape) {
        self.lines(isa, x, shape, |_, line| elementwise::add_bias(isa, line, &self.project.bias))
    }

    /// `gelu(x + bottleneck(x))`.
    pub(crate) fn residual(&self, isa: Isa, x: &[f32], shape: Shape) -> Vec<f32> {
        let finish = |y: usize, line: &mut [f32]| {
            let before = &x[y * line.len()..][..line.len()];
            elementwise::add_bias_and_gelu(isa, line, &self.project.bias, before);
        };
        self.lines(isa, x, shape, finish).0
    }

    /// Computes every output line but its bias, and hands it to `finish` with its number.
    fn lines(
        &self,
        isa: Isa,
        x: &[f32],
        shape: Shape,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> (Vec<f32>, Shape) {
        let hidden = Shape { channels: self.expand.outputs(), ..shape };
        let to = self.depthwise.shape_after(hidden);
        let out_shape = Shape { channels: self.project.outputs(), ..to };
        let mut out = vec![0.0; out_shape.len()];
        let line = out_shape.width * out_shape.channels;
        out.par_chunks_mut(STRIP * line).enumerate().for_each_init(
            || (Expanded::new(hidden), vec![0.0; to.width * to.channels]),
            |(expanded, mixed), (strip, out)| {
                for (index, out) in out.chunks_exact_mut(line).enumerate() {
                    let y = strip * STRIP + index;
                    for source in self.depthwise.source_lines(y, shape.height) {
                        expanded.make(isa, &self.expand, x, source);
                    }
                    let lines =
                        self.depthwise.around(y, shape.height, |source| expanded.line(source));
                    self.depthwise.line(isa, lines, hidden.width, mixed);
                    self.project.product(isa, mixed, out);
                    finish(y, out);
                }
            },
        );
        (out, out_shape)
    }
}

/// Three lines of the hidden image; line `y` lies in place `y % 3`.
struct Expanded {
    lines: [Vec<f32>; 3],
    held: [Option<usize>; 3],
}

impl Expanded {
    fn new(shape: Shape) -> Self {
        let line = || vec![0.0; shape.width * shape.channels];
        Self { lines: [line(), line(), line()], held: [None; 3] }
    }

    fn make(&mut self, isa: Isa, expand: &Linear, x: &[f32], y: usize) {
        let place = y % 3;
        if self.held[place] == Some(y) {
            return;
        }
        let out = &mut self.lines[place];
        let length = out.len() / expand.outputs() * expand.inputs();
        expand.product(isa, &x[y * length..][..length], out);
        elementwise::bias_gelu(isa, out, &expand.bias);
        self.held[place] = Some(y);
    }

    fn line(&self, y: usize) -> &[f32] {
        &self.lines[y % 3]
    }
}
