//! COCO's scores against pycocotools' (`reference/cocoeval.py`), and files that are not what they
//! should be.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use samkit_eval::instances::{InstancesError, Overlap, score};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(fixture(name)).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// To four decimals, as people publish them.
#[track_caller]
fn same(what: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().expect("a number");
    assert!((found - expected).abs() < 5e-5, "{what}: {found}, pycocotools {expected}");
}

#[test]
fn the_numbers_are_pycocotools_numbers() {
    let expected = json("coco-expected.json");
    for (overlap, kind) in [(Overlap::Boxes, "bbox"), (Overlap::Masks, "segm")] {
        let (truth, results) = (fixture("coco-truth.json"), fixture("coco-results.json"));
        let scores = score(&truth, &results, overlap).expect("both can be read");
        let names: Vec<_> = scores.summary.iter().map(|(name, _)| name.as_str()).collect();
        let order = "AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl";
        assert_eq!(names.join(" "), order);
        for (place, (name, found)) in scores.summary.iter().enumerate() {
            same(&format!("{kind} {name}"), *found, &expected[kind]["summary"][place]);
        }
        let classes = expected[kind]["classes"].as_object().expect("classes");
        assert_eq!(scores.classes.len(), classes.len());
        for class in &scores.classes {
            let numbers = [class.ap, class.ap50, class.ap75, class.ar];
            for (place, found) in numbers.into_iter().enumerate() {
                same(
                    &format!("{kind} {} {place}", class.name),
                    found,
                    &classes[&class.name][place],
                );
            }
        }
        assert_eq!(scores.images, 8);
    }
}

/// The error for results of this text against the fixture's annotations.
fn error(results: &str) -> InstancesError {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("results.json");
    std::fs::write(&path, results).expect("a file");
    score(&fixture("coco-truth.json"), &path, Overlap::Masks).expect_err("not to be scored")
}

#[test]
fn results_of_other_images_are_refused() {
    let text = r#"[{"image_id": 99, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]"#;
    let error = error(text);
    assert!(error.to_string().contains("such as 99"), "{error}");
}

#[test]
fn wrong_types_are_shown_with_their_line() {
    let text =
        "[\n{\"image_id\": 1, \"category_id\": \"cat\", \"bbox\": [1, 2, 3, 4], \"score\": 1}]";
    let error = error(text);
    assert!(error.to_string().contains("line 2"), "{error}");
    assert!(error.help().is_some_and(|help| help.to_string().contains("COCO results")));
}

#[test]
fn files_that_are_missing_cut_off_or_swapped_are_refused() {
    let missing = score(Path::new("no-such.json"), Path::new("none.json"), Overlap::Boxes);
    let message = missing.expect_err("missing").to_string();
    assert!(message.contains("no-such.json"), "{message}");
    assert!(error("[{\"image_id\": 1").to_string().contains("results.json"));
    let truth = fixture("coco-truth.json");
    let swapped = score(&fixture("coco-results.json"), &truth, Overlap::Boxes);
    let error = swapped.expect_err("a list is no data set");
    assert!(error.help().is_some_and(|help| help.to_string().contains("annotations")), "{error}");
}

#[test]
fn masks_are_needed_for_scores_of_masks() {
    let text = r#"[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]"#;
    // pycocotools makes a rectangle of a box that has no mask.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("results.json");
    std::fs::write(&path, text).expect("a file");
    let scores = score(&fixture("coco-truth.json"), &path, Overlap::Masks).expect("rectangles");
    assert_eq!((scores.results, scores.without_mask), (1, 1));
}

#[test]
fn results_of_other_classes_change_nothing_and_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("results.json");
    let mut results = json("coco-results.json");
    let list = results.as_array_mut().expect("a list");
    let mut other = list[0].clone();
    other["category_id"] = 4711.into();
    list.push(other);
    std::fs::write(&path, results.to_string()).expect("a file");
    let truth = fixture("coco-truth.json");
    let expected = score(&truth, &fixture("coco-results.json"), Overlap::Boxes).expect("scores");
    let found = score(&truth, &path, Overlap::Boxes).expect("scores");
    assert_eq!(found.summary, expected.summary);
    assert_eq!((found.of_other_classes, found.results), (1, expected.results + 1));
    let text = r#"[{"image_id": 1, "category_id": 4711, "bbox": [1, 2, 3, 4], "score": 0.5}]"#;
    let none = error(text);
    assert!(matches!(none, InstancesError::UnknownClasses { .. }), "{none}");
}

#[test]
fn a_data_set_is_not_taken_for_results() {
    let truth = fixture("coco-truth.json");
    let error = score(&truth, &truth, Overlap::Boxes).expect_err("a data set");
    assert!(matches!(error, InstancesError::NoResults { .. }), "{error}");
    assert!(error.help().is_some_and(|help| help.to_string().contains("--save results")));
}

#[test]
fn no_results_score_zero() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("results.json");
    std::fs::write(&path, "[]").expect("a file");
    let scores = score(&fixture("coco-truth.json"), &path, Overlap::Boxes).expect("an empty list");
    assert_eq!(scores.summary[0], ("AP".to_owned(), 0.0));
}
