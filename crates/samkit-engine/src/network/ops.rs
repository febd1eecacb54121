//! Operations that candle lacks or that cost too much there, for channels-last tensors.
//!
//! On a CPU they run their own kernels; on other devices they fall back to candle's operations.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor};
use candle_nn::{LayerNorm, Linear, VarBuilder};
use rayon::prelude::*;

use super::erf::gelu;

/// The exact (erf) GELU of every element.
pub(crate) fn gelu_erf(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { x.contiguous()?.apply_op1_no_bwd(&Gelu) } else { x.gelu_erf() }
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu-erf"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(storage, layout)?;
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(out, x)| {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = gelu(x);
            }
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

/// Elements handed to a thread at a time.
const CHUNK: usize = 1 << 14;

/// Depthwise 3×3 convolution with padding 1 of a channels-last image.
///
/// `x` is (batch, height, width, channels), `weight` (9, channels) row by row, `bias` (channels).
pub(crate) fn depthwise3x3(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: usize,
) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op3_no_bwd(weight, bias, &Depthwise { stride });
    }
    let channels = bias.dim(0)?;
    let kernel = weight.t()?.reshape((channels, 1, 3, 3))?;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    x.conv2d(&kernel, 1, stride, 1, channels)?.permute((0, 2, 3, 1))?.broadcast_add(bias)
}

struct Depthwise {
    stride: usize,
}

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-3x3"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = x_layout.shape().dims4()?;
        let x = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let out_side = |n: usize| (n - 1) / self.stride + 1;
        let (out_height, out_width) = (out_side(height), out_side(width));
        let mut out = vec![0.0f32; batch * out_height * out_width * channels];
        let row = width * channels;
        out.par_chunks_mut(out_width * channels).enumerate().for_each(|(index, out)| {
            let (image, y) = (index / out_height, index % out_height);
            let image = &x[image * height * row..(image + 1) * height * row];
            for (x, out) in out.chunks_exact_mut(channels).enumerate() {
                out.copy_from_slice(bias);
                for (tap, weight) in weight.chunks_exact(channels).enumerate() {
                    // Position of the tap plus one, so that padding does not go below zero.
                    let (source_y, source_x) =
                        (y * self.stride + tap / 3, x * self.stride + tap % 3);
                    if !(1..=height).contains(&source_y) || !(1..=width).contains(&source_x) {
                        continue;
                    }
                    let start = (source_y - 1) * row + (source_x - 1) * channels;
                    let source = &image[start..start + channels];
                    for ((out, source), weight) in out.iter_mut().zip(source).zip(weight) {
                        *out += source * weight;
                    }
                }
            }
        });
        Ok((CpuStorage::F32(out), (batch, out_height, out_width, channels).into()))
    }
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("expected a contiguous tensor, found strides {:?}", layout.stride())
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// A linear layer of the checkpoint.
pub(crate) fn linear(vb: &VarBuilder<'_>, inputs: usize, outputs: usize) -> Result<Linear> {
    candle_nn::linear(inputs, outputs, vb.clone())
}

/// A LayerNorm of the checkpoint over the last dimension. A `LayerNorm2d` is the same thing on a
/// channels-last tensor.
pub(crate) fn layer_norm(vb: &VarBuilder<'_>, channels: usize, eps: f64) -> Result<LayerNorm> {
    Ok(LayerNorm::new(vb.get(channels, "weight")?, vb.get(channels, "bias")?, eps))
}

/// A convolution with its BatchNorm (`c`, `bn` of the checkpoint) folded into one weight and bias.
///
/// `shape` is (out, in / groups, height, width).
pub(crate) fn conv_bn(vb: &VarBuilder<'_>, shape: [usize; 4]) -> Result<(Tensor, Tensor)> {
    const EPS: f64 = 1e-5;
    let weight = vb.get(&shape, "c.weight")?;
    let bn = |name| vb.get(shape[0], &format!("bn.{name}"));
    let scale = (bn("weight")? / (bn("running_var")? + EPS)?.sqrt()?)?;
    let bias = (bn("bias")? - (bn("running_mean")? * &scale)?)?;
    Ok((weight.broadcast_mul(&scale.reshape((shape[0], 1, 1, 1))?)?, bias))
}

