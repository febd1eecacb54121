//! The whole recipe on real photographs with real weights.
//!
//! Needs the weights; what is held against published code also needs `SAMKIT_REFERENCE_DIR`.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use image::{Rgb, RgbImage};
use samkit_edges::{EdgeError, EdgeImage, EdgeMaps, EdgeParams, Thinning, detect_edges};
use samkit_engine::{DeviceKind, Embedding, EngineError, Progress, Sam};

const GO_ON: Progress<'static> = &|_, _| ControlFlow::Continue(());

fn model() -> Option<&'static Sam> {
    static SAM: OnceLock<Option<Sam>> = OnceLock::new();
    let sam = SAM.get_or_init(|| {
        let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
        Some(Sam::load(&weights, DeviceKind::Cpu).expect("the weights load"))
    });
    sam.as_ref()
}

fn reference_folder() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return None;
    };
    // Relative to the workspace, where the test command runs.
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder))
}

fn open(path: &Path) -> image::DynamicImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A disc on a slope of brightness: something to find, without a photograph.
fn disc() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| {
        let inside = (x as f32 - 50.0).hypot(y as f32 - 40.0) < 25.0;
        if inside { Rgb([220, 60, 40]) } else { Rgb([40, 90 + x as u8 / 2, 120]) }
    })
}

fn encoded(sam: &Sam, image: &RgbImage) -> Embedding {
    sam.encode(image).expect("the image is encoded")
}

fn edges(sam: &Sam, embedding: &Embedding, params: &EdgeParams) -> EdgeMaps {
    detect_edges(sam, embedding, params, GO_ON).expect("edges are found")
}

fn few_points() -> EdgeParams {
    EdgeParams { points_per_side: 3, ..EdgeParams::default() }
}

