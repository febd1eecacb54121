//! TensorFlow.js graph models: `model.json`, whose manifest says what lies where, and the shards
//! that hold the values one after the other.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ModelError;
use crate::tensor::{Dtype, StateDict, Tensor};

/// The parts of `model.json` that say where the weights are.
#[derive(Deserialize)]
struct Model {
    #[serde(rename = "weightsManifest")]
    groups: Vec<Group>,
}

/// Tensors that lie in the same shards.
#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Weight>,
}

#[derive(Deserialize)]
struct Weight {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    /// Present where values were rounded to fewer bits.
    quantization: Option<serde_json::Value>,
}

/// Reads every tensor as `f32`. The first file is `model.json`; the others are its shards, found by
/// their names, or in the manifest's order where they have other names.
pub(crate) fn read(files: &[PathBuf]) -> Result<StateDict, ModelError> {
    let (json, shards) = files.split_first().expect("a source has files");
    let bad =
        |reason: String| ModelError::Format { path: json.clone(), format: "TensorFlow.js", reason };
    let text = std::fs::read(json).map_err(ModelError::io("read", json))?;
    let model: Model = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let names: Vec<&String> = model.groups.iter().flat_map(|group| &group.paths).collect();
    if names.len() != shards.len() {
        return Err(bad(format!("it has {} shards, got {} files", names.len(), shards.len())));
    }
    let by_name = |name: &String| {
        shards.iter().find(|shard| shard.file_name() == Path::new(name).file_name())
    };
    let found: Option<Vec<&PathBuf>> = names.into_iter().map(by_name).collect();
    let mut shards = found.unwrap_or_else(|| shards.iter().collect()).into_iter();
    let mut tensors = StateDict::new();
    for group in &model.groups {
        let mut bytes = Vec::new();
        for shard in shards.by_ref().take(group.paths.len()) {
            bytes.extend(std::fs::read(shard).map_err(ModelError::io("read", shard))?);
        }
        let mut rest = &bytes[..];
        for weight in &group.weights {
            let (tensor, after) = weight.tensor(rest).map_err(bad)?;
            rest = after;
            tensors.insert(weight.name.clone(), tensor);
        }
        if !rest.is_empty() {
            return Err(bad(format!("its shards hold {} bytes too many", rest.len())));
        }
    }
    Ok(tensors)
}

impl Weight {
    /// The tensor at the beginning of `bytes`, and what follows it.
    fn tensor<'b>(&self, bytes: &'b [u8]) -> Result<(Tensor, &'b [u8]), String> {
        let name = &self.name;
        let dtype = match self.dtype.as_str() {
            "float32" => Dtype::F32,
            "int32" => Dtype::I32,
            other => return Err(format!("tensor `{name}` has type `{other}`")),
        };
        if self.quantization.is_some() {
            return Err(format!("tensor `{name}` is quantized, which samkit does not read"));
        }
        let count =
            self.shape.iter().try_fold(dtype.size(), |count, &side| count.checked_mul(side));
        let end = count.filter(|&end| end <= bytes.len());
        let end = end.ok_or_else(|| format!("the shards end before tensor `{name}` does"))?;
        let (own, rest) = bytes.split_at(end);
        Ok((Tensor::new(self.shape.clone(), dtype.decode(own)), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path, manifest: &str, shards: &[(&str, &[u8])]) -> Vec<PathBuf> {
        let json = dir.join("model.json");
        std::fs::write(&json, format!(r#"{{"weightsManifest":{manifest}}}"#)).expect("writable");
        let shard = |(name, bytes): &(&str, &[u8])| {
            let path = dir.join(name);
            std::fs::write(&path, bytes).expect("writable");
            path
        };
        std::iter::once(json).chain(shards.iter().map(shard)).collect()
    }

    #[test]
    fn tensors_run_on_from_shard_to_shard() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let manifest = r#"[{"paths":["a","b"],"weights":[
            {"name":"x","shape":[2],"dtype":"float32"},{"name":"n","shape":[],"dtype":"int32"}]}]"#;
        let bytes: Vec<u8> =
            [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes(), 7i32.to_le_bytes()].concat();
        // The shards in another order than the manifest's: names decide.
        let files = files(dir.path(), manifest, &[("b", &bytes[5..]), ("a", &bytes[..5])]);
        let tensors = read(&files).expect("readable");
        assert_eq!(tensors["x"], Tensor::new([2], vec![1.5, -2.0]));
        assert_eq!(tensors["n"].data, [7.0]);
    }

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let one = |dtype: &str, extra: &str| {
            format!(
                r#"[{{"paths":["a"],"weights":[
                {{"name":"x","shape":[1],"dtype":"{dtype}"{extra}}}]}}]"#
            )
        };
        let quantized = r#","quantization":{"dtype":"uint8"}"#;
        for (manifest, bytes, expected) in [
            (one("float32", ""), &[0u8; 3][..], "end before tensor `x`"),
            (one("float32", ""), &[0; 5], "1 bytes too many"),
            (one("string", ""), &[0; 4], "type `string`"),
            (one("float32", quantized), &[0; 4], "quantized"),
            ("[]".to_owned(), &[], "it has 0 shards, got 1 files"),
        ] {
            let files = files(dir.path(), &manifest, &[("a", bytes)]);
            let error = read(&files).expect_err("damaged").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
