//! `samkit segment`: what points, boxes and masks give.

use serde_json::Value;

use crate::support::{Place, needs_weights, scene};

/// Middle of the disc of [`scene`] at 120×80, and its pixels.
const DISC: &str = "36,36";
fn disc_area() -> usize {
    scene(120, 80).pixels().filter(|pixel| pixel[0] == 240).count()
}

fn place() -> Place {
    let place = Place::new();
    place.picture("a.png", &scene(120, 80));
    place
}

fn segment(place: &Place, output: &str, flags: &[&str]) -> Value {
    let args = [&["segment", "a.png", "--output", output][..], flags].concat();
    place.run(&args).exits(0);
    place.json(&format!("{output}/a.segment.json"))
}

#[test]
fn a_point_gives_the_best_of_three_and_multimask_all_of_them() {
    needs_weights!();
    let place = place();
    let best = segment(&place, "best", &["--point", DISC]);
    let all = segment(&place, "all", &["--point", DISC, "--multimask", "--save-logits"]);
    assert_eq!(
        place.names("all"),
        [
            "a.logits.0.npy",
            "a.logits.1.npy",
            "a.logits.2.npy",
            "a.mask.0.png",
            "a.mask.1.png",
            "a.mask.2.png",
            "a.overlay.png",
            "a.segment.json"
        ]
    );
    let scores: Vec<f64> = all["masks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mask| mask["predicted_iou"].as_f64().unwrap())
        .collect();
    let highest = scores.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(best["masks"][0]["predicted_iou"], highest);
    assert_eq!(place.size("best/a.mask.png"), (120, 80));
    assert!(place.grey("best/a.mask.png").pixels().all(|p| p[0] == 0 || p[0] == 255));

    // The disc is plain to see: the mask must be it, give or take its rim.
    let inside = place.grey("best/a.mask.png").pixels().filter(|p| p[0] == 255).count();
    assert_eq!(best["masks"][0]["area"], inside);
    let share = inside as f64 / disc_area() as f64;
    assert!((0.8..1.2).contains(&share), "{inside} pixels, the disc has {}", disc_area());
}

#[test]
fn a_box_or_several_points_give_the_single_mask() {
    needs_weights!();
    let place = place();
    let boxed = segment(&place, "box", &["--box", "8,12,64,60"]);
    assert_eq!(boxed["prompt"]["answer"], "single");
    assert_eq!(place.names("box"), ["a.mask.png", "a.overlay.png", "a.segment.json"]);
    let points = segment(&place, "points", &["--point", DISC, "--point", "100,70,0"]);
    assert_eq!(points["prompt"]["answer"], "single");
    assert_eq!(points["prompt"]["points"][1]["label"], 0);
}

#[test]
fn refining_is_a_second_pass_with_the_best_mask() {
    needs_weights!();
    let place = place();
    let refined = segment(&place, "refined", &["--point", DISC, "--refine", "--save-logits"]);
    // The same by hand: the best mask's logits go back in beside the point.
    let all = segment(&place, "first", &["--point", DISC, "--multimask", "--save-logits"]);
    let score = |mask: &Value| mask["predicted_iou"].as_f64().unwrap();
    let masks = all["masks"].as_array().unwrap();
    let best = (0..3).max_by(|&a, &b| score(&masks[a]).total_cmp(&score(&masks[b]))).unwrap();
    let logits = format!("first/a.logits.{best}.npy");
    let by_hand = segment(&place, "second", &["--point", DISC, "--mask", &logits, "--save-logits"]);
    assert_eq!(refined["masks"], by_hand["masks"]);
    assert!(
        place.files("refined")["a.logits.npy"] == place.files("second")["a.logits.npy"],
        "the logits differ"
    );
}

#[test]
fn a_prompt_outside_some_images_fails_on_those_alone() {
    needs_weights!();
    let place = place();
    place.picture("small.png", &scene(20, 20));
    let args = ["segment", "a.png", "small.png", "--point", DISC, "--output", "out"];
    place.run(&args).exits(1).says(&["small.png: failed", "(36, 36)", "20×20"]);
    assert_eq!(place.names("out"), ["a.mask.png", "a.overlay.png", "a.segment.json"]);
}
