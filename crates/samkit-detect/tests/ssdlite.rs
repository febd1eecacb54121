//! The built-in detector held against its original graph on TensorFlow.js
//! (`reference/tfjs.mjs`), on the example photographs and on those of the reference folder.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use image::RgbImage;
use samkit_detect::SsdLite;
use serde_json::Value;

fn detector() -> Option<&'static SsdLite> {
    static DETECTOR: OnceLock<Option<SsdLite>> = OnceLock::new();
    let load = || {
        let weights = samkit_models::testing::local_or_skip("ssdlite-mobilenet-v2")?;
        Some(SsdLite::load(&weights).expect("the weights load"))
    };
    DETECTOR.get_or_init(load).as_ref()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> RgbImage {
    samkit_io::read_image(path, &samkit_io::ReadLimits::default()).expect("readable").image
}

fn number(value: &Value) -> f32 {
    value.as_f64().expect("a number") as f32
}

/// Boxes and scores of every anchor that the original gives at least 0.1 differ by 1e-3 at most, and
/// no other anchor reaches that score here.
fn compare(detector: &SsdLite, name: &str, image: &RgbImage) {
    let fixture = include_str!("fixtures/tfjs.json");
    let fixture: Value = serde_json::from_str(fixture).expect("the fixture is JSON");
    let expected = fixture[name].as_array().expect("the fixture has the image");
    let raw = detector.raw(image);
    let (mut box_error, mut score_error) = (0.0f32, 0.0f32);
    for found in expected {
        let anchor = found["anchor"].as_u64().expect("an anchor") as usize;
        let class = found["class"].as_u64().expect("a class") as usize;
        score_error =
            score_error.max((raw.scores[anchor * 90 + class] - number(&found["score"])).abs());
        for (side, expected) in
            raw.boxes[anchor].iter().zip(found["box"].as_array().expect("a box"))
        {
            box_error = box_error.max((side - number(expected)).abs());
        }
    }
    println!(
        "{name}: {} anchors, boxes within {box_error:.1e}, scores {score_error:.1e}",
        expected.len()
    );
    assert!(box_error <= 1e-3 && score_error <= 1e-3, "{name}: {box_error} {score_error}");
    let best = raw.scores.chunks_exact(90).map(|scores| scores.iter().copied().fold(0.0, f32::max));
    let above = best.filter(|&best| best >= 0.101).count();
    assert!(above <= expected.len(), "{name}: {above} anchors, expected {}", expected.len());
}

#[test]
fn the_examples_give_the_originals_boxes_and_scores() {
    let Some(detector) = detector() else { return };
    for name in ["astronaut", "chelsea", "coffee", "rocket"] {
        compare(detector, name, &read(&root().join(format!("examples/images/{name}.jpg"))));
    }
}

#[test]
fn the_reference_photographs_give_the_originals_boxes_and_scores() {
    let Some(folder) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return;
    };
    let Some(detector) = detector() else { return };
    // Relative to the workspace, where the test command runs.
    let folder = root().join(folder).join("data/images");
    for name in ["dog", "groceries", "truck"] {
        compare(detector, name, &read(&folder.join(format!("{name}.png"))));
    }
}

#[test]
fn other_files_are_refused() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = SsdLite::load(file.path()).err().expect("empty").to_string();
    assert!(error.contains("does not hold the weights"), "{error}");
    let error = SsdLite::load(Path::new("no-such-file")).err().expect("missing").to_string();
    assert_eq!(error, "cannot read no-such-file");
}