/// Mean absolute difference and correlation.
fn difference(a: &EdgeImage, b: &EdgeImage) -> (f64, f64) {
    assert_eq!(a.dimensions(), b.dimensions());
    let n = a.len() as f64;
    let pairs = || a.iter().zip(b.iter()).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let (mean_a, mean_b) =
        (pairs().map(|(a, _)| a).sum::<f64>() / n, pairs().map(|(_, b)| b).sum::<f64>() / n);
    let product =
        |f: &dyn Fn(f64, f64) -> f64| pairs().map(|(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    let covariance = product(&|a, b| a * b);
    let deviations = (product(&|a, _| a * a) * product(&|_, b| b * b)).sqrt();
    (pairs().map(|(a, b)| (a - b).abs()).sum::<f64>() / n, covariance / deviations)
}

/// One of the five reference photographs: each takes 256 prompts.
///
/// On the reference's own pixels the map is the reference's up to its 8 bits (mean difference
/// 0.0003, largest 0.002). The photograph is a JPEG, however, and decoders differ by one level in
/// every tenth value, which is enough for NMS to choose other masks: 0.010 and 0.981 were measured.
#[test]
fn the_raw_map_is_that_of_the_published_code() {
    let (Some(folder), Some(sam)) = (reference_folder(), model()) else { return };
    let name = "101087";
    let photograph = open(&folder.join(format!("data/bsds500/images/val/{name}.jpg"))).to_rgb8();
    let reference = open(&folder.join(format!("reference/edges/raw/{name}.png"))).to_luma32f();
    let params = EdgeParams { points_per_batch: 32, ..EdgeParams::default() };
    let maps = edges(sam, &encoded(sam, &photograph), &params);
    let (mean, correlation) = difference(&maps.raw, &reference);
    eprintln!("{name}: mean difference {mean:.5}, correlation {correlation:.5}");
    assert!(mean < 0.02, "mean difference {mean}");
    assert!(correlation > 0.96, "correlation {correlation}");
}

#[test]
fn a_discs_rim_is_its_edge() {
    let Some(sam) = model() else { return };
    let params = EdgeParams { threshold: Some(0.5), ..few_points() };
    let maps = edges(sam, &encoded(sam, &disc()), &params);
    assert!(maps.masks > 0);
    let binary = maps.binary.expect("a threshold was given");
    // A low-res logit covers half a pixel of this image; the network places rims within two.
    let on_rim = |x: u32, y: u32| ((x as f32 - 50.0).hypot(y as f32 - 40.0) - 25.0).abs() < 2.5;
    let ring = binary.enumerate_pixels().filter(|(x, y, p)| p[0] == 255 && on_rim(*x, *y)).count();
    assert!(ring > 120, "{ring} pixels of a rim of 141 to 200");
    for (thinned, binary) in maps.thinned.iter().zip(binary.iter()) {
        assert_eq!(*thinned >= 0.5, *binary == 255);
    }
}

#[test]
fn the_same_bytes_with_one_thread_and_with_two() {
    let Some(sam) = model() else { return };
    let embedding = encoded(sam, &disc());
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let maps = pool.install(|| edges(sam, &embedding, &few_points()));
        (maps.raw, maps.thinned, maps.masks)
    };
    assert!(with_threads(1) == with_threads(2));
}

#[test]
fn filters_that_nothing_passes_give_maps_of_zeros() {
    let Some(sam) = model() else { return };
    let params = EdgeParams {
        stability_score_thresh: 1.0,
        stability_score_offset: 100.0,
        threshold: Some(0.0),
        ..few_points()
    };
    let maps = edges(sam, &encoded(sam, &disc()), &params);
    assert_eq!(maps.masks, 0);
    assert!(maps.raw.iter().chain(maps.thinned.iter()).all(|&strength| strength == 0.0));
    assert!(maps.binary.expect("a threshold was given").iter().all(|&pixel| pixel == 0));
}

#[test]
fn tiny_images_have_maps_of_their_size() {
    let Some(sam) = model() else { return };
    for (width, height) in [(1, 1), (1, 40), (40, 1)] {
        let embedding = encoded(sam, &RgbImage::new(width, height));
        for thinning in [Thinning::Canny, Thinning::StructuredEdges, Thinning::None] {
            let params =
                EdgeParams { points_per_side: 1, thinning, smoothing: 1.5, ..few_points() };
            let maps = edges(sam, &embedding, &params);
            assert_eq!(maps.raw.dimensions(), (width, height));
            let strengths = || maps.raw.iter().chain(maps.thinned.iter());
            assert!(strengths().all(|strength| (0.0..=1.0).contains(strength)), "{width}×{height}");
        }
    }
}

#[test]
fn progress_counts_clicks_and_can_stop_the_work() {
    let Some(sam) = model() else { return };
    let embedding = encoded(sam, &disc());
    let params = EdgeParams { points_per_side: 2, points_per_batch: 3, ..EdgeParams::default() };
    let heard = std::sync::Mutex::new(Vec::new());
    let listen = |done: usize, all: usize| {
        heard.lock().expect("no panic while counting").push((done, all));
        ControlFlow::Continue(())
    };
    detect_edges(sam, &embedding, &params, &listen).expect("edges are found");
    assert_eq!(heard.into_inner().expect("no panic while counting"), [(0, 4), (3, 4), (4, 4)]);

    let stopped = detect_edges(sam, &embedding, &params, &|done, _| match done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert!(matches!(stopped, Err(EdgeError::Engine(EngineError::Cancelled))));
}

#[test]
fn a_wrong_parameter_is_refused_before_anything_runs() {
    let Some(sam) = model() else { return };
    let embedding = encoded(sam, &disc());
    let params = EdgeParams { box_nms_thresh: f32::NAN, ..EdgeParams::default() };
    let listen: Progress<'_> = &|_, _| panic!("nothing is asked");
    let Err(error) = detect_edges(sam, &embedding, &params, listen) else {
        panic!("NaN was taken")
    };
    assert!(error.to_string().contains("`box_nms_thresh` is NaN"), "{error}");
}
