//! The whole recipe on real photographs with real weights.
//!
//! Needs the weights; what is held against published code also needs `SAMKIT_REFERENCE_DIR`.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
};

use image::{GrayImage, Rgb, RgbImage, imageops::flip_horizontal};
use samkit_edges::{EdgeImage, EdgeParams, Preset, Thinning, Views};
use samkit_engine::{DeviceKind, Sam};
use samkit_plugin_host::{
    Cancel, HostServices, Input, LogLevel, Output, Plugin, PluginError, SamService, View,
};
use samkit_scene::Scene;
use serde_json::{Value, json};

fn model() -> Option<Arc<Sam>> {
    static SAM: OnceLock<Option<Arc<Sam>>> = OnceLock::new();
    let sam = SAM.get_or_init(|| {
        let weights = samkit_models::testing::local_or_skip("mobile-sam")?;
        Some(Arc::new(Sam::load(&weights, DeviceKind::Cpu).expect("the weights load")))
    });
    sam.clone()
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

/// An image with the network, and what the task says while it works on it.
struct Listener {
    scene: Scene,
    heard: Mutex<Vec<(u64, u64)>>,
    masks: Mutex<Option<f64>>,
    /// Progress breaks once this much is done.
    stop_at: u64,
}

impl Listener {
    fn new(sam: &Arc<Sam>, image: RgbImage) -> Self {
        Self {
            scene: Scene::new(sam.clone(), image, None),
            heard: Mutex::default(),
            masks: Mutex::default(),
            stop_at: u64::MAX,
        }
    }
}

impl HostServices for Listener {
    fn log(&self, _level: LogLevel, text: &str) {
        eprintln!("{text}");
    }

    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.heard.lock().expect("no panic while counting").push((done, total));
        if done >= self.stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn record(&self, name: &str, value: f64) {
        assert_eq!(name, "masks");
        *self.masks.lock().expect("no panic while counting") = Some(value);
    }

    fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    fn sam(&self) -> Option<&dyn SamService> {
        Some(&self.scene)
    }
}

/// What the task gave, copied.
#[derive(Clone, Debug, PartialEq)]
struct Maps {
    raw: EdgeImage,
    thinned: EdgeImage,
    binary: Option<GrayImage>,
    masks: f64,
}

fn map(outputs: &[Output], name: &str) -> EdgeImage {
    let output = outputs.iter().find(|output| output.name() == name).expect(name);
    let View::EdgeMap(map) = output.view() else { panic!("`{name}` is no edge map") };
    EdgeImage::from_raw(map.width(), map.height(), map.as_raw().to_vec()).expect("a value a pixel")
}

fn run(plugin: &Plugin, listener: &Listener, params: &Value) -> Result<Maps, PluginError> {
    let mut task = plugin.create(params, listener)?;
    let image = [Input::image("image", listener.scene.image())];
    let outputs = task.run(&image, listener, &Cancel::default())?;
    let binary = outputs.iter().find(|output| output.name() == "binary").map(|output| {
        let View::Image(pixels) = output.view() else { panic!("`binary` is no image") };
        let image = GrayImage::from_raw(pixels.size.width, pixels.size.height, pixels.data.into());
        image.expect("one channel")
    });
    let masks = listener.masks.lock().expect("no panic while counting").expect("it counts");
    Ok(Maps { raw: map(&outputs, "raw"), thinned: map(&outputs, "thinned"), binary, masks })
}

fn linked_in() -> Plugin {
    Plugin::linked_in(samkit_edges::entry()).expect("a good plugin")
}

fn edges(listener: &Listener, params: &EdgeParams) -> Maps {
    run(&linked_in(), listener, &json!(params)).expect("edges are found")
}

/// A disc on a slope of brightness: something to find, without a photograph.
fn disc() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| {
        let inside = (x as f32 - 50.0).hypot(y as f32 - 40.0) < 25.0;
        if inside { Rgb([220, 60, 40]) } else { Rgb([40, 90 + x as u8 / 2, 120]) }
    })
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
    let params = EdgeParams { points_per_batch: 32, ..EdgeParams::of(Preset::Paper) };
    let maps = edges(&Listener::new(&sam, photograph), &params);
    let (mean, correlation) = difference(&maps.raw, &reference);
    eprintln!("{name}: mean difference {mean:.5}, correlation {correlation:.5}");
    assert!(mean < 0.02, "mean difference {mean}");
    assert!(correlation > 0.96, "correlation {correlation}");
}

#[test]
fn a_discs_rim_is_its_edge() {
    let Some(sam) = model() else { return };
    let params = EdgeParams { threshold: Some(0.5), ..few_points() };
    let maps = edges(&Listener::new(&sam, disc()), &params);
    assert!(maps.masks > 0.0);
    let binary = maps.binary.expect("a threshold was given");
    // A low-res logit covers half a pixel of this image; the network places rims within two.
    let on_rim = |x: u32, y: u32| ((x as f32 - 50.0).hypot(y as f32 - 40.0) - 25.0).abs() < 2.5;
    let ring = binary.enumerate_pixels().filter(|(x, y, p)| p[0] == 255 && on_rim(*x, *y)).count();
    assert!(ring > 120, "{ring} pixels of a rim of 141 to 200");
    for (thinned, binary) in maps.thinned.iter().zip(binary.iter()) {
        assert_eq!(*thinned >= 0.5, *binary == 255);
    }
}

