//! Files that are no detectors.

use std::path::Path;

use miette::Diagnostic;
use samkit_detect::{DetectError, OnnxDetector, OnnxOptions};

use crate::{fixture, refusal};

fn refused(name: &str) -> String {
    let text = refusal(&format!("refused/{name}.onnx"), &OnnxOptions::default());
    text.replace(&format!("refused/{name}.onnx"), "FILE")
}

fn error(path: &Path) -> DetectError {
    let error = OnnxDetector::load(path, &OnnxOptions::default()).err().expect("it is refused");
    assert!(error.help().is_some(), "{error} says what to do");
    error
}

#[test]
fn graphs_with_other_outputs_say_which() {
    assert_eq!(refused("classifier"), "FILE has outputs 1×1000: they fit no family of detectors");
    assert_eq!(refused("encoder"), "FILE has outputs 1×8×4×4: they fit no family of detectors");
    assert_eq!(refused("boxes-only"), "FILE has outputs 1×20×4: they fit no family of detectors");
    assert_eq!(
        refused("tokens"),
        "FILE has outputs 1×50×12: many networks have such; name the layout if this is `yolov5` or \
         `rt-detr`"
    );
    let help = error(&fixture("refused/classifier.onnx")).help().expect("help").to_string();
    assert!(help.contains("`yolox`") && help.contains("`postprocessed`"), "{help}");
}

#[test]
fn unknown_operators_are_named_inside_branches_too() {
    for (file, operator) in
        [("unknown-operator", "EfficientNMS_TRT"), ("unknown-inside-if", "MagicSort")]
    {
        assert_eq!(
            refused(file),
            format!("FILE uses operators that are not supported: {operator}")
        );
    }
}

#[test]
fn inputs_that_are_no_image_say_what_they_are() {
    for (file, expected) in [
        ("rank-3", "its input has 3 dimensions, expected 4"),
        ("one-channel", "its input has shape 1×1×64×64, expected 1×3×height×width"),
        ("channels-last", "its input has shape 1×64×64×3, expected 1×3×height×width"),
        ("batch-of-4", "its input has shape 4×3×64×64, expected 1×3×height×width"),
        ("bytes", "its input holds U8, expected F32"),
        ("unknown-second", "it also wants `prompt_ids`, which samkit does not know"),
        ("three-inputs", "it also wants `im_shape` and `scale_factor`, which samkit does not know"),
    ] {
        assert_eq!(refused(file), format!("FILE: {expected}"));
    }
}

#[test]
fn paths_without_a_file_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in [folder.path().join("missing.onnx"), folder.path().to_owned()] {
        let error = error(&path);
        assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
    }
}

#[test]
fn other_formats_are_no_onnx() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("detector.onnx");
    let photo = std::fs::read(fixture("photo.png")).expect("the photograph");
    let zeros = vec![0; 4096];
    for bytes in [&b""[..], b"\n", b"weights go here", b"PK\x03\x04", &photo, &zeros] {
        std::fs::write(&path, bytes).expect("writable");
        let error = error(&path);
        assert!(matches!(error, DetectError::NotOnnx { .. }), "{error}");
    }
}
