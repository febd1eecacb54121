//! Linear layers with packed weights.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::bf16::{self, PackedBf16};
use super::elementwise;
use super::gemm::{Packed, gemm};
use super::isa::Isa;
use super::microkernel::{Rows, Sums};
use crate::precision::Precision;

/// Rows that a thread takes at a time: their inputs and outputs stay in its second-level cache.
pub(crate) const BLOCK: usize = 128;

/// What a layer is packed for.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    pub(crate) isa: Isa,
    pub(crate) precision: Precision,
}

impl From<Isa> for Kernels {
    fn from(isa: Isa) -> Self {
        Self { isa, precision: Precision::F32 }
    }
}

/// `x · Wᵀ + b`, packed.
pub(crate) struct Linear {
    weight: Weight,
    pub(crate) bias: Vec<f32>,
}

/// (inputs, outputs), packed.
enum Weight {
    F32(Packed),
    Bf16(PackedBf16),
}

impl Linear {
    /// A layer of the checkpoint: `weight` (outputs, inputs) and `bias`, zero when there is none.
    pub(crate) fn load(kernels: impl Into<Kernels>, vb: &VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get_unchecked("weight")?;
        let bias = vb.contains_tensor("bias").then(|| vb.get_unchecked("bias")).transpose()?;
        Self::new(kernels, &weight, bias.as_ref())
    }

    /// From a weight whose first dimension is the outputs.
    pub(crate) fn new(
        kernels: impl Into<Kernels>,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Self> {
        let Kernels { isa, precision } = kernels.into();
        let outputs = weight.dim(0)?;
        let weight = values(weight)?;
        let inputs = weight.len() / outputs;
        let element = |k: usize, j: usize| weight[j * inputs + k];
        Ok(Self {
            weight: match precision {
                Precision::F32 => Weight::F32(Packed::new(isa, inputs, outputs, element)),
                Precision::Bf16 => Weight::Bf16(PackedBf16::new(inputs, outputs, element)),
            },
            bias: bias.map_or_else(|| Ok(vec![0.0; outputs]), values)?,
        })
    }

    /// The same with another bias.
    pub(crate) fn with_bias(self, bias: Vec<f32>) -> Self {
        Self { bias, ..self }
    }

    /// From a packed (inputs, outputs) matrix.
    pub(crate) fn from_packed(weight: Packed, bias: Vec<f32>) -> Self {
        Self { weight: Weight::F32(weight), bias }
    }

    pub(crate) fn inputs(&self) -> usize {
        match &self.weight {
            Weight::F32(weight) => weight.depth(),
            Weight::Bf16(weight) => weight.depth(),
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        match &self.weight {
            Weight::F32(weight) => weight.columns(),
            Weight::Bf16(weight) => weight.columns(),
        }
    }

    /// `x · Wᵀ` without the bias, on this thread; rows lie close.
    pub(crate) fn product(&self, isa: Isa, x: &[f32], out: &mut [f32]) {
        let weight = match &self.weight {
            Weight::F32(weight) => weight,
            Weight::Bf16(weight) => return bf16::product(isa, x, weight, out),
        };
        let (inputs, outputs) = (weight.depth(), weight.columns());
        let sums = Sums { data: out, stride: outputs, accumulate: false };
        let rows = Rows { data: x, row: inputs, column: 1 };
        gemm(isa, x.len() / inputs, rows, weight.view(isa), sums);
    }

    /// `x · Wᵀ + b` of a few rows, on this thread.
    pub(crate) fn few(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len() / self.inputs() * self.outputs()];
        self.product(isa, x, &mut out);
        for row in out.chunks_exact_mut(self.bias.len()) {
            for (out, bias) in row.iter_mut().zip(&self.bias) {
                *out += bias;
            }
        }
        out
    }

    /// Adds the bias to rows.
    pub(crate) fn add_bias(&self, isa: Isa, rows: &mut [f32]) {
        elementwise::add_bias(isa, rows, &self.bias);
    }

    /// `finish(first row, x · Wᵀ)` for blocks of rows, on all threads.
    pub(crate) fn blocks(
        &self,
        isa: Isa,
        x: &[f32],
        out: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let blocks = out.par_chunks_mut(BLOCK * outputs).zip(x.par_chunks(BLOCK * inputs));
        blocks.enumerate().for_each(|(index, (out, x))| {
            self.product(isa, x, out);
            finish(index * BLOCK, out);
        });
    }
}

/// The values of a tensor, in order.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}
