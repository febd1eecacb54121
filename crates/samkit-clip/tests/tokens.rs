//! CLIP's real vocabulary: tokens of more than a thousand texts equal those of Hugging Face's
//! transformers (`reference/make_tokens.py`).

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use samkit_clip::ClipModel;
use serde_json::{Map, Value};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("a file");
    GzDecoder::new(file).read_to_string(&mut text).expect("text");
    text
}

/// The letter that stands for every byte, in the order of the ids.
fn byte_letters() -> Vec<char> {
    let is_kept = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let kept = (0..256).filter(is_kept);
    let others = (0..256).filter(|byte| !is_kept(byte)).enumerate();
    let letters = kept.chain(others.map(|(index, _)| 256 + index as u32));
    letters.map(|letter| char::from_u32(letter).expect("a letter")).collect()
}

/// A folder with `vocab.json` and `merges.txt` of CLIP, and no `tokenizer.json`. The network in it
/// is small.
fn folder() -> tempfile::TempDir {
    let merges = read("data/clip_merges.txt.gz");
    let letters = byte_letters();
    let words = letters.iter().map(char::to_string);
    let words = words.chain(letters.iter().map(|letter| format!("{letter}</w>")));
    let words = words.chain(merges.lines().map(|pair| pair.replace(' ', "")));
    let words = words.chain(["<|startoftext|>".to_owned(), "<|endoftext|>".to_owned()]);
    let words: Map<String, Value> = words.zip((0u32..).map(Value::from)).collect();
    assert_eq!(words.len(), 49_408);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("vocab.json", Value::Object(words).to_string());
    write("merges.txt", format!("#version: 0.2\n{merges}"));
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny");
    let config = std::fs::read_to_string(tiny.join("config.json")).expect("a file");
    let config = config.replace("\"vocab_size\": 1014", "\"vocab_size\": 49408");
    let config =
        config.replace("\"max_position_embeddings\": 20", "\"max_position_embeddings\": 77");
    write("config.json", config);
    resized_weights(&tiny.join("model.safetensors"), &folder.path().join("model.safetensors"));
    folder
}

/// The small network with as many rows of embeddings as the vocabulary needs.
fn resized_weights(from: &Path, to: &Path) {
    let bytes = std::fs::read(from).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let rows = |name: &str, shape: &[usize]| match name {
        "text_model.embeddings.token_embedding.weight" => vec![49_408, shape[1]],
        "text_model.embeddings.position_embedding.weight" => vec![77, shape[1]],
        _ => shape.to_vec(),
    };
    let tensors: Vec<_> = file
        .iter()
        .map(|(name, view)| {
            let shape = rows(name, view.shape());
            let mut data = view.data().to_vec();
            data.resize(shape.iter().product::<usize>() * 4, 0);
            (name.to_owned(), shape, data)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, data)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
        (name, view.expect("a tensor"))
    });
    safetensors::serialize_to_file(views, None, to).expect("written");
}

#[test]
fn tokens_equal_transformers() {
    let model = ClipModel::load_generic(folder().path()).expect("a model");
    let expected: Vec<(String, Vec<u32>)> =
        serde_json::from_str(&read("fixtures/tokens.json.gz")).expect("JSON");
    assert!(expected.len() >= 1000);
    for (text, ids) in &expected {
        assert_eq!(model.tokens(text).expect("tokens"), *ids, "{text:?}");
    }
    let cut = expected.iter().filter(|(_, ids)| ids.len() == 77);
    assert!(cut.count() >= 5, "texts that are too long");
}
