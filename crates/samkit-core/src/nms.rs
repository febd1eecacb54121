//! Greedy non-maximum suppression of boxes.

use std::cmp::Ordering;

use crate::BBox;

/// Indices of the boxes that survive, in order of decreasing score.
///
/// The best box stays; every box whose IoU with a box that stays is above `threshold` goes. Equal
/// scores keep their order. This is `torchvision.ops.nms` on a CPU, except that the threshold is
/// compared as `f32`. Two boxes without area have no IoU and never suppress each other.
///
/// # Panics
/// When `boxes` and `scores` differ in length.
pub fn nms(boxes: &[BBox], scores: &[f32], threshold: f32) -> Vec<usize> {
    assert_eq!(boxes.len(), scores.len(), "every box needs one score");
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| descending(scores[a], scores[b]));
    let mut kept: Vec<BBox> = Vec::new();
    order.retain(|&index| {
        let candidate = boxes[index];
        let stays = !kept.iter().any(|better| better.iou(&candidate) > threshold);
        if stays {
            kept.push(candidate);
        }
        stays
    });
    order
}

/// Larger first; NaN before everything, as PyTorch sorts it.
fn descending(a: f32, b: f32) -> Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(x0: f32, width: f32) -> BBox {
        BBox::new(x0, 0.0, x0 + width, 1.0)
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let boxes = [row(0.0, 10.0), row(1.0, 10.0), row(20.0, 10.0)];
        assert_eq!(nms(&boxes, &[0.5, 0.9, 0.1], 0.7), [1, 2]);
    }

    #[test]
    fn an_iou_at_the_threshold_does_not_suppress() {
        let boxes = [row(0.0, 2.0), row(0.0, 1.0)];
        assert_eq!(nms(&boxes, &[1.0, 0.5], 0.5), [0, 1]);
        assert_eq!(nms(&boxes, &[1.0, 0.5], 0.499), [0]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        let boxes = [row(0.0, 10.0), row(4.0, 10.0), row(8.0, 10.0)];
        assert_eq!(nms(&boxes, &[0.9, 0.8, 0.7], 0.4), [0, 2]);
    }

    #[test]
    fn equal_scores_keep_their_order() {
        let boxes = [row(0.0, 1.0), row(5.0, 1.0), row(0.0, 1.0)];
        assert_eq!(nms(&boxes, &[0.5, 0.5, 0.5], 0.7), [0, 1]);
    }

    #[test]
    fn boxes_without_area_never_suppress_each_other() {
        let empty = BBox::new(0.0, 0.0, 0.0, 0.0);
        assert_eq!(nms(&[empty, empty], &[0.1, 0.2], 0.0), [1, 0]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(nms(&[], &[], 0.7).is_empty());
    }
}
