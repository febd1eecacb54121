//! The masks that are looked at.

use samkit_core::{Rle, Size};
use samkit_plugin::{Host, Inputs, RegionView, TaskError};
use serde_json::json;

use crate::Looking;

/// What the other tasks call their masks, and this one its input.
pub(crate) const MASKS: &str = "masks";
/// What masks from Segment Anything carry along.
const PREDICTED_IOU: &str = "predicted_iou";

/// A mask that may be of something.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The mask.
    pub mask: Rle,
    /// The network's estimate of its IoU with the truth; 1 where it is not known.
    pub predicted_iou: f32,
}

/// The masks of an earlier step, or else masks for everything in the image; without those that are too
/// small or too large, and without near duplicates. The best by predicted IoU come first.
///
/// # Errors
/// When Segment Anything is needed and fails, or the user stops the run.
pub fn proposals(
    inputs: &Inputs<'_>,
    host: &Host<'_>,
    looking: &Looking,
    image: Size,
) -> Result<Vec<Proposal>, TaskError> {
    let all: Vec<Proposal> = match inputs.masks(MASKS)? {
        Some(masks) => masks.iter().filter_map(proposal).collect(),
        None => {
            let params = json!({ "points_per_side": looking.points_per_side });
            host.sam()?.automatic_masks(&params)?.iter().filter_map(proposal).collect()
        }
    };
    Ok(distinct(all, looking, image))
}

fn proposal(region: RegionView<'_>) -> Option<Proposal> {
    let value = |name: &str| region.values().find(|(known, _)| *known == name);
    // Automatic masks have it as their score.
    let predicted_iou = value(PREDICTED_IOU).map(|(_, value)| value as f32).or(region.score());
    Some(Proposal { mask: region.mask()?, predicted_iou: predicted_iou.unwrap_or(1.0) })
}

fn distinct(mut all: Vec<Proposal>, looking: &Looking, image: Size) -> Vec<Proposal> {
    let part = |mask: &Rle| mask.area() as f32 / image.area() as f32;
    all.retain(|proposal| {
        let part = part(&proposal.mask);
        part > 0.0 && part >= looking.min_area && part <= looking.max_area
    });
    all.sort_by(|a, b| b.predicted_iou.total_cmp(&a.predicted_iou));
    let mut kept: Vec<Proposal> = Vec::new();
    for proposal in all {
        let is_near = |other: &Proposal| {
            let (a, b) = (other.mask.bbox(), proposal.mask.bbox());
            // Boxes that do not meet spare the look at the masks.
            a.iou(&b) > 0.0
                && other.mask.iou(&proposal.mask) > Some(f64::from(looking.mask_nms_threshold))
        };
        if !kept.iter().any(is_near) {
            kept.push(proposal);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use samkit_core::Mask;

    use super::*;

    #[test]
    fn small_large_and_near_masks_are_left_out() {
        let size = Size::new(100, 10);
        let mask = |from: u32, to: u32, predicted_iou: f32| Proposal {
            mask: Rle::from_mask(&Mask::from_fn(size, |x, _| (from..to).contains(&x))),
            predicted_iou,
        };
        let all = vec![
            mask(0, 50, 0.8),
            mask(0, 49, 0.9),
            mask(20, 30, 0.7),
            mask(0, 100, 0.99),
            mask(60, 61, 0.99),
            mask(70, 70, 0.99),
        ];
        let looking = Looking { min_area: 0.02, ..Looking::default() };
        let kept = distinct(all, &looking, size);
        let areas: Vec<_> = kept.iter().map(|proposal| proposal.mask.area()).collect();
        assert_eq!(areas, [490, 100]);
    }
}
