//! The fast path for CPUs held against plain candle operations, on real weights and a photograph.

use std::ops::ControlFlow;
use std::path::Path;

use image::RgbImage;
use samkit_core::{BBox, PointLabel, Prompt};
use samkit_engine::{DeviceKind, GeneratorParams, MaskOutput, Sam, generate_masks};

/// The fast and the generic model, or `None` after saying why.
fn models() -> Option<(Sam, Sam)> {
    let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
    let fast = Sam::load(&weights, DeviceKind::Cpu).expect("the weights load");
    let generic = Sam::load_generic(&weights, DeviceKind::Cpu).expect("the weights load");
    Some((fast, generic))
}

fn photograph() -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images/coffee.jpg");
    image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgb8()
}

fn relative_difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm =
        |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn both_paths_give_the_same_answers() {
    let Some((fast, generic)) = models() else { return };
    let image = photograph();
    let (a, b) =
        (fast.encode(&image).expect("an embedding"), generic.encode(&image).expect("an embedding"));
    let difference =
        relative_difference(&a.to_vec().expect("values"), &b.to_vec().expect("values"));
    eprintln!("embedding: relative L2 difference {difference:.1e}");
    assert!(difference < 1e-4);

    let (width, height) = (image.width() as f32, image.height() as f32);
    let point = Prompt::point(width / 2.0, height / 2.0);
    let bbox = Prompt::bbox(BBox::new(width / 5.0, height / 5.0, width / 2.0, height / 2.0));
    let mut both = bbox.clone().and_point(width / 3.0, height / 3.0, PointLabel::Background);
    let first =
        generic.predict(&b, std::slice::from_ref(&point), MaskOutput::Multi).expect("an answer");
    let refined = point.clone().and_mask(first[0].best().logits.clone());
    let only_mask = Prompt { mask: refined.mask.clone(), ..Prompt::default() };
    both.mask = refined.mask.clone();
    let prompts = [point, bbox, both, refined, only_mask];
    for output in [MaskOutput::Single, MaskOutput::Multi] {
        let got = fast.predict(&b, &prompts, output).expect("answers");
        let expected = generic.predict(&b, &prompts, output).expect("answers");
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(got.masks.len(), expected.masks.len());
            for (got, expected) in got.masks.iter().zip(&expected.masks) {
                let logits = relative_difference(got.logits.values(), expected.logits.values());
                assert!(logits < 1e-4, "prompt {index}: logits differ by {logits:.1e}");
                // The reference's own f32 error is of the order of 1e-6.
                assert!(
                    (got.predicted_iou - expected.predicted_iou).abs() < 2e-5,
                    "prompt {index}"
                );
            }
        }
    }
}

#[test]
fn both_paths_find_the_same_masks() {
    let Some((fast, generic)) = models() else { return };
    let image = photograph();
    let params = GeneratorParams { points_per_side: 6, ..GeneratorParams::default() };
    let masks = |sam: &Sam| {
        generate_masks(sam, &image, None, &params, &|_, _| ControlFlow::Continue(()))
            .expect("masks")
    };
    let (got, expected) = (masks(&fast), masks(&generic));
    assert!(!expected.is_empty());
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        assert!(got.segmentation.iou(&expected.segmentation).unwrap_or(1.0) > 0.999);
    }
}

/// Masks of wide and of high images do not depend on the logits of the padding.
#[test]
fn masks_inside_the_image_need_no_logits_outside() {
    let Some((fast, _)) = models() else { return };
    let photograph = photograph();
    let (width, height) = photograph.dimensions();
    for (width, height) in [(width, height / 3), (width / 3, height)] {
        let image = image::imageops::crop_imm(&photograph, 0, 0, width, height).to_image();
        let embedding = fast.encode(&image).expect("an embedding");
        let prompts = [Prompt::point(width as f32 / 2.0, height as f32 / 2.0)];
        let whole = fast.predict(&embedding, &prompts, MaskOutput::Multi).expect("an answer");
        let inside =
            fast.predict_inside(&embedding, &prompts, MaskOutput::Multi).expect("an answer");
        let frame = embedding.frame();
        for (whole, inside) in whole[0].masks.iter().zip(&inside[0].masks) {
            assert_eq!(whole.predicted_iou, inside.predicted_iou);
            assert_ne!(whole.logits.values(), inside.logits.values(), "something is left out");
            assert_eq!(frame.upsample(&whole.logits), frame.upsample(&inside.logits));
            assert_eq!(frame.measure(&whole.logits, 1.0), frame.measure(&inside.logits, 1.0));
        }
    }
}

#[test]
fn a_saved_embedding_gives_the_same_answers() {
    let Some((fast, _)) = models() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("coffee.embedding.safetensors");
    let embedding = fast.encode(&photograph()).expect("an embedding");
    embedding.save(&path).expect("a file");
    let loaded = samkit_engine::Embedding::load(&path).expect("the embedding");
    let prompts = [Prompt::point(200.0, 150.0)];
    let ask = |e| fast.predict(e, &prompts, MaskOutput::Multi).expect("an answer");
    assert_eq!(ask(&embedding), ask(&loaded));
    assert_eq!(loaded.image_size(), embedding.image_size());

    std::fs::write(&path, b"not an embedding").expect("a file");
    let error = samkit_engine::Embedding::load(&path).expect_err("a damaged file");
    assert!(error.to_string().contains("holds no image embedding"), "{error}");
}
