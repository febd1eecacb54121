//! From texts to CLIP's tokens.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokenizers::TruncationParams;

use crate::ClipError;
use crate::config::{Config, End};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// What becomes one word: contractions, letters, one digit, or anything else without spaces.
const WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

pub(crate) struct Tokenizer(tokenizers::Tokenizer);

impl Tokenizer {
    /// Reads `tokenizer.json` of the folder, or `vocab.json` with `merges.txt`.
    pub(crate) fn load(folder: &Path, config: &Config) -> Result<Self, ClipError> {
        let [whole, vocabulary, merges] =
            ["tokenizer.json", "vocab.json", "merges.txt"].map(|name| folder.join(name));
        if whole.is_file() {
            Self::new(&whole, &read(&whole)?, config)
        } else if vocabulary.is_file() && merges.is_file() {
            let json = assembled(&vocabulary, &merges)?;
            Self::new(&vocabulary, json.to_string().as_bytes(), config)
        } else {
            let names = "tokenizer.json, nor vocab.json with merges.txt";
            Err(ClipError::MissingFile { folder: folder.to_owned(), names })
        }
    }

    fn new(path: &Path, json: &[u8], config: &Config) -> Result<Self, ClipError> {
        let bad = |reason: String| ClipError::Tokenizer { path: path.to_owned(), reason };
        let library = |error: tokenizers::Error| bad(format!("it is no tokenizer: {error}"));
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(json).map_err(library)?;
        let cut = TruncationParams { max_length: config.positions, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(library)?;
        tokenizer.with_padding(None);
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
        if highest >= config.vocabulary {
            return Err(bad(format!(
                "it has tokens up to {highest}, but the model's vocab_size is {}",
                config.vocabulary
            )));
        }
        let tokenizer = Self(tokenizer);
        let empty = tokenizer.ids("")?;
        match config.end {
            End::Token(end) if !empty.contains(&end) => Err(bad(format!(
                "it does not end a text with the model's eos_token_id {end}: the empty text is {empty:?}"
            ))),
            _ if empty.is_empty() => Err(bad("the empty text has no tokens".to_owned())),
            _ => Ok(tokenizer),
        }
    }

    /// The tokens of a text between those of start and end, at most as many as the network has
    /// positions: what is too long is cut off before the end.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, ClipError> {
        let bad = |error: tokenizers::Error| ClipError::Text {
            text: text.to_owned(),
            reason: error.to_string(),
        };
        Ok(self.0.encode(text, true).map_err(bad)?.get_ids().to_vec())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ClipError> {
    std::fs::read(path).map_err(|source| ClipError::Read { path: path.to_owned(), source })
}

/// The `tokenizer.json` that belongs to a vocabulary and its merges.
fn assembled(vocabulary: &PathBuf, merges: &PathBuf) -> Result<Value, ClipError> {
    let bad = |path: &PathBuf, reason: String| ClipError::Tokenizer { path: path.clone(), reason };
    let words: HashMap<String, u32> = serde_json::from_slice(&read(vocabulary)?)
        .map_err(|error| bad(vocabulary, error.to_string()))?;
    let id = |token: &str| {
        words.get(token).ok_or_else(|| bad(vocabulary, format!("it has no token `{token}`")))
    };
    let (start, end) = (id(START)?, id(END)?);
    let text = String::from_utf8(read(merges)?).map_err(|error| bad(merges, error.to_string()))?;
    let pairs: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with("#version")).collect();
    let special = |id: &u32, token: &str| {
        json!({
            "id": id, "content": token, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": [special(start, START), special(end, END)],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
            { "type": "Lowercase" },
        ]},
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": WORDS }, "behavior": "Removed", "invert": true },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        ]},
        "post_processor": {
            "type": "RobertaProcessing", "sep": [END, end], "cls": [START, start],
            "trim_offsets": false, "add_prefix_space": false,
        },
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE", "unk_token": END, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "vocab": words, "merges": pairs,
        },
    }))
}