/// A 1×1 convolution with its BatchNorm, as a linear layer on channels-last tensors.
pub(crate) fn pointwise_bn(vb: &VarBuilder<'_>, inputs: usize, outputs: usize) -> Result<Linear> {
    let (weight, bias) = conv_bn(vb, [outputs, inputs, 1, 1])?;
    Ok(Linear::new(weight.reshape((outputs, inputs))?, Some(bias)))
}

/// A depthwise 3×3 convolution with its BatchNorm, in the form that [`depthwise3x3`] takes.
pub(crate) fn depthwise_bn(vb: &VarBuilder<'_>, channels: usize) -> Result<(Tensor, Tensor)> {
    let (weight, bias) = conv_bn(vb, [channels, 1, 3, 3])?;
    Ok((weight.reshape((channels, 9))?.t()?.contiguous()?, bias))
}

/// A 2×2 transposed convolution with stride 2 as a linear layer on channels-last tensors: every
/// input pixel becomes 2×2 output pixels, laid out (row, column, channel) in the output.
pub(crate) fn conv_transpose2x2(
    vb: &VarBuilder<'_>,
    inputs: usize,
    outputs: usize,
) -> Result<Linear> {
    let weight = vb.get((inputs, outputs, 2, 2), "weight")?;
    let weight = weight.permute((2, 3, 1, 0))?.reshape((4 * outputs, inputs))?.contiguous()?;
    let bias = vb.get(outputs, "bias")?;
    Ok(Linear::new(weight, Some(Tensor::cat(&[&bias; 4], 0)?)))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn random(shape: impl Into<Shape>) -> Tensor {
        Tensor::randn(0.0f32, 1.0, shape, &Device::Cpu).expect("a tensor")
    }

    fn worst(a: &Tensor, b: &Tensor) -> f32 {
        assert_eq!(a.dims(), b.dims());
        let difference =
            (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)).expect("a difference");
        difference.to_scalar().expect("a scalar")
    }

    #[test]
    fn depthwise_equals_candles_grouped_convolution() -> Result<()> {
        for (height, width, channels, stride) in
            [(5, 7, 3, 1), (8, 6, 16, 2), (1, 1, 4, 1), (9, 9, 5, 2)]
        {
            let x = random((2, height, width, channels));
            let (weight, bias) = (random((9, channels)), random(channels));
            let kernel = weight.t()?.reshape((channels, 1, 3, 3))?;
            let nchw = x.permute((0, 3, 1, 2))?.contiguous()?;
            let expected = nchw.conv2d(&kernel, 1, stride, 1, channels)?;
            let expected = expected.permute((0, 2, 3, 1))?.broadcast_add(&bias)?;
            // Nine products in another order: a few roundings of values around 10.
            assert!(worst(&depthwise3x3(&x, &weight, &bias, stride)?, &expected) < 1e-5);
        }
        Ok(())
    }

    #[test]
    fn gelu_equals_candles() -> Result<()> {
        let x = (random((3, 1000)) * 3.0)?;
        assert!(worst(&gelu_erf(&x)?, &x.gelu_erf()?) < 2e-6);
        Ok(())
    }

    #[test]
    fn transposed_convolution_equals_candles() -> Result<()> {
        let (weight, bias) = (random((6, 3, 2, 2)), random(3));
        let x = random((2, 6, 4, 5));
        let expected =
            x.conv_transpose2d(&weight, 0, 0, 2, 1)?.broadcast_add(&bias.reshape((1, 3, 1, 1))?)?;
        let tensors = [("weight".to_owned(), weight), ("bias".to_owned(), bias)].into();
        let vb = VarBuilder::from_tensors(tensors, candle_core::DType::F32, &Device::Cpu);
        let layer = conv_transpose2x2(&vb, 6, 3)?;
        let tokens = x.permute((0, 2, 3, 1))?.reshape((2 * 4 * 5, 6))?;
        let got = candle_nn::Module::forward(&layer, &tokens)?.reshape(&[2, 4, 5, 2, 2, 3][..])?;
        let got = got.permute(vec![0, 5, 1, 3, 2, 4])?.reshape((2, 3, 8, 10))?;
        assert!(worst(&got, &expected) < 1e-5);
        Ok(())
    }
}
