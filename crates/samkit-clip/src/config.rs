//! `config.json` of a CLIP model, in the layout of Hugging Face's `CLIPConfig`.

use std::path::Path;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::ClipError;

/// The activation functions that are known, for messages.
pub(crate) const ACTIVATIONS: &str = "`quick_gelu` and `gelu`";

/// An activation function between the layers of an MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x · sigmoid(1.702 x)`.
    QuickGelu,
    /// The exact GELU.
    Gelu,
}

/// What both towers have: a stack of transformer blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stack {
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) activation: Activation,
    pub(crate) eps: f64,
}

/// The whole model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) text: Stack,
    pub(crate) vision: Stack,
    pub(crate) vocabulary: usize,
    /// Longest sequence of tokens.
    pub(crate) positions: usize,
    /// The token at whose place a text's embedding is read off.
    pub(crate) end: End,
    /// Pixels a side of what the network sees.
    pub(crate) side: usize,
    /// Pixels a side of a patch.
    pub(crate) patch: usize,
    /// Values of an embedding.
    pub(crate) dim: usize,
    /// Logarithm of the factor for cosines, where the weights have none.
    pub(crate) logit_scale: f32,
}

/// How the end of a text is found among its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The highest id: configurations of the first published models give a wrong end token, 2.
    Highest,
    /// The first token of this id.
    Token(u32),
}

