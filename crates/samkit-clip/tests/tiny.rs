//! A small CLIP with random weights, held against Hugging Face's transformers
//! (`reference/make_tiny.py`), in both forms of the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::f16;
use image::{Rgb, RgbImage};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use samkit_clip::{ClipError, ClipModel, TEMPLATES, TextImageModel, similarity};
use serde_json::Value;

/// Values of embeddings of length 1 are below 1, and sums over them are short.
const TOLERANCE: f32 = 1e-4;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny").join(name)
}

/// The folder of the fixture with some files replaced, or left out.
fn folder(changes: &[(&str, Option<&[u8]>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        if !changes.iter().any(|(changed, _)| *changed == name) {
            std::fs::copy(fixture(name), folder.path().join(name)).expect("copied");
        }
    }
    for (name, content) in changes {
        if let Some(content) = content {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
    }
    folder
}

/// The image of `reference/clip_model.py`.
fn formula(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|c| match (x / 9 + y / 7) % 3 {
            0 => (7 * x + 13 * y + 50 * c + x * y / 64) as u8,
            1 => 255,
            _ => 0,
        }))
    })
}

fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).expect("strings")
}

fn images(expected: &Value) -> Vec<RgbImage> {
    let sizes: Vec<[u32; 2]> = serde_json::from_value(expected["sizes"].clone()).expect("sizes");
    sizes.into_iter().map(|[width, height]| formula(width, height)).collect()
}

/// Embeddings equal the reference.
fn compare(what: &str, got: &[Vec<f32>], expected: &Value) {
    let expected: Vec<Vec<f32>> = serde_json::from_value(expected.clone()).expect("embeddings");
    assert_eq!(got.len(), expected.len(), "{what}");
    for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got.len(), expected.len());
        let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= TOLERANCE, "{what} {index}: {worst:e}");
    }
}

fn check(model: &ClipModel, expected: &str) {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(fixture(expected)).expect("a file")).expect("JSON");
    let texts = model.embed_texts(&strings(&expected["texts"])).expect("embeddings");
    compare("text", &texts, &expected["text"]);
    let images = model.embed_images(&images(&expected)).expect("embeddings");
    compare("image", &images, &expected["image"]);
}

#[test]
fn embeddings_equal_transformers() {
    let folder = folder(&[]);
    check(&ClipModel::load(folder.path()).expect("a model"), "expected.json");
    check(&ClipModel::load_generic(folder.path()).expect("a model"), "expected.json");
}

/// The exact GELU, and the end of a text by its token.
#[test]
fn embeddings_equal_transformers_with_the_other_activation() {
    let config = std::fs::read(fixture("config.gelu.json")).expect("a file");
    let folder = folder(&[("config.json", Some(&config))]);
    check(&ClipModel::load(folder.path()).expect("a model"), "expected.gelu.json");
    check(&ClipModel::load_generic(folder.path()).expect("a model"), "expected.gelu.json");
}

/// Calls `change` on the tensors of the fixture and gives the file back.
fn weights(change: impl FnOnce(&mut BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>)) -> Vec<u8> {
    let bytes = std::fs::read(fixture("model.safetensors")).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut tensors = file
        .iter()
        .map(|(name, view)| {
            (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        })
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(*dtype, shape.clone(), data).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("safetensors")
}

/// The fixture's weights are such that half precision holds them exactly.
#[test]
fn weights_in_half_precision_are_as_good() {
    let halves = weights(|tensors| {
        for (dtype, _, data) in tensors.values_mut() {
            let values = data.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four));
            let halves = values.flat_map(|value| f16::from_f32(value).to_le_bytes());
            (*dtype, *data) = (Dtype::F16, halves.collect());
        }
    });
    let folder = folder(&[("model.safetensors", Some(&halves))]);
    let model = ClipModel::load(folder.path()).expect("a model");
    check(&model, "expected.json");
    assert!((model.logit_scale() - 100.0).abs() < 0.5, "{}", model.logit_scale());
}

