//! Asking Segment Anything for everything: a grid of clicks, and the masks worth keeping.

use rayon::prelude::*;
use samkit_core::{BBox, LowResLogits, Prompt, nms};
use samkit_engine::{
    Embedding, EngineError, Frame, MaskOutput, MaskPrediction, Progress, Sam, point_grid,
};

use crate::EdgeParams;

/// A mask that may contribute edges. Its logits stay at 256×256: at the size of a photograph the
/// hundreds of masks of a run would not fit into memory.
pub(crate) struct Candidate {
    pub(crate) logits: LowResLogits,
    predicted_iou: f32,
    bbox: BBox,
}

/// Clicks on every point of the grid and returns the masks that pass the filters and survive box
/// NMS: first within each batch, then over all, as the reference's automatic generator does it.
pub(crate) fn candidates(
    sam: &Sam,
    embedding: &Embedding,
    params: &EdgeParams,
    progress: Progress<'_>,
) -> Result<Vec<Candidate>, EngineError> {
    let (frame, size) = (embedding.frame(), embedding.image_size());
    let prompts: Vec<Prompt> = point_grid(params.points_per_side)
        .iter()
        .map(|point| Prompt::point(point.x * size.width as f32, point.y * size.height as f32))
        .collect();
    let mut kept = Vec::new();
    let mut done = 0;
    for batch in prompts.chunks(params.points_per_batch as usize) {
        if progress(done, prompts.len()).is_break() {
            return Err(EngineError::Cancelled);
        }
        let predictions = sam.predict_inside(embedding, batch, MaskOutput::Multi)?;
        let masks: Vec<MaskPrediction> =
            predictions.into_iter().flat_map(|prediction| prediction.masks).collect();
        let found = masks.into_par_iter().filter_map(|mask| candidate(mask, &frame, params));
        kept.extend(suppressed(found.collect(), params.box_nms_thresh));
        done += batch.len();
    }
    if progress(done, prompts.len()).is_break() {
        return Err(EngineError::Cancelled);
    }
    Ok(suppressed(kept, params.box_nms_thresh))
}

/// The mask as a candidate, unless it is empty or a filter drops it.
fn candidate(mask: MaskPrediction, frame: &Frame, params: &EdgeParams) -> Option<Candidate> {
    if params.pred_iou_thresh > 0.0 && mask.predicted_iou <= params.pred_iou_thresh {
        return None;
    }
    let measure = frame.measure(&mask.logits, params.stability_score_offset);
    if measure.area == 0 {
        return None;
    }
    // An empty union has the score NaN, which is not at least anything.
    let stable = params.stability_score_thresh <= 0.0
        || measure.stability_score() >= params.stability_score_thresh;
    stable.then_some(Candidate {
        logits: mask.logits,
        predicted_iou: mask.predicted_iou,
        bbox: measure.bbox,
    })
}

/// Greedy box NMS by predicted IoU.
fn suppressed(candidates: Vec<Candidate>, threshold: f32) -> Vec<Candidate> {
    let boxes: Vec<BBox> = candidates.iter().map(|candidate| candidate.bbox).collect();
    let scores: Vec<f32> = candidates.iter().map(|candidate| candidate.predicted_iou).collect();
    let mut slots: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    nms(&boxes, &scores, threshold).into_iter().filter_map(|index| slots[index].take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_masks_with_one_box_the_better_remains() {
        let logits = || LowResLogits::new(vec![0.0; 256 * 256]).expect("256×256");
        let bbox = BBox::new(0.0, 0.0, 10.0, 10.0);
        let with = |predicted_iou| Candidate { logits: logits(), predicted_iou, bbox };
        let kept = suppressed(vec![with(0.6), with(0.9)], 0.7);
        assert_eq!(kept.iter().map(|c| c.predicted_iou).collect::<Vec<_>>(), [0.9]);
    }
}
