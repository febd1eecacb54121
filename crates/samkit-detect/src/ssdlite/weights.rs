//! The stored weights as layers.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use samkit_engine::layers::{Activation, Dense, Depthwise3x3};

use crate::DetectError;

/// Shape and values.
type Tensor = (Vec<usize>, Vec<f32>);

/// Tensors by name.
pub(super) struct Weights {
    path: PathBuf,
    tensors: Vec<(String, Tensor)>,
}

impl Weights {
    pub(super) fn read(path: &Path) -> Result<Self, DetectError> {
        let bytes = std::fs::read(path)
            .map_err(|source| DetectError::Read { path: path.to_owned(), source })?;
        let bad = |reason: String| DetectError::Weights { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(&bytes).map_err(|error| bad(error.to_string()))?;
        let tensors = file.iter().map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                return Err(bad(format!("tensor `{name}` is not of type F32")));
            }
            let values = view.data().as_chunks().0.iter().map(|&four| f32::from_le_bytes(four));
            Ok((name.to_owned(), (view.shape().to_vec(), values.collect())))
        });
        Ok(Self { path: path.to_owned(), tensors: tensors.collect::<Result<_, _>>()? })
    }

    fn bad(&self, reason: String) -> DetectError {
        DetectError::Weights { path: self.path.clone(), reason }
    }

    /// Shape and values.
    pub(super) fn get(&self, name: &str) -> Result<&Tensor, DetectError> {
        let found = self.tensors.iter().find(|(known, _)| known == name);
        let missing = || self.bad(format!("tensor `{name}` is missing"));
        found.map(|(_, tensor)| tensor).ok_or_else(missing)
    }

    /// A layer's weight and bias, which fit each other.
    fn layer(&self, name: &str) -> Result<(&Tensor, &[f32]), DetectError> {
        let weight = self.get(&format!("{name}.weight"))?;
        let (shape, bias) = self.get(&format!("{name}.bias"))?;
        if weight.0.len() != 2 || weight.0.last() != shape.last() || bias.is_empty() {
            return Err(self.bad(format!("layer `{name}` has shapes {:?} and {shape:?}", weight.0)));
        }
        Ok((weight, bias))
    }

    pub(super) fn dense(&self, name: &str, activation: Activation) -> Result<Dense, DetectError> {
        let ((_, weight), bias) = self.layer(name)?;
        Ok(Dense::new(weight, bias, activation))
    }

    pub(super) fn depthwise(&self, name: &str, stride: usize) -> Result<Depthwise3x3, DetectError> {
        let ((shape, weight), bias) = self.layer(name)?;
        if shape[0] != 9 {
            return Err(self.bad(format!("layer `{name}` has shape {shape:?}, expected 9 rows")));
        }
        Ok(Depthwise3x3::new(weight, bias, stride, Activation::Relu6))
    }
}