#[test]
fn batches_and_threads_change_no_bit() {
    let model = ClipModel::load(folder(&[]).path()).expect("a model");
    let images: Vec<RgbImage> = (0..37).map(|n| formula(20 + n, 60 - n)).collect();
    let together = model.embed_images(&images).expect("embeddings");
    let alone = images.iter().map(|image| {
        model.embed_images(std::slice::from_ref(image)).expect("an embedding").remove(0)
    });
    assert!(together.iter().zip(alone).all(|(a, b)| *a == b), "one by one");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    assert_eq!(one.install(|| model.embed_images(&images)).expect("embeddings"), together);
    let texts: Vec<String> = (0..40).map(|n| format!("{} of {n}", "word ".repeat(n % 9))).collect();
    let together = model.embed_texts(&texts).expect("embeddings");
    let other = ClipModel::load(folder(&[]).path()).expect("a model");
    for (text, together) in texts.iter().zip(&together) {
        let alone = other.embed_texts(std::slice::from_ref(text)).expect("an embedding");
        assert_eq!(alone[0], *together, "{text}");
    }
}

#[test]
fn prompts_are_the_mean_over_templates() {
    let model = ClipModel::load(folder(&[]).path()).expect("a model");
    let names = ["cat".to_owned(), "fire hydrant".to_owned()];
    let got = model.embed_prompts(&names, TEMPLATES).expect("embeddings");
    for (name, got) in names.iter().zip(&got) {
        let texts: Vec<String> =
            TEMPLATES.iter().map(|template| template.replace("{}", name)).collect();
        let each = model.embed_texts(&texts).expect("embeddings");
        let mut mean: Vec<f32> =
            (0..model.dim()).map(|i| each.iter().map(|embedding| embedding[i]).sum()).collect();
        let length = similarity(&mean, &mean).sqrt();
        mean.iter_mut().for_each(|value| *value /= length);
        assert!(got.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    assert!(model.embed_prompts(&[], TEMPLATES).expect("nothing").is_empty());
}

#[test]
fn a_long_text_keeps_its_end() {
    let model = ClipModel::load(folder(&[]).path()).expect("a model");
    let (short, long) =
        (model.tokens("a").expect("tokens"), model.tokens(&"a ".repeat(99)).expect("tokens"));
    assert_eq!((short.len(), long.len()), (3, 20));
    assert_eq!((long.first(), long.last()), (short.first(), short.last()));
}

/// What `ClipModel::load` says of a folder.
fn error(changes: &[(&str, Option<&[u8]>)]) -> ClipError {
    ClipModel::load(folder(changes).path()).expect_err("an error")
}

#[test]
fn missing_files_are_named() {
    for (name, part) in [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no model.safetensors"),
        ("tokenizer.json", "has no tokenizer.json, nor vocab.json with merges.txt"),
    ] {
        let error = error(&[(name, None)]).to_string();
        assert!(error.ends_with(part), "{error}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_named_with_both_shapes() {
    let name = "vision_model.encoder.layers.1.mlp.fc1.weight";
    let missing = weights(|tensors| _ = tensors.remove(name));
    let message = error(&[("model.safetensors", Some(&missing))]).to_string();
    let expected = format!("has no tensor `{name}`, expected with shape [100, 60]");
    assert!(message.ends_with(&expected), "{message}");
    let turned = weights(|tensors| tensors.get_mut(name).expect("a tensor").1.reverse());
    let message = error(&[("model.safetensors", Some(&turned))]).to_string();
    let expected = format!("tensor `{name}` has shape [60, 100], expected [100, 60]");
    assert!(message.ends_with(&expected), "{message}");
}

#[test]
fn tokenizers_that_do_not_fit_are_refused() {
    let message = error(&[("tokenizer.json", Some(b"{}"))]).to_string();
    assert!(message.contains("it is no tokenizer"), "{message}");
    let config = std::fs::read_to_string(fixture("config.gelu.json")).expect("a file");
    let other = config.replace("\"eos_token_id\": 1013", "\"eos_token_id\": 7");
    let message = error(&[("config.json", Some(other.as_bytes()))]).to_string();
    assert!(message.contains("does not end a text with the model's eos_token_id 7"), "{message}");
    let small = config.replace("\"vocab_size\": 1014", "\"vocab_size\": 1000");
    let message = error(&[("config.json", Some(small.as_bytes()))]).to_string();
    assert!(message.contains("tokens up to 1013, but the model's vocab_size is 1000"), "{message}");
}

#[test]
fn an_image_without_pixels_is_refused() {
    let model = ClipModel::load(folder(&[]).path()).expect("a model");
    let error = model.embed_images(&[formula(3, 3), RgbImage::new(0, 4)]).expect_err("an error");
    assert_eq!(error.to_string(), "image 1 is 0×4: it has no pixels");
}
