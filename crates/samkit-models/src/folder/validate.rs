//! Whether a folder holds a CLIP, as far as a glance at each file says.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::{CONFIG, TOKENIZER, WEIGHTS};
use crate::format::{self, Format};
use crate::{ModelError, ModelSpec};

/// No configuration and no tokenizer is near this; what is larger is not read.
const JSON_LIMIT: u64 = 16 << 20;

/// Checks the three files of `dir`.
pub(super) fn folder(spec: &ModelSpec, dir: &Path) -> Result<(), ModelError> {
    config(spec, &dir.join(CONFIG))?;
    json(&dir.join(TOKENIZER))?;
    weights(spec, &dir.join(WEIGHTS))
}

pub(super) fn config(spec: &ModelSpec, path: &Path) -> Result<(), ModelError> {
    let config = json(path)?;
    let towers = ["text_config", "vision_config"].map(|name| config.get(name));
    let described = towers.iter().all(|tower| tower.is_some_and(Value::is_object));
    if described || config.get("model_type").is_some_and(|kind| kind == "clip") {
        return Ok(());
    }
    Err(ModelError::WrongModel {
        id: spec.id.clone(),
        reason: format!(
            "`{CONFIG}` describes no CLIP, expected `model_type` \"clip\", or `text_config` and \
             `vision_config`"
        ),
    })
}

/// Weights in either format; of safetensors the header and the length.
pub(super) fn weights(spec: &ModelSpec, path: &Path) -> Result<(), ModelError> {
    match format::detect(path)? {
        Format::PyTorch => Ok(()),
        Format::Safetensors => format::safetensors::check(path).map_err(|reason| {
            ModelError::Format { path: path.to_owned(), format: "safetensors", reason }
        }),
        Format::Onnx => Err(ModelError::WrongModel {
            id: spec.id.clone(),
            reason: "expected safetensors or PyTorch weights, got ONNX".to_owned(),
        }),
    }
}

/// A file that must be one JSON object.
pub(super) fn json(path: &Path) -> Result<Map<String, Value>, ModelError> {
    let bad = |reason: String| ModelError::Format { path: path.to_owned(), format: "JSON", reason };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(JSON_LIMIT + 1).read_to_end(&mut bytes))
        .map_err(ModelError::io("read", path))?;
    if bytes.len() as u64 > JSON_LIMIT {
        return Err(bad(format!("it is larger than {} MB", JSON_LIMIT >> 20)));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(bad("expected an object".to_owned())),
        Err(error) => Err(bad(error.to_string())),
    }
}
