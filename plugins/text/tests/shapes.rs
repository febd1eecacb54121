//! Queries whose answers are known: generated scenes of coloured shapes, a small CLIP that was trained
//! on such pictures (`tests/data/clip-shapes`), and MobileSAM's own weights.
//!
//! `SAMKIT_SCENES=100 cargo test --release -p samkit-task-text --test shapes -- --nocapture` prints the
//! figures of docs/accuracy.md; without it fewer scenes are looked at.

#[path = "../../../tests/data/clip-shapes/scenes.rs"]
mod scenes;
mod support;

use std::{collections::BTreeSet, sync::Arc};

use samkit_core::{Mask, Rle, Size};
use samkit_plugin_host::{Plugin, Region};
use scenes::{COLOURS, HEIGHT, Object, SHAPES, WIDTH};
use serde_json::json;
use support::{Lent, clip_folder, found};

/// Scenes that are looked at where nobody says.
const SCENES: u64 = 6;
/// What the small CLIP was taught that a region may be instead, and the cosine that tells right from
/// wrong (`README.md` beside it).
const REFUSALS: [&str; 5] =
    ["the background", "a plain texture", "part of something", "several shapes", "something else"];
const SIMILARITY: f64 = 0.5;
/// A share that only rules out what fits something else far better: masks of rings are often filled,
/// and then fit half a dozen captions alike.
const SHARE: f64 = 0.03;
/// Queries a scene whose objects are not there.
const ABSENT: usize = 4;

fn count() -> u64 {
    let number = std::env::var("SAMKIT_SCENES").ok();
    number.map_or(SCENES, |text| text.parse().expect("SAMKIT_SCENES is a number"))
}

fn rle(object: &Object) -> Rle {
    let size = Size::new(WIDTH, HEIGHT);
    Rle::from_mask(&Mask::from_pixels(size, object.mask.clone()).expect("the scene's size"))
}

/// The best IoU of any mask that was found for the object's query.
fn iou(object: &Object, found: &[Region]) -> f64 {
    let own = rle(object);
    let fits = found.iter().filter(|region| region.label == object.query());
    let ious = fits.filter_map(|region| region.mask.as_ref()?.iou(&own));
    ious.fold(0.0, f64::max)
}

/// Queries for pairs that are not in the scene, different ones in every scene.
fn absent(number: u64, objects: &[Object]) -> Vec<String> {
    let there: BTreeSet<String> = objects.iter().map(Object::query).collect();
    let pairs =
        COLOURS.iter().flat_map(|(colour, _)| SHAPES.iter().map(move |shape| (colour, shape)));
    let all: Vec<String> = pairs
        .map(|(colour, shape)| {
            let article = if *colour == "orange" { "an" } else { "a" };
            format!("{article} {colour} {shape}")
        })
        .filter(|query| !there.contains(query))
        .collect();
    let step = |index: usize| (number as usize * 7 + index * 11) % all.len();
    let chosen: BTreeSet<usize> = (0..ABSENT).map(step).collect();
    chosen.into_iter().map(|index| all[index].clone()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[test]
fn shapes_are_found_by_their_descriptions_and_absent_ones_are_not() {
    let Some(weights) = samkit_models::testing::local_or_skip("mobile-sam") else { return };
    let sam = samkit_engine::Sam::load(&weights, samkit_engine::DeviceKind::Cpu);
    let sam = Arc::new(sam.expect("the weights load"));
    let plugin = Plugin::linked_in(samkit_task_text::entry()).expect("a sound description");
    let (mut seen, mut held_out, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count() {
        let scene = scenes::scene(number);
        let there: BTreeSet<String> = scene.objects.iter().map(Object::query).collect();
        let absent = absent(number, &scene.objects);
        let lent = Lent::new(sam.clone(), scene.image.clone());
        let queries: Vec<&String> = there.iter().chain(&absent).collect();
        let params = json!({
            "queries": queries,
            "model": clip_folder(),
            "points_per_side": 16,
            "background": REFUSALS,
            "threshold": SHARE,
            "min_similarity": SIMILARITY,
        });
        let found = found(&plugin, &params, &lent);
        for object in &scene.objects {
            let group = if object.is_held_out() { &mut held_out } else { &mut seen };
            group.push(iou(object, &found));
        }
        for query in &absent {
            let is_quiet = found.iter().all(|region| region.label != *query);
            quiet.push(f64::from(u8::from(is_quiet)));
        }
    }
    println!(
        "{} scenes: seen pairs {:.3} ({}), held-out pairs {:.3} ({}), absent {:.3} ({})",
        count(),
        mean(&seen),
        seen.len(),
        mean(&held_out),
        held_out.len(),
        mean(&quiet),
        quiet.len(),
    );
    assert!(mean(&seen) >= 0.85, "mean IoU of seen pairs");
    assert!(mean(&held_out) >= 0.75, "mean IoU of held-out pairs");
    assert!(mean(&quiet) >= 0.95, "absent objects that return nothing");
}

#[test]
fn one_query_finds_its_object_and_nothing_else() {
    let Some(weights) = samkit_models::testing::local_or_skip("mobile-sam") else { return };
    let sam = samkit_engine::Sam::load(&weights, samkit_engine::DeviceKind::Cpu);
    let plugin = Plugin::linked_in(samkit_task_text::entry()).expect("a sound description");
    let scene = scenes::scene(1);
    let object = &scene.objects[0];
    let lent = Lent::new(Arc::new(sam.expect("the weights load")), scene.image.clone());
    let params = json!({
        "queries": [object.query()],
        "model": clip_folder(),
        "points_per_side": 12,
        "prefer": "whole",
        "background": REFUSALS,
        "threshold": SHARE,
            "min_similarity": SIMILARITY,
    });
    let found = found(&plugin, &params, &lent);
    let expected = scene.objects.iter().filter(|other| other.query() == object.query()).count();
    assert_eq!(found.len(), expected);
    assert!(iou(object, &found) > 0.8);
}
