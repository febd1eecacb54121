//! The picture-processing half against OpenCV, NumPy and SciPy, on synthetic masks
//! (`reference/thinning.py`).

use samkit_core::Size;
use samkit_edges::{Border, EdgeImage, EdgeMap, Thinning, rim_gradients, stretched, thin};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    width: u32,
    height: u32,
    logits: Vec<Vec<f32>>,
    raw: Vec<f32>,
    raw_zero_border: Vec<f32>,
    structured: Vec<f32>,
    margin: Vec<f32>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("reference/thinning.json")).expect("the fixture is JSON")
}

fn edge_map(fixture: &Fixture, border: Border) -> EdgeImage {
    let size = Size::new(fixture.width, fixture.height);
    let mut map = EdgeMap::new(size);
    for logits in &fixture.logits {
        map.add(&rim_gradients(logits, size, border, 0.0));
    }
    stretched(map.into_strongest())
}

fn worst_difference(found: &EdgeImage, expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn edge_maps_equal_opencvs_sobel_of_probabilities_and_masks() {
    let fixture = fixture();
    // The fixture holds six decimals; f32 rounding is below that.
    let replicate = worst_difference(&edge_map(&fixture, Border::Replicate), &fixture.raw);
    assert!(replicate < 2e-6, "{replicate}");
    let zero = worst_difference(&edge_map(&fixture, Border::Zero), &fixture.raw_zero_border);
    assert!(zero < 2e-6, "{zero}");
}

#[test]
fn structured_edge_nms_decides_and_weighs_as_the_toolbox_does() {
    let fixture = fixture();
    let raw = EdgeImage::from_raw(fixture.width, fixture.height, fixture.raw).expect("a full map");
    let thinned = thin(&raw, Thinning::StructuredEdges);
    let mut lines = 0;
    for ((index, &found), &expected) in thinned.iter().enumerate().zip(&fixture.structured) {
        // A closer decision hangs on rounding: f32 here, f64 there.
        if fixture.margin[index] > 1e-3 {
            assert!((found - expected).abs() < 1e-4, "pixel {index}: {found}, not {expected}");
            lines += usize::from(expected > 0.0);
        }
    }
    assert!(lines > 100, "only {lines} pixels of lines were compared");
}
