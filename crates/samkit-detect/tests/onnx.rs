//! ONNX detectors: one small graph a family against ONNX Runtime and a plain form of the family's
//! post-processing (`reference/detectors.py`), and what is refused.

use std::path::{Path, PathBuf};

use image::RgbImage;
use samkit_core::BBox;
use samkit_detect::{Candidate, DetectError, Family, OnnxDetector, OnnxOptions};
use serde::{Deserialize, de::DeserializeOwned};

mod onnx {
    mod damaged;
    mod refused;
    mod yolox_nano;
}

/// A record of `expected.json`.
#[derive(Deserialize)]
struct Case {
    model: String,
    family: Family,
    options: serde_json::Value,
    floor: f32,
    /// Class, score, and corners in pixels of the photograph.
    found: Vec<(usize, f32, f32, f32, f32, f32)>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx").join(name)
}

fn read(path: &Path) -> RgbImage {
    samkit_io::read_image(path, &samkit_io::ReadLimits::default()).expect("readable").image
}

fn load(name: &str, options: &OnnxOptions) -> Result<OnnxDetector, DetectError> {
    OnnxDetector::load(&fixture(name), options)
}

/// What was refused, without the folder.
fn refusal(name: &str, options: &OnnxOptions) -> String {
    let error = load(name, options).err().expect("it is refused").to_string();
    error.replace(&fixture("").display().to_string(), "")
}

fn options(case: &Case) -> OnnxOptions {
    fn get<T: DeserializeOwned>(case: &Case, key: &str) -> Option<T> {
        let value = case.options.get(key)?.clone();
        Some(serde_json::from_value(value).expect("an option's value"))
    }
    OnnxOptions {
        family: None,
        input_size: get(case, "input_size"),
        resize: get(case, "resize"),
        pixels: get(case, "pixels"),
        class_names: None,
    }
}

/// Corners within a thousandth, scores within 1e-4.
fn compare(name: &str, image: &RgbImage, found: Vec<Candidate>, expected: Vec<Candidate>) {
    let (box_error, score_error) = errors(name, image, found, expected);
    assert!(box_error <= 1e-3 && score_error <= 1e-4, "{name}: {box_error} {score_error}");
}

/// The worst corner, as a fraction of the image's longer side (or of the box's, where that is longer),
/// and the worst score.
fn errors(
    name: &str,
    image: &RgbImage,
    found: Vec<Candidate>,
    expected: Vec<Candidate>,
) -> (f32, f32) {
    assert_eq!(found.len(), expected.len(), "{name}: other boxes");
    let side = image.width().max(image.height()) as f32;
    let (mut box_error, mut score_error) = (0.0f32, 0.0f32);
    let mut left = found;
    for expected in &expected {
        // The nearest of its class: scores may be too close together to go by.
        let apart = |found: &Candidate| {
            let sides = |bbox: &BBox| [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
            let pairs = sides(&found.bbox).into_iter().zip(sides(&expected.bbox));
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max)
        };
        let same = (0..left.len()).filter(|&index| left[index].class == expected.class);
        let nearest = same.min_by(|&a, &b| apart(&left[a]).total_cmp(&apart(&left[b])));
        let nearest =
            nearest.unwrap_or_else(|| panic!("{name}: no box of class {}", expected.class));
        let bbox = expected.bbox;
        let longest = side.max(bbox.x1 - bbox.x0).max(bbox.y1 - bbox.y0);
        box_error = box_error.max(apart(&left[nearest]) / longest);
        score_error = score_error.max((left.remove(nearest).score - expected.score).abs());
    }
    println!("{name}: boxes within {box_error:.1e} of the image, scores within {score_error:.1e}");
    (box_error, score_error)
}

fn candidate(&(class, score, x0, y0, x1, y1): &(usize, f32, f32, f32, f32, f32)) -> Candidate {
    Candidate { bbox: BBox::new(x0, y0, x1, y1), class, score }
}

#[test]
fn every_family_is_recognised_and_gives_the_published_boxes() {
    let text = std::fs::read_to_string(fixture("expected.json")).expect("the fixture is there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the fixture is JSON");
    assert_eq!(cases.len(), 14);
    let photo = read(&fixture("photo.png"));
    for case in &cases {
        let name = format!("{} {}", case.model, case.options);
        let detector = load(&format!("{}.onnx", case.model), &options(case));
        let detector = detector.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(detector.family(), case.family, "{name}");
        let found = detector.candidates(&photo, case.floor).expect("it runs");
        let expected = case.found.iter().map(candidate).collect();
        if case.model == "all-half" {
            // Eleven bits a number, rounded in another order.
            let (box_error, score_error) = errors(&name, &photo, found, expected);
            assert!(box_error <= 5e-3 && score_error <= 2e-3, "{box_error} {score_error}");
        } else {
            compare(&name, &photo, found, expected);
        }
    }
}

#[test]
fn the_family_that_is_given_decides() {
    // One row a cell of its grid, and as many of three values each: YOLOX's and RT-DETR's shape.
    let given = OnnxOptions { family: Some(Family::RtDetr), ..OnnxOptions::default() };
    assert_eq!(load("yolox.onnx", &given).expect("it fits").family(), Family::RtDetr);
    let given = OnnxOptions { family: Some(Family::Detr), ..OnnxOptions::default() };
    assert_eq!(
        refusal("yolox.onnx", &given),
        "yolox.onnx has outputs 1×84×8: they do not fit `detr`"
    );
}

#[test]
fn names_come_from_options_the_file_or_coco() {
    let names = |name: &str, given: Option<&[&str]>| {
        let given = given.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let options =
            OnnxOptions { input_size: Some(64), class_names: given, ..OnnxOptions::default() };
        load(name, &options).expect("it loads").class_names().to_vec()
    };
    assert_eq!(names("yolo.onnx", None), ["hot dog", "driver's seat", "cat"]);
    assert_eq!(names("yolo.onnx", Some(&["a", "b", "c"])), ["a", "b", "c"]);
    assert_eq!(names("end-to-end.onnx", None), ["a", "b", "c"]);
    assert_eq!(names("yolox.onnx", None), [""; 0]);
    let coco = names("d-fine.onnx", None);
    assert_eq!((coco.len(), &coco[0][..], &coco[79][..]), (80, "person", "toothbrush"));
    // DETR counts by COCO's ids.
    let by_id = names("detr.onnx", None);
    assert_eq!((by_id.len(), &by_id[1][..], &by_id[90][..]), (91, "person", "toothbrush"));
}

#[test]
fn an_open_input_takes_the_size_that_is_given() {
    let open =
        |side| load("yolo.onnx", &OnnxOptions { input_size: side, ..OnnxOptions::default() });
    // Its boxes count cells of 64×64 pixels; of 640 pixels, where nobody says more, it has too many.
    assert!(open(Some(64)).is_ok());
    let error = open(None).err().expect("the graph does not fit 640 pixels");
    assert!(matches!(error, DetectError::Graph { .. }), "{error}");
    for side in [0, 9000] {
        let error = open(Some(side)).err().expect("no size").to_string();
        assert!(error.contains(&format!("{side}×{side} pixels, expected 1 to 8192")), "{error}");
    }
    // A graph that says its size keeps it.
    let other = OnnxOptions { input_size: Some(320), ..OnnxOptions::default() };
    assert!(load("yolox.onnx", &other).is_ok());
}
