//! The adaptive grid held against the full one: prompts saved, and masks found again.
//!
//! `cargo test --release -p samkit-engine --test adaptive -- --ignored --nocapture` prints a table
//! for the images that `SAMKIT_ADAPTIVE_IMAGES` names (separated as in `PATH`), at 32×32 points.

use std::{ops::ControlFlow, path::Path};

use image::RgbImage;
use samkit_core::MaskRecord;
use samkit_engine::{DeviceKind, Embedding, GeneratorParams, Sam, generate_masks};

fn model() -> Option<Sam> {
    let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
    Some(Sam::load(&weights, DeviceKind::Cpu).expect("the weights load"))
}

fn photograph(path: &Path) -> RgbImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_rgb8()
}

/// The photograph that comes with samkit.
fn coffee() -> RgbImage {
    photograph(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images/coffee.jpg"))
}

/// The masks, and the number of prompts that they took.
fn search(
    sam: &Sam,
    image: &RgbImage,
    embedding: &Embedding,
    params: &GeneratorParams,
) -> (Vec<MaskRecord>, u64) {
    let before = sam.timings().prompts_decoded;
    let masks =
        generate_masks(sam, image, Some(embedding), params, &|_, _| ControlFlow::Continue(()))
            .expect("masks");
    (masks, sam.timings().prompts_decoded - before)
}

/// How many of `all` there are among `found`, with at least this IoU.
fn recovered(all: &[MaskRecord], found: &[MaskRecord], iou: f64) -> usize {
    let is_match = |a: &MaskRecord, b: &MaskRecord| {
        a.segmentation.iou(&b.segmentation).is_some_and(|found| found >= iou)
    };
    all.iter().filter(|mask| found.iter().any(|other| is_match(mask, other))).count()
}

struct Comparison {
    masks: usize,
    prompts: [u64; 2],
    /// Masks of the full grid that the adaptive one finds, at an IoU of 0.75 and 0.9.
    recovered: [usize; 2],
}

fn compare(sam: &Sam, image: &RgbImage, points_per_side: u32) -> Comparison {
    let embedding = sam.encode(image).expect("an embedding");
    let params = GeneratorParams { points_per_side, ..GeneratorParams::default() };
    let (full, all) = search(sam, image, &embedding, &params);
    let params = GeneratorParams { adaptive: true, ..params };
    let (found, asked) = search(sam, image, &embedding, &params);
    let recovered = [0.75, 0.9].map(|iou| recovered(&full, &found, iou));
    Comparison { masks: full.len(), prompts: [all, asked], recovered }
}

#[test]
fn most_masks_are_found_with_far_fewer_prompts() {
    let Some(sam) = model() else { return };
    let Comparison { masks, prompts: [all, asked], recovered: [loose, _] } =
        compare(&sam, &coffee(), 16);
    eprintln!("{loose} of {masks} masks with {asked} of {all} prompts");
    assert_eq!(all, 256);
    assert!(asked * 4 <= all * 3, "{asked} prompts");
    // Five of seven here; one of them may fall on the other side where vectors round differently.
    assert!(loose * 2 > masks, "{loose} of {masks} masks");
}

#[test]
fn the_result_does_not_depend_on_batches_or_threads() {
    let Some(sam) = model() else { return };
    let image = coffee();
    let embedding = sam.encode(&image).expect("an embedding");
    let masks = |points_per_batch| {
        let params = GeneratorParams {
            points_per_side: 9,
            points_per_batch,
            adaptive: true,
            ..GeneratorParams::default()
        };
        search(&sam, &image, &embedding, &params)
    };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let expected = masks(64);
    assert!(!expected.0.is_empty());
    assert!(masks(5) == expected, "other batches");
    assert!(alone.install(|| masks(64)) == expected, "one thread");
}

#[test]
fn progress_ends_at_all_points() {
    let Some(sam) = model() else { return };
    let image = coffee();
    let params =
        GeneratorParams { points_per_side: 6, adaptive: true, ..GeneratorParams::default() };
    let last = std::sync::Mutex::new((0, 0));
    let progress = |done, total| {
        *last.lock().expect("no panic") = (done, total);
        ControlFlow::Continue(())
    };
    generate_masks(&sam, &image, None, &params, &progress).expect("masks");
    assert_eq!(*last.lock().expect("no panic"), (36, 36));
}

#[test]
#[ignore = "minutes; prints the table of docs/adaptive.md"]
fn table() {
    let Some(sam) = model() else { return };
    let images = std::env::var_os("SAMKIT_ADAPTIVE_IMAGES").expect("SAMKIT_ADAPTIVE_IMAGES");
    for path in std::env::split_paths(&images) {
        let found = compare(&sam, &photograph(&path), 32);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let [all, asked] = found.prompts;
        let share = |count: usize| count as f64 / found.masks as f64;
        let [loose, strict] = found.recovered.map(share);
        let times = all as f64 / asked as f64;
        println!("| {name} | {} | {asked} | {times:.2} | {loose:.2} | {strict:.2} |", found.masks);
    }
}
