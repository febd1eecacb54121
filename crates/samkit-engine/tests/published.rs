//! The engine held against the published MobileSAM code on the same weights: embeddings, prompts
//! and automatic masks of three photographs.
//!
//! Needs the weights and `SAMKIT_REFERENCE_DIR`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use image::RgbImage;
use samkit_core::{BBox, PointLabel, Prompt, Rle, Size};
use samkit_engine::{DeviceKind, GeneratorParams, MaskOutput, Prediction, Sam, generate_masks};
use serde_json::Value;

const IMAGES: [&str; 3] = ["truck", "groceries", "dog"];

/// The reference folder and the model, or `None` after saying why.
fn setup() -> Option<(PathBuf, &'static Sam)> {
    static SAM: OnceLock<Option<Sam>> = OnceLock::new();
    let Some(folder) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return None;
    };
    let sam = SAM.get_or_init(|| {
        let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
        Some(Sam::load(&weights, DeviceKind::Cpu).expect("the weights load"))
    });
    // Relative to the workspace, where the test command runs.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    Some((folder, sam.as_ref()?))
}

fn photograph(folder: &Path, name: &str) -> RgbImage {
    let path = folder.join(format!("data/images/{name}.png"));
    image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgb8()
}

fn json(folder: &Path, file: &str) -> Value {
    let path = folder.join("reference/mobile-sam").join(file);
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).expect("the reference is JSON")
}

/// The values of a NumPy file of f16.
fn npy_f16(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(bytes[..header].windows(3).any(|w| w == b"<f2"), "expected f16");
    bytes[header..]
        .chunks_exact(2)
        .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
        .collect()
}

fn rle(value: &Value) -> Rle {
    let side = |i: usize| value["size"][i].as_u64().expect("a size") as u32;
    let counts = value["counts"].as_str().expect("counts");
    Rle::from_counts_string(Size::new(side(1), side(0)), counts).expect("the reference's code")
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().into_iter().flatten().map(|v| v.as_f64().expect("a number") as f32).collect()
}

fn prompt(value: &Value) -> Prompt {
    let mut prompt = Prompt::default();
    for (point, label) in
        value["points"].as_array().into_iter().flatten().zip(floats(&value["labels"]))
    {
        let point = floats(point);
        let label = if label > 0.5 { PointLabel::Foreground } else { PointLabel::Background };
        prompt = prompt.and_point(point[0], point[1], label);
    }
    if let [x0, y0, x1, y1] = floats(&value["box"])[..] {
        prompt.bbox = Some(BBox::new(x0, y0, x1, y1));
    }
    prompt
}

#[test]
fn embeddings_equal_the_published_ones() {
    let Some((folder, sam)) = setup() else { return };
    for name in IMAGES {
        let expected = npy_f16(&folder.join(format!("reference/mobile-sam/{name}.embedding.npy")));
        let got =
            sam.encode(&photograph(&folder, name)).and_then(|e| e.to_vec()).expect("an embedding");
        assert_eq!(got.len(), expected.len());
        let norm =
            |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let difference = norm(&mut got.iter().zip(&expected).map(|(a, b)| a - b));
        let relative = difference / norm(&mut expected.iter().copied());
        eprintln!("{name}: relative L2 difference of the embedding {relative:.2e}");
        // The 8-bit resize may differ by a level here and there.
        assert!(relative <= 0.01, "{name}: {relative}");
    }
}

#[test]
fn every_prompt_gives_the_published_masks() {
    let Some((folder, sam)) = setup() else { return };
    for name in IMAGES {
        let embedding = sam.encode(&photograph(&folder, name)).expect("an embedding");
        let reference = json(&folder, &format!("{name}.predict.json"));
        let (mut worst_iou, mut worst_score) = (1.0f64, 0.0f32);
        for record in reference["records"].as_array().expect("records") {
            let mut prompt = prompt(&record["prompt"]);
            let ask = |prompt: &Prompt, output| -> Prediction {
                sam.predict(&embedding, std::slice::from_ref(prompt), output)
                    .expect("an answer")
                    .remove(0)
            };
            let answer = if record["refined"] == true {
                prompt.mask = Some(ask(&prompt, MaskOutput::Multi).best().logits.clone());
                ask(&prompt, MaskOutput::Single)
            } else if record["multimask"] == true {
                ask(&prompt, MaskOutput::Multi)
            } else {
                ask(&prompt, MaskOutput::Single)
            };
            let masks = record["masks"].as_array().expect("masks");
            assert_eq!(answer.masks.len(), masks.len());
            for ((got, mask), score) in answer.masks.iter().zip(masks).zip(floats(&record["iou"])) {
                let got_mask = Rle::from_mask(&embedding.frame().mask(&got.logits));
                worst_iou = worst_iou.min(got_mask.iou(&rle(mask)).unwrap_or(1.0));
                worst_score = worst_score.max((got.predicted_iou - score).abs());
            }
        }
        eprintln!(
            "{name}: worst mask IoU {worst_iou:.4}, worst predicted IoU difference {worst_score:.1e}"
        );
        assert!(worst_iou >= 0.99 && worst_score <= 5e-3, "{name}");
    }
}

/// Automatic masks against the published ones: at least 97 % have a counterpart with IoU ≥ 0.95,
/// and the counts differ by at most 2 or 5 %.
fn automatic_masks(points_per_side: u32) {
    let Some((folder, sam)) = setup() else { return };
    for name in IMAGES {
        let reference = json(&folder, &format!("{name}.amg{points_per_side}.json"));
        let expected: Vec<Rle> = reference["masks"]
            .as_array()
            .expect("masks")
            .iter()
            .map(|m| rle(&m["segmentation"]))
            .collect();
        let params = GeneratorParams { points_per_side, ..GeneratorParams::default() };
        let image = photograph(&folder, name);
        let start = std::time::Instant::now();
        let got = generate_masks(sam, &image, None, &params, &|_, _| ControlFlow::Continue(()))
            .expect("masks");
        let found = |e: &&Rle| got.iter().any(|g| g.segmentation.iou(e).unwrap_or(1.0) >= 0.95);
        let matched = expected.iter().filter(found).count();
        eprintln!(
            "{name} {points_per_side}×{points_per_side}: {} masks, published {}, {matched} of them found, {:.1} s",
            got.len(),
            expected.len(),
            start.elapsed().as_secs_f64(),
        );
        assert!(matched as f64 >= 0.97 * expected.len() as f64, "{name}");
        let tolerance = (0.05 * expected.len() as f64).max(2.0);
        assert!((got.len() as f64 - expected.len() as f64).abs() <= tolerance, "{name}");
    }
}

#[test]
fn automatic_masks_of_a_16_by_16_grid_are_the_published_ones() {
    automatic_masks(16);
}

#[test]
fn automatic_masks_of_a_32_by_32_grid_are_the_published_ones() {
    automatic_masks(32);
}
