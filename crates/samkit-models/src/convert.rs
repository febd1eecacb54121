//! From source files to the state dict that the engine loads.

use std::path::{Path, PathBuf};

use crate::format::{self, Format};
use crate::tensor::StateDict;
use crate::{Conversion, ModelError, ModelSpec};

mod layout;
mod mobile_sam;
mod onnx_pair;
mod sam_vit;
mod ssdlite;

use layout::Layout;

/// Reads `files` in whatever known format they are and converts them.
pub(crate) fn convert(spec: &ModelSpec, files: &[PathBuf]) -> Result<StateDict, ModelError> {
    let wrong = |reason: String| ModelError::WrongModel { id: spec.id.clone(), reason };
    if let (Conversion::SsdLite, [_, _, ..]) = (spec.conversion, files) {
        // Shards have no mark that says what they are.
        return ssdlite::from_graph(&format::tfjs::read(files)?).map_err(wrong);
    }
    let formats: Vec<Format> =
        files.iter().map(|file| format::detect(file)).collect::<Result<_, _>>()?;
    match (spec.conversion, &formats[..], files) {
        (Conversion::MobileSam, [Format::Onnx, Format::Onnx], [a, b]) => {
            onnx_pair::recover(&format::onnx::read(a)?, &format::onnx::read(b)?).map_err(wrong)
        }
        (conversion, [Format::PyTorch | Format::Safetensors], [file]) => {
            let tensors = read_state_dict(file, formats[0])?;
            match conversion {
                Conversion::Unchanged | Conversion::Clip => Ok(tensors),
                Conversion::MobileSam => mobile_sam::from_state_dict(tensors),
                Conversion::SamVit { embed_dim, depth } => {
                    sam_vit::layout(embed_dim, depth).select(tensors)
                }
                Conversion::SsdLite => ssdlite::layout().select(tensors),
            }
            .map_err(wrong)
        }
        (conversion, _, _) => Err(wrong(format!(
            "expected {}, got {formats:?}",
            match conversion {
                Conversion::MobileSam =>
                    "one PyTorch or safetensors file, or encoder and decoder as two ONNX files",
                Conversion::SsdLite => "model.json and its five shards, in this order",
                Conversion::Unchanged | Conversion::Clip | Conversion::SamVit { .. } =>
                    "one PyTorch or safetensors file",
            }
        ))),
    }
}

fn read_state_dict(file: &Path, format: Format) -> Result<StateDict, ModelError> {
    match format {
        Format::PyTorch => format::pytorch::read(file),
        Format::Safetensors => format::safetensors::read(file),
        Format::Onnx => unreachable!("an ONNX graph is not a state dict"),
    }
}
