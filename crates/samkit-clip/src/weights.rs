//! `model.safetensors`, tensor by tensor.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::ClipError;

/// Longest header that is believed.
const MAX_HEADER: u64 = 100 << 20;

/// An open file of weights. Tensors are read when they are asked for, so that the file never lies
/// in memory beside the packed weights.
pub(crate) struct Weights {
    path: PathBuf,
    file: File,
    /// Where the tensors begin.
    start: u64,
    metadata: Metadata,
}

impl Weights {
    pub(crate) fn open(path: &Path) -> Result<Self, ClipError> {
        let read = |source| ClipError::Read { path: path.to_owned(), source };
        let bad = |reason: String| ClipError::NotSafetensors { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        let mut count = [0; 8];
        file.read_exact(&mut count).map_err(|_| bad(format!("it has {length} bytes")))?;
        let count = u64::from_le_bytes(count);
        if count > MAX_HEADER || count + 8 > length {
            return Err(bad(format!("it has {length} bytes, and its header should have {count}")));
        }
        let mut header = vec![0; count as usize];
        file.read_exact(&mut header).map_err(read)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| bad(error.to_string()))?;
        let (start, data) = (8 + count, metadata.data_len() as u64);
        if start + data != length {
            return Err(bad(format!("it has {length} bytes, expected {}", start + data)));
        }
        Ok(Self { path: path.to_owned(), file, start, metadata })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// The values of a tensor that has this shape.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ClipError> {
        let path = || self.path.clone();
        let (name, expected) = (name.to_owned(), shape.to_vec());
        let Some(info) = self.metadata.info(&name) else {
            return Err(ClipError::MissingTensor { path: path(), name, expected });
        };
        if info.shape != shape {
            let found = info.shape.clone();
            return Err(ClipError::TensorShape { path: path(), name, found, expected });
        }
        let bytes = self.bytes(info)?;
        match info.dtype {
            Dtype::F32 => Ok(values(&bytes, f32::from_le_bytes)),
            Dtype::F16 => Ok(values(&bytes, |bits| f16::from_le_bytes(bits).to_f32())),
            Dtype::BF16 => Ok(values(&bytes, |bits| bf16::from_le_bytes(bits).to_f32())),
            other => Err(ClipError::TensorType { path: path(), name, found: format!("{other:?}") }),
        }
    }

    fn bytes(&self, info: &TensorInfo) -> Result<Vec<u8>, ClipError> {
        let read = |source| ClipError::Read { path: self.path.clone(), source };
        let (first, end) = info.data_offsets;
        let mut bytes = vec![0; end - first];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start + first as u64)).map_err(read)?;
        file.read_exact(&mut bytes).map_err(read)?;
        Ok(bytes)
    }
}

fn values<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bits| value(bits)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use safetensors::tensor::TensorView;

    use super::*;

    /// A file with one tensor of each format.
    fn file(folder: &Path) -> PathBuf {
        let f32s: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let f16s: Vec<u8> =
            [1.5f32, -2.0].map(f16::from_f32).iter().flat_map(|v| v.to_le_bytes()).collect();
        let bf16s: Vec<u8> =
            [1.5f32, -2.0].map(bf16::from_f32).iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = |dtype, data| TensorView::new(dtype, vec![2], data).expect("a view");
        let tensors = BTreeMap::from([
            ("single", view(Dtype::F32, &f32s)),
            ("half", view(Dtype::F16, &f16s)),
            ("brain", view(Dtype::BF16, &bf16s)),
            ("whole", TensorView::new(Dtype::U8, vec![2], &[1, 2]).expect("a view")),
        ]);
        let path = folder.join("model.safetensors");
        safetensors::serialize_to_file(tensors, None, &path).expect("written");
        path
    }

    #[test]
    fn tensors_come_in_three_formats() {
        let folder = tempfile::tempdir().expect("a folder");
        let weights = Weights::open(&file(folder.path())).expect("weights");
        for name in ["single", "half", "brain"] {
            assert_eq!(weights.get(name, &[2]).expect(name), [1.5, -2.0], "{name}");
        }
        let error = weights.get("whole", &[2]).expect_err("bytes").to_string();
        assert!(error.ends_with("`whole` is of type U8, expected F32, F16 or BF16"), "{error}");
    }

    #[test]
    fn errors_name_the_tensor_and_both_shapes() {
        let folder = tempfile::tempdir().expect("a folder");
        let weights = Weights::open(&file(folder.path())).expect("weights");
        let error = weights.get("single", &[1, 2]).expect_err("shape").to_string();
        assert!(error.ends_with("tensor `single` has shape [2], expected [1, 2]"), "{error}");
        let error = weights.get("none", &[3]).expect_err("missing").to_string();
        assert!(error.ends_with("has no tensor `none`, expected with shape [3]"), "{error}");
    }

    #[test]
    fn a_cut_file_is_refused_wherever_it_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path());
        let whole = std::fs::read(&path).expect("bytes");
        for length in [0, 7, 8, 50, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let error = Weights::open(&path).err().expect("an error");
            assert!(matches!(error, ClipError::NotSafetensors { .. }), "{length}: {error}");
        }
    }
}
