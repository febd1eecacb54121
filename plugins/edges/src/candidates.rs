//! Asking Segment Anything for everything: a grid of clicks, and the masks worth keeping.

use rayon::prelude::*;
use samkit_core::{BBox, nms, point_grid};
use samkit_plugin::{Frame, LowRes, MaskOutput, Measure, Predicted, Prompt, Sam, TaskError};

use crate::EdgeParams;

/// A mask that may contribute edges. Its logits stay at 256×256: at the size of a photograph the
/// hundreds of masks of a run would not fit into memory.
pub(crate) struct Candidate {
    pub(crate) logits: Box<LowRes>,
    pub(crate) found: Found,
}

/// What is known of a mask.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) predicted_iou: f32,
    pub(crate) stability_score: f32,
    /// In pixels.
    pub(crate) area: u64,
    bbox: BBox,
}

/// The masks of a batch.
pub(crate) type Masks<'a> = [(&'a LowRes, Found)];

/// Clicks on every point of the grid and returns the masks that pass the filters and survive box
/// NMS: first within each batch, then over all, as the reference's automatic generator does it.
/// `each` sees the masks of every batch that pass the filters; `progress` hears of the clicks done.
pub(crate) fn candidates(
    sam: &Sam<'_>,
    params: &EdgeParams,
    each: &mut dyn FnMut(&Masks<'_>) -> Result<(), TaskError>,
    progress: &dyn Fn(usize) -> Result<(), TaskError>,
) -> Result<Vec<Candidate>, TaskError> {
    let frame = sam.frame();
    let size = frame.image_size();
    let prompts: Vec<Prompt<'_>> = point_grid(params.points_per_side)
        .iter()
        .map(|point| Prompt::point(point.x * size.width as f32, point.y * size.height as f32))
        .collect();
    let mut kept = Vec::new();
    let mut done = 0;
    for batch in prompts.chunks(params.points_per_batch as usize) {
        progress(done)?;
        let predictions = sam.predict_inside(batch, MaskOutput::Multi)?;
        let masks: Vec<Predicted<'_>> = predictions.iter().collect();
        let found = masks
            .into_par_iter()
            .map(|mask| Ok(found(&mask, &frame, params)?.map(|found| (mask.logits, found))));
        let found: Vec<_> =
            found.collect::<Result<Vec<_>, TaskError>>()?.into_iter().flatten().collect();
        each(&found)?;
        let best = suppressed(&found, params.box_nms_thresh, |(_, found)| *found);
        // Only what survives is worth its memory; the rest goes with the batch.
        kept.extend(best.into_iter().map(|index| {
            let (logits, found) = found[index];
            Candidate { logits: Box::new(*logits), found }
        }));
        done += batch.len();
    }
    progress(done)?;
    let best = suppressed(&kept, params.box_nms_thresh, |candidate| candidate.found);
    let mut slots: Vec<Option<Candidate>> = kept.into_iter().map(Some).collect();
    Ok(best.into_iter().filter_map(|index| slots[index].take()).collect())
}

/// What is known of the mask, unless it is empty or a filter drops it.
fn found(
    mask: &Predicted<'_>,
    frame: &Frame<'_>,
    params: &EdgeParams,
) -> Result<Option<Found>, TaskError> {
    let Predicted { predicted_iou, logits, .. } = *mask;
    if params.pred_iou_thresh > 0.0 && predicted_iou <= params.pred_iou_thresh {
        return Ok(None);
    }
    let measure = frame.measure(logits, params.stability_score_offset)?;
    // An empty union has the score NaN, which is not at least anything.
    let is_stable = params.stability_score_thresh <= 0.0
        || measure.stability_score >= params.stability_score_thresh;
    let Measure { area, bbox, stability_score } = measure;
    let found = Found { predicted_iou, stability_score, area, bbox };
    Ok((area > 0 && is_stable).then_some(found))
}

/// Greedy box NMS by predicted IoU: the indices that remain, best first.
fn suppressed<T>(masks: &[T], threshold: f32, found: impl Fn(&T) -> Found) -> Vec<usize> {
    let boxes: Vec<BBox> = masks.iter().map(|mask| found(mask).bbox).collect();
    let scores: Vec<f32> = masks.iter().map(|mask| found(mask).predicted_iou).collect();
    nms(&boxes, &scores, threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_masks_with_one_box_the_better_remains() {
        let bbox = BBox::new(0.0, 0.0, 10.0, 10.0);
        let masks = [0.6, 0.9].map(|predicted_iou| Found {
            predicted_iou,
            stability_score: 1.0,
            area: 100,
            bbox,
        });
        assert_eq!(suppressed(&masks, 0.7, |found| *found), [1]);
    }
}
