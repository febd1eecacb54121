//! Box NMS against torchvision (`fixtures/make_fixtures.py`).

use samkit_core::{BBox, nms};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    boxes: Vec<[f32; 4]>,
    scores: Vec<f32>,
    threshold: f32,
    kept: Vec<usize>,
}

#[test]
fn kept_boxes_and_their_order_equal_torchvision() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("fixtures/nms.json")).expect("the fixture is valid");
    for case in cases {
        let boxes: Vec<_> =
            case.boxes.iter().map(|&[x0, y0, x1, y1]| BBox::new(x0, y0, x1, y1)).collect();
        let kept = nms(&boxes, &case.scores, case.threshold);
        assert_eq!(kept, case.kept, "{} boxes, threshold {}", boxes.len(), case.threshold);
    }
}
