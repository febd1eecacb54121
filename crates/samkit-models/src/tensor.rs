//! Tensors between formats: names, shapes and `f32` values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use safetensors::tensor::{Dtype as StDtype, View};

use crate::ModelError;

/// A network's parameters by name, ordered so that output is reproducible.
pub(crate) type StateDict = BTreeMap<String, Tensor>;

/// A dense row-major tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f32>,
}

impl Tensor {
    /// Panics if `shape` and `data` disagree: the caller has checked.
    pub(crate) fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data }
    }

    /// The same values under another shape of the same size.
    pub(crate) fn reshaped(self, shape: &[usize]) -> Self {
        Self::new(shape, self.data)
    }

    /// A matrix with rows and columns exchanged.
    pub(crate) fn transposed(&self) -> Self {
        let [rows, columns] = self.shape[..] else {
            panic!("only matrices are transposed, not {:?}", self.shape);
        };
        let data = (0..columns)
            .flat_map(|c| (0..rows).map(move |r| (r, c)))
            .map(|(r, c)| self.data[r * columns + c])
            .collect();
        Self::new([columns, rows], data)
    }
}

/// Element types that weights are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    Bool,
    U8,
    I8,
    I16,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// Little-endian bytes as `f32`; a partial element at the end is dropped.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks().0.iter().map(|c| value(*c)).collect()
        }
        match self {
            Self::Bool => each(bytes, |[b]| f32::from(u8::from(b != 0))),
            Self::U8 => each(bytes, |[b]| f32::from(b)),
            Self::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::F16 => each(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}

impl View for &Tensor {
    fn dtype(&self) -> StDtype {
        StDtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }
}

/// Writes a state dict as safetensors with one metadata entry, `samkit`.
///
/// The same tensors and metadata always give the same bytes: with several
/// entries their order in the header would be random.
pub(crate) fn write_safetensors(
    tensors: &StateDict,
    metadata: String,
    path: &Path,
) -> Result<(), ModelError> {
    let metadata = HashMap::from([("samkit".to_owned(), metadata)]);
    // The library makes files that only their owner can read, but a store may
    // be shared: take the permissions that any other new file gets.
    let usual = path.with_extension("permissions");
    File::create(&usual)
        .and_then(|file| file.metadata())
        .map(|new| new.permissions())
        .and_then(|permissions| {
            safetensors::serialize_to_file(tensors, Some(metadata), path)
                .map_err(std::io::Error::other)?;
            std::fs::set_permissions(path, permissions)
        })
        .map_err(ModelError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_decodes_to_the_value_it_stands_for() {
        assert_eq!(Dtype::Bool.decode(&[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(Dtype::U8.decode(&[200]), [200.0]);
        assert_eq!(Dtype::I8.decode(&[0xff]), [-1.0]);
        assert_eq!(Dtype::I16.decode(&(-300i16).to_le_bytes()), [-300.0]);
        assert_eq!(Dtype::I32.decode(&70_000i32.to_le_bytes()), [70_000.0]);
        assert_eq!(Dtype::I64.decode(&(-5i64).to_le_bytes()), [-5.0]);
        assert_eq!(Dtype::F16.decode(&[0x00, 0x3e]), [1.5]);
        assert_eq!(Dtype::Bf16.decode(&[0xc0, 0x3f]), [1.5]);
        assert_eq!(Dtype::F32.decode(&0.1f32.to_le_bytes()), [0.1]);
        assert_eq!(Dtype::F64.decode(&0.25f64.to_le_bytes()), [0.25]);
    }

    #[test]
    fn transposing_exchanges_rows_and_columns() {
        let matrix = Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]);
        assert_eq!(matrix.transposed(), Tensor::new([3, 2], vec![1., 4., 2., 5., 3., 6.]));
    }
}
