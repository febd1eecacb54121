//! The engine held against the published MobileSAM code on the same weights: embeddings, prompts
//! and automatic masks of three photographs.
//!
//! Needs the weights and `SAMKIT_REFERENCE_DIR`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use image::RgbImage;
use samkit_core::{BBox, Point, PointLabel, Prompt, Rle, Size};
use samkit_engine::{
    DeviceKind, GeneratorParams, MaskOutput, MaskPrediction, Prediction, Sam, generate_masks,
};
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

/// What rounding the encoder's factors to bfloat16 does to masks. On machines without the
/// instructions plain loops do the same rounding.
#[test]
fn bf16_gives_nearly_the_masks_of_f32() {
    let Some((folder, sam)) = setup() else { return };
    let Some(weights) = samkit_models::testing::local_or_skip("mobile-sam") else { return };
    let rounded = Sam::load_bf16_anywhere(&weights).expect("the weights load");
    for name in IMAGES {
        let image = photograph(&folder, name);
        let expected = sam.encode(&image).expect("an embedding");
        let got = rounded.encode(&image).expect("an embedding");
        let frame = expected.frame();
        let reference = json(&folder, &format!("{name}.predict.json"));
        let records = reference["records"].as_array().expect("records");
        let prompts: Vec<Prompt> = records.iter().map(|r| prompt(&r["prompt"])).collect();
        let mut ious: Vec<f64> = Vec::new();
        for output in [MaskOutput::Single, MaskOutput::Multi] {
            let answers = |embedding| sam.predict(embedding, &prompts, output).expect("answers");
            for (got, expected) in answers(&got).iter().zip(&answers(&expected)) {
                // Of masks with nearly the same score either may be the best: the one that f32
                // would choose is held against its counterpart.
                let best = expected.best();
                let place = expected.masks.iter().position(|mask| std::ptr::eq(mask, best));
                let code = |mask: &MaskPrediction| Rle::from_mask(&frame.mask(&mask.logits));
                let got = &got.masks[place.expect("it is one of them")];
                ious.push(code(got).iou(&code(best)).unwrap_or(1.0));
            }
        }
        ious.sort_by(f64::total_cmp);
        let mean = ious.iter().sum::<f64>() / ious.len() as f64;
        let (worst, count) = (ious[0], ious.len());
        eprintln!("{name}: bf16 against f32, {count} masks: mean IoU {mean:.4}, worst {worst:.4}");
        // The worst here is 0.983; other instructions round other sums differently.
        assert!(mean >= 0.99 && worst >= 0.97, "{name}: {mean}, {worst}");
    }
}

/// Automatic masks against published ones: at least 97 % have a counterpart with IoU ≥ 0.95, and
/// the counts differ by at most 2 or 5 %.
fn check_masks(
    sam: &Sam,
    image: &RgbImage,
    params: &GeneratorParams,
    reference: &Value,
    name: &str,
) {
    let masks = reference["masks"].as_array().expect("masks");
    let expected: Vec<Rle> = masks.iter().map(|m| rle(&m["segmentation"])).collect();
    let got =
        generate_masks(sam, image, None, params, &|_, _| ControlFlow::Continue(())).expect("masks");
    let found = |e: &&Rle| got.iter().any(|g| g.segmentation.iou(e).unwrap_or(1.0) >= 0.95);
    let matched = expected.iter().filter(found).count();
    let (found, published) = (got.len(), expected.len());
    eprintln!("{name}: {found} masks, published {published}, {matched} of them found");
    assert!(matched as f64 >= 0.97 * published as f64, "{name}");
    let tolerance = (0.05 * published as f64).max(2.0);
    assert!((found as f64 - published as f64).abs() <= tolerance, "{name}");
}

fn check_grid(points_per_side: u32) {
    let Some((folder, sam)) = setup() else { return };
    for name in IMAGES {
        let reference = json(&folder, &format!("{name}.amg{points_per_side}.json"));
        let params = GeneratorParams { points_per_side, ..GeneratorParams::default() };
        let label = format!("{name} {points_per_side}×{points_per_side}");
        check_masks(sam, &photograph(&folder, name), &params, &reference, &label);
    }
}

#[test]
fn automatic_masks_of_a_16_by_16_grid_are_the_published_ones() {
    check_grid(16);
}

#[test]
fn automatic_masks_of_a_32_by_32_grid_are_the_published_ones() {
    check_grid(32);
}

/// Masks that `tests/reference/make_amg_fixture.py` made with other parameters than the defaults.
fn check_fixture(text: &str, params: &GeneratorParams) {
    let Some((folder, sam)) = setup() else { return };
    let reference: Value = serde_json::from_str(text).expect("JSON");
    check_masks(sam, &photograph(&folder, "dog"), params, &reference, "dog");
}

#[test]
fn crops_and_region_cleaning_give_the_published_masks() {
    let params = GeneratorParams {
        points_per_side: 8,
        crop_n_layers: 1,
        crop_n_points_downscale_factor: 2,
        min_mask_region_area: 200,
        pred_iou_thresh: 0.813,
        stability_score_thresh: 0.874,
        ..GeneratorParams::default()
    };
    check_fixture(include_str!("fixtures/dog.amg-crops.json"), &params);
}

#[test]
fn own_points_and_thresholds_give_the_published_masks() {
    let text = include_str!("fixtures/dog.amg-custom.json");
    let reference: Value = serde_json::from_str(text).expect("JSON");
    let grids = reference["parameters"]["point_grids"].as_array().expect("grids");
    let point = |v: &Value| {
        let [x, y] = floats(v)[..] else { panic!("a point has two coordinates") };
        Point::new(x, y)
    };
    let params = GeneratorParams {
        point_grids: Some(
            grids.iter().map(|g| g.as_array().into_iter().flatten().map(point).collect()).collect(),
        ),
        points_per_batch: 7,
        box_nms_thresh: 0.59,
        stability_score_offset: 0.5,
        pred_iou_thresh: 0.735,
        stability_score_thresh: 0.832,
        ..GeneratorParams::default()
    };
    check_fixture(text, &params);
}
