//! A whole CLIP with random weights, held against Hugging Face's transformers. The folder is made by
//! `reference/make_random.py` and named by `SAMKIT_CLIP_RANDOM_DIR`.

use std::path::PathBuf;

use image::{Rgb, RgbImage};
use samkit_clip::{ClipModel, TextImageModel, similarity};
use serde_json::Value;

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

/// Prints how well embeddings agree and asserts that their cosines are at least 0.9999.
fn compare(what: &str, got: &[Vec<f32>], expected: &Value) {
    let expected: Vec<Vec<f32>> = serde_json::from_value(expected.clone()).expect("embeddings");
    assert_eq!(got.len(), expected.len());
    let (mut cosine, mut worst) = (1.0f32, 0.0f32);
    for (got, expected) in got.iter().zip(&expected) {
        cosine = cosine.min(similarity(got, expected));
        worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
    }
    println!("{what}: least cosine {cosine:.7}, largest difference {worst:.1e}");
    assert!(cosine >= 0.9999, "{what}: {cosine}");
}

#[test]
fn embeddings_equal_transformers() {
    let Some(folder) = std::env::var_os("SAMKIT_CLIP_RANDOM_DIR").map(PathBuf::from) else {
        eprintln!("skipped: SAMKIT_CLIP_RANDOM_DIR names no folder of make_random.py");
        return;
    };
    let expected = std::fs::read(folder.join("expected.json")).expect("expected.json");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let sizes: Vec<[u32; 2]> = serde_json::from_value(expected["sizes"].clone()).expect("sizes");
    let images: Vec<_> = sizes.into_iter().map(|[width, height]| formula(width, height)).collect();
    let texts: Vec<String> = serde_json::from_value(expected["texts"].clone()).expect("texts");
    for (form, model) in [
        ("kernels", ClipModel::load(&folder).expect("a model")),
        ("generic", ClipModel::load_generic(&folder).expect("a model")),
    ] {
        let got = model.embed_texts(&texts).expect("embeddings");
        compare(&format!("{form}, texts"), &got, &expected["text"]);
        let got = model.embed_images(&images).expect("embeddings");
        compare(&format!("{form}, images"), &got, &expected["image"]);
    }
}