impl End {
    /// Where the end is; the first place when there is none.
    pub(crate) fn position(self, ids: &[u32]) -> usize {
        let end = match self {
            Self::Highest => ids.iter().copied().max().unwrap_or(0),
            Self::Token(id) => id,
        };
        ids.iter().position(|&id| id == end).unwrap_or(0)
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct TextKeys {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    eos_token_id: u32,
}

impl Default for TextKeys {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
            eos_token_id: 49_407,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct VisionKeys {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

impl Default for VisionKeys {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Keys {
    projection_dim: usize,
    logit_scale_init_value: f32,
}

impl Default for Keys {
    fn default() -> Self {
        Self { projection_dim: 512, logit_scale_init_value: 2.6592 }
    }
}

impl Config {
    /// Reads the file; keys that are missing have the values of `CLIPConfig`.
    pub(crate) fn read(path: &Path) -> Result<Self, ClipError> {
        let read = |source| ClipError::Read { path: path.to_owned(), source };
        Self::parse(path, &std::fs::read(path).map_err(read)?)
    }

    fn parse(path: &Path, json: &[u8]) -> Result<Self, ClipError> {
        let bad = |reason: String| ClipError::Config { path: path.to_owned(), reason };
        let all: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        let top: Keys = keys(all.clone()).map_err(bad)?;
        let text: TextKeys = keys(tower(&all, "text_config")).map_err(bad)?;
        let vision: VisionKeys = keys(tower(&all, "vision_config")).map_err(bad)?;
        if vision.num_channels != 3 {
            return Err(bad(format!("num_channels is {}, expected 3", vision.num_channels)));
        }
        let activation = |tower, found: &str| match found {
            "quick_gelu" => Ok(Activation::QuickGelu),
            "gelu" => Ok(Activation::Gelu),
            _ => {
                Err(ClipError::Activation { path: path.to_owned(), tower, found: found.to_owned() })
            }
        };
        let config = Self {
            text: Stack {
                width: text.hidden_size,
                hidden: text.intermediate_size,
                layers: text.num_hidden_layers,
                heads: text.num_attention_heads,
                activation: activation("text", &text.hidden_act)?,
                eps: text.layer_norm_eps,
            },
            vision: Stack {
                width: vision.hidden_size,
                hidden: vision.intermediate_size,
                layers: vision.num_hidden_layers,
                heads: vision.num_attention_heads,
                activation: activation("vision", &vision.hidden_act)?,
                eps: vision.layer_norm_eps,
            },
            vocabulary: text.vocab_size,
            positions: text.max_position_embeddings,
            end: if text.eos_token_id == 2 { End::Highest } else { End::Token(text.eos_token_id) },
            side: vision.image_size,
            patch: vision.patch_size,
            dim: top.projection_dim,
            logit_scale: top.logit_scale_init_value,
        };
        config.check().map_err(bad)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (tower, stack) in [("text_config", &self.text), ("vision_config", &self.vision)] {
            let Stack { width, hidden, layers, heads, .. } = *stack;
            if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
                return Err(format!(
                    "{tower}: hidden_size {width} is not a multiple of num_attention_heads {heads}"
                ));
            }
            if hidden == 0 || layers == 0 {
                return Err(format!(
                    "{tower}: intermediate_size {hidden} and num_hidden_layers {layers} have to be at least 1"
                ));
            }
        }
        if self.patch == 0 || self.patch > self.side {
            return Err(format!(
                "vision_config: patch_size {} does not fit image_size {}",
                self.patch, self.side
            ));
        }
        if self.positions < 3 || self.vocabulary == 0 || self.dim == 0 {
            return Err(format!(
                "max_position_embeddings {}, vocab_size {} and projection_dim {} are too small",
                self.positions, self.vocabulary, self.dim
            ));
        }
        Ok(())
    }

    /// Patches along each side.
    pub(crate) fn grid(&self) -> usize {
        self.side / self.patch
    }
}

/// The keys of a tower: those of `name_dict`, as older files have them, before those of `name`.
fn tower(all: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let object = |name: &str| all.get(name).and_then(Value::as_object).cloned();
    object(&format!("{name}_dict")).or_else(|| object(name)).unwrap_or_default()
}

/// Typed keys; `null` is as good as missing.
fn keys<T: DeserializeOwned>(mut map: Map<String, Value>) -> Result<T, String> {
    map.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Config, ClipError> {
        Config::parse("config.json".as_ref(), json.as_bytes())
    }

    #[test]
    fn an_empty_file_is_vit_b_32() {
        let config = parse("{}").expect("defaults");
        assert_eq!((config.side, config.patch, config.grid()), (224, 32, 7));
        assert_eq!((config.vision.width, config.text.width, config.dim), (768, 512, 512));
        assert_eq!((config.positions, config.end), (77, End::Token(49_407)));
    }

    #[test]
    fn older_keys_replace_a_tower_and_null_is_missing() {
        let config = parse(
            r#"{"projection_dim": 768,
                "text_config": {"hidden_size": 256, "num_hidden_layers": 3},
                "text_config_dict": {"hidden_size": 768, "num_attention_heads": null, "eos_token_id": 2},
                "vision_config_dict": null,
                "vision_config": {"image_size": 336, "patch_size": 14, "hidden_act": "gelu"}}"#,
        )
        .expect("a configuration");
        assert_eq!((config.text.width, config.text.heads, config.dim), (768, 8, 768));
        assert_eq!(config.text.layers, 12);
        assert_eq!((config.grid(), config.end), (24, End::Highest));
        assert_eq!(config.vision.activation, Activation::Gelu);
        assert_eq!(config.text.activation, Activation::QuickGelu);
    }

    #[test]
    fn errors_name_the_value_and_what_is_supported() {
        let error = parse(r#"{"text_config": {"hidden_act": "swish"}}"#).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "config.json: the text tower's hidden_act is `swish`, which is not supported"
        );
        let help = miette::Diagnostic::help(&error).expect("help").to_string();
        assert_eq!(help, "supported are `quick_gelu` and `gelu`");
        for (json, part) in [
            ("[]", "invalid type"),
            (r#"{"vision_config": {"num_attention_heads": 7}}"#, "multiple of"),
            (r#"{"vision_config": {"patch_size": 0}}"#, "patch_size 0"),
            (r#"{"vision_config": {"num_channels": 1}}"#, "num_channels is 1, expected 3"),
            (r#"{"text_config": {"num_hidden_layers": 0}}"#, "num_hidden_layers 0"),
            (r#"{"text_config": {"max_position_embeddings": 2}}"#, "max_position_embeddings 2"),
            (r#"{"text_config": {"hidden_size": "wide"}}"#, "invalid type"),
        ] {
            let error = parse(json).expect_err(json).to_string();
            assert!(error.contains(part), "{json}: {error}");
        }
    }

    #[test]
    fn the_end_is_the_token_or_the_highest_id() {
        let ids = [5, 9, 3, 9, 4];
        assert_eq!(End::Highest.position(&ids), 1);
        assert_eq!(End::Token(4).position(&ids), 4);
        assert_eq!(End::Token(7).position(&ids), 0);
    }
}