/// In a host that knows nothing of presets.
#[test]
fn a_preset_gives_what_is_not_given() {
    let Some(sam) = model() else { return };
    let listener = Listener::new(&sam, disc());
    let paper = EdgeParams { points_per_side: 3, ..EdgeParams::of(Preset::Paper) };
    let short = json!({ "preset": "paper", "points_per_side": 3 });
    let got = run(&linked_in(), &listener, &short).expect("edges are found");
    assert!(got == edges(&listener, &paper));
    assert!(got != edges(&listener, &few_points()));
}

/// Shown as it is and mirrored, an image and its mirror image have the same edges.
#[test]
fn a_mirrored_image_has_mirrored_edges() {
    let Some(sam) = model() else { return };
    let params = EdgeParams { views: Views::Mirror, thinning: Thinning::None, ..few_points() };
    let maps = edges(&Listener::new(&sam, disc()), &params);
    let mirrored = edges(&Listener::new(&sam, flip_horizontal(&disc())), &params);
    assert_eq!(maps.masks, mirrored.masks);
    // A click's place in the mirror image is rounded otherwise.
    let (mean, correlation) = difference(&maps.raw, &flip_horizontal(&mirrored.raw));
    assert!(mean < 1e-4 && correlation > 0.9999, "{mean}, {correlation}");
    let once = edges(&Listener::new(&sam, disc()), &EdgeParams { views: Views::Image, ..params });
    assert!(once.raw != maps.raw && once.masks < maps.masks);
}

#[test]
fn the_same_bytes_with_one_thread_and_with_two() {
    let Some(sam) = model() else { return };
    let listener = Listener::new(&sam, disc());
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| edges(&listener, &few_points()))
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
    let maps = edges(&Listener::new(&sam, disc()), &params);
    assert!(maps.masks < 0.5);
    assert!(maps.raw.iter().chain(maps.thinned.iter()).all(|&strength| strength == 0.0));
    assert!(maps.binary.expect("a threshold was given").iter().all(|&pixel| pixel == 0));
}

#[test]
fn tiny_images_have_maps_of_their_size() {
    let Some(sam) = model() else { return };
    for (width, height) in [(1, 1), (1, 40), (40, 1)] {
        let listener = Listener::new(&sam, RgbImage::new(width, height));
        for (views, thinning) in [
            (Views::Image, Thinning::Canny),
            (Views::Mirror, Thinning::StructuredEdgesOpen),
            (Views::Corners, Thinning::None),
        ] {
            let params =
                EdgeParams { points_per_side: 1, views, thinning, smoothing: 1.5, ..few_points() };
            let maps = edges(&listener, &params);
            assert_eq!(maps.raw.dimensions(), (width, height));
            let strengths = || maps.raw.iter().chain(maps.thinned.iter());
            assert!(strengths().all(|strength| (0.0..=1.0).contains(strength)), "{width}×{height}");
        }
    }
}

#[test]
fn progress_counts_clicks_and_can_stop_the_work() {
    let Some(sam) = model() else { return };
    let params = EdgeParams { points_per_side: 2, points_per_batch: 3, ..EdgeParams::default() };
    let mut listener = Listener::new(&sam, disc());
    edges(&listener, &params);
    let heard = std::mem::take(&mut *listener.heard.lock().expect("no panic while counting"));
    assert_eq!(heard, [(0, 4), (3, 4), (4, 4)]);
    edges(&listener, &EdgeParams { views: Views::Mirror, ..params });
    let heard = std::mem::take(&mut *listener.heard.lock().expect("no panic while counting"));
    assert_eq!(heard, [(0, 8), (3, 8), (4, 8), (4, 8), (7, 8), (8, 8)]);

    listener.stop_at = 3;
    let stopped = run(&linked_in(), &listener, &json!(params));
    assert!(matches!(stopped, Err(PluginError::Cancelled { .. })), "{stopped:?}");
}

#[test]
fn a_wrong_parameter_is_refused_before_anything_runs() {
    let Some(sam) = model() else { return };
    let listener = Listener::new(&sam, disc());
    let error = linked_in().create(&json!({ "box_nms_thresh": 1.5 }), &listener).unwrap_err();
    assert!(matches!(&error, PluginError::Params { plugin, .. } if plugin == "edges"), "{error}");
    assert!(error.to_string().contains("`box_nms_thresh` is 1.5"), "{error}");
}

/// The task as a shared library, built as its authors would build it.
fn loaded() -> Plugin {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--release", "--lib", "--features", "export", "--crate-type", "cdylib"]);
    cargo.args(["--offline", "--locked", "--manifest-path", manifest, "--target-dir"]);
    let output = cargo.arg(&target).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = target.join(format!("release/{prefix}samkit_edges{suffix}"));
    Plugin::load(&library).expect("the library loads")
}

#[test]
fn the_shared_library_gives_the_same_bytes() {
    let Some(sam) = model() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images");
    let photograph = open(&folder.join("chelsea.jpg")).to_rgb8();
    let listener = Listener::new(&sam, photograph);
    let plugin = loaded();
    for params in [
        json!({ "points_per_side": 4, "threshold": 0.2, "thinning": "structured-edges" }),
        json!({ "preset": "fine", "points_per_side": 2 }),
        json!({ "preset": "paper", "points_per_side": 3, "smoothing": 1.0, "border": "zero" }),
    ] {
        let [linked, loaded] = [&linked_in(), &plugin]
            .map(|plugin| run(plugin, &listener, &params).expect("edges are found"));
        assert!(linked.masks > 0.0);
        assert!(linked == loaded, "with {params}");
    }
}

#[test]
fn the_task_passes_the_authors_check() {
    let lines = samkit_plugin_host::check(&loaded());
    let failed: Vec<_> = lines.iter().filter(|line| !line.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
