//! From what a detector says of every place to the boxes worth having.

use samkit_core::{BBox, Size, nms};

/// A box, its class and how sure the detector is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The box, in original-image pixels.
    pub bbox: BBox,
    /// Which of the detector's classes, from 0.
    pub class: usize,
    /// Confidence, from 0 to 1.
    pub score: f32,
}

/// Which candidates are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// Lowest score that is taken.
    pub score_threshold: f32,
    /// Of two boxes of a class whose IoU is higher, only the better one is taken; `None` for
    /// detectors that do this themselves.
    pub iou_threshold: Option<f32>,
    /// Most boxes that are taken, the best first.
    pub max_detections: usize,
}

/// Candidates that one class sends into NMS at most. (The cost grows with its square; the
/// evaluation of COCO looks at 100 boxes an image.)
const MAX_A_CLASS: usize = 1000;

/// The boxes worth having, the best first: cut to the image, above the threshold, without
/// duplicates. Boxes that are not finite or have no area inside the image are dropped.
pub fn select(candidates: &[Candidate], image: Size, how: &Selection) -> Vec<Candidate> {
    let (width, height) = (image.width as f32, image.height as f32);
    let inside = |candidate: &Candidate| {
        let BBox { x0, y0, x1, y1 } = candidate.bbox;
        let is_finite = [x0, y0, x1, y1].iter().all(|side| side.is_finite());
        let bbox = BBox::new(
            x0.clamp(0.0, width),
            y0.clamp(0.0, height),
            x1.clamp(0.0, width),
            y1.clamp(0.0, height),
        );
        // A score that is NaN is above nothing.
        let is_good = candidate.score >= how.score_threshold;
        let is_box = is_finite && bbox.x1 > bbox.x0 && bbox.y1 > bbox.y0;
        (is_good && is_box).then_some(Candidate { bbox, ..*candidate })
    };
    let mut taken: Vec<Candidate> = candidates.iter().filter_map(inside).collect();
    // Stable: equal scores keep the detector's order.
    taken.sort_by(|a, b| b.score.total_cmp(&a.score));
    if let Some(threshold) = how.iou_threshold {
        taken = without_duplicates(&taken, threshold);
    }
    taken.truncate(how.max_detections);
    taken
}

/// NMS class by class; `taken` is sorted, and so is the result.
fn without_duplicates(taken: &[Candidate], threshold: f32) -> Vec<Candidate> {
    let classes = taken.iter().map(|candidate| candidate.class + 1).max().unwrap_or(0);
    let mut by_class = vec![Vec::new(); classes];
    for (index, candidate) in taken.iter().enumerate() {
        by_class[candidate.class].push(index);
    }
    let mut kept: Vec<usize> = Vec::new();
    for members in by_class {
        let members = &members[..members.len().min(MAX_A_CLASS)];
        let boxes: Vec<BBox> = members.iter().map(|&index| taken[index].bbox).collect();
        let scores: Vec<f32> = members.iter().map(|&index| taken[index].score).collect();
        kept.extend(nms(&boxes, &scores, threshold).into_iter().map(|place| members[place]));
    }
    kept.sort_unstable();
    kept.into_iter().map(|index| taken[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Selection =
        Selection { score_threshold: 0.3, iou_threshold: Some(0.5), max_detections: 3 };

    fn candidate(x0: f32, class: usize, score: f32) -> Candidate {
        Candidate { bbox: BBox::new(x0, 0.0, x0 + 10.0, 10.0), class, score }
    }

    #[test]
    fn duplicates_of_a_class_go_and_other_classes_stay() {
        let all = [candidate(0.0, 1, 0.5), candidate(1.0, 1, 0.9), candidate(1.0, 0, 0.4)];
        let taken = select(&all, Size::new(100, 100), &HOW);
        assert_eq!(taken, [all[1], all[2]]);
        let raw = Selection { iou_threshold: None, ..HOW };
        assert_eq!(select(&all, Size::new(100, 100), &raw).len(), 3);
    }

    #[test]
    fn the_threshold_counts_and_so_does_the_number() {
        let all: Vec<_> = (0..8).map(|i| candidate(12.0 * i as f32, 0, 0.1 * i as f32)).collect();
        let taken = select(&all, Size::new(200, 100), &HOW);
        assert_eq!(taken.iter().map(|c| c.score).collect::<Vec<_>>(), [0.7, 0.6, 0.5]);
    }

    #[test]
    fn boxes_are_cut_to_the_image_and_useless_ones_dropped() {
        let mut outside = candidate(-30.0, 0, 0.9);
        let across = candidate(-4.0, 0, 0.8);
        let mut bad = candidate(5.0, 0, f32::NAN);
        let taken = select(&[outside, across, bad], Size::new(20, 8), &HOW);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].bbox, BBox::new(0.0, 0.0, 6.0, 8.0));
        (outside.bbox.x0, bad.score) = (f32::NAN, 0.9);
        (bad.bbox.x0, bad.bbox.x1) = (bad.bbox.x1, bad.bbox.x0);
        assert_eq!(select(&[outside, bad], Size::new(20, 8), &HOW), []);
    }
}
