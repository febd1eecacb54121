//! Safetensors files: whole ones for conversion, and the cheap check that a
//! stored one is what its header says.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as StDtype, Metadata};

use crate::ModelError;
use crate::tensor::{Dtype, StateDict, Tensor};

/// What the format itself allows for the header.
const HEADER_LIMIT: u64 = 100_000_000;

/// Reads every tensor as `f32`.
pub(crate) fn read(path: &Path) -> Result<StateDict, ModelError> {
    let bad = |reason: String| ModelError::Format {
        path: path.to_owned(),
        format: "safetensors",
        reason,
    };
    let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
    file.iter()
        .map(|(name, view)| {
            let dtype = dtype(view.dtype())
                .ok_or_else(|| bad(format!("tensor `{name}` has type {}", view.dtype())))?;
            let data = dtype.decode(view.data());
            Ok((name.to_owned(), Tensor::new(view.shape(), data)))
        })
        .collect()
}

/// Checks header and length without reading the tensors.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| format!("it cannot be opened: {e}"))?;
    let length = file.metadata().map_err(|e| format!("its size is unknown: {e}"))?.len();
    let mut prefix = [0; 8];
    file.read_exact(&mut prefix).map_err(|_| "it has no safetensors header".to_owned())?;
    let header_length = u64::from_le_bytes(prefix);
    if header_length > HEADER_LIMIT.min(length) {
        return Err("it has no safetensors header".to_owned());
    }
    let mut header = Vec::new();
    file.take(header_length)
        .read_to_end(&mut header)
        .map_err(|e| format!("it cannot be read: {e}"))?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|e| format!("its safetensors header is damaged: {e}"))?;
    let expected = 8 + header_length + metadata.data_len() as u64;
    if expected != length {
        return Err(format!("its header calls for {expected} bytes, it has {length}"));
    }
    Ok(())
}

fn dtype(dtype: StDtype) -> Option<Dtype> {
    Some(match dtype {
        StDtype::BOOL => Dtype::Bool,
        StDtype::U8 => Dtype::U8,
        StDtype::I8 => Dtype::I8,
        StDtype::I16 => Dtype::I16,
        StDtype::I32 => Dtype::I32,
        StDtype::I64 => Dtype::I64,
        StDtype::F16 => Dtype::F16,
        StDtype::BF16 => Dtype::Bf16,
        StDtype::F32 => Dtype::F32,
        StDtype::F64 => Dtype::F64,
        _ => return None,
    })
}
