//! A real export: YOLOX-Nano on photographs, against ONNX Runtime on the same preprocessing
//! (`reference/yolox_nano.py`).

use samkit_detect::{Candidate, Family, OnnxDetector, OnnxOptions, Selection, select};
use serde_json::Value;

use crate::{candidate, compare, read};

#[test]
fn a_real_yolox_gives_the_boxes_of_onnx_runtime() {
    let Some(folder) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return;
    };
    // Relative to the workspace, where the test command runs.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let model = folder.join("data/models/yolox_nano.onnx");
    let detector = OnnxDetector::load(&model, &OnnxOptions::default()).expect("it loads");
    assert_eq!((detector.family(), detector.class_names().len()), (Family::Yolox, 80));
    let expected: Value = serde_json::from_str(include_str!("../fixtures/onnx/yolox_nano.json"))
        .expect("the fixture is JSON");
    for name in ["dog", "truck"] {
        let image = read(&folder.join(format!("data/images/{name}.png")));
        let floor = expected[name]["floor"].as_f64().expect("a floor") as f32;
        let found = detector.candidates(&image, floor).expect("it runs");
        let records: Vec<_> = serde_json::from_value(expected[name]["found"].clone())
            .expect("class, score and corners");
        let records: Vec<Candidate> = records.iter().map(candidate).collect();
        assert!(records.len() > 30, "{name}: few boxes");
        let how = Selection { score_threshold: 0.7, iou_threshold: Some(0.6), max_detections: 9 };
        let best = select(&found, image.dimensions().into(), &how);
        assert!(best.iter().any(|found| detector.class_names()[found.class] == name), "{best:?}");
        compare(name, &image, found, records);
    }
}
