//! Masks for boxes, and which of them stay.

use rayon::prelude::*;
use samkit_core::{BBox, Mask, RegionMode, Rle, Size, remove_small_regions};
use samkit_plugin::{Frame, LowRes, MaskOutput, Predicted, Prompt, Sam, TaskError};

use crate::{InstanceParams, boxes::padded, params::Choice};

/// A mask with the network's estimate of its IoU with the truth.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) mask: Rle,
    pub(crate) predicted_iou: f32,
}

/// A mask for every box, in their order.
pub(crate) fn masks(
    sam: &Sam<'_>,
    boxes: &[BBox],
    params: &InstanceParams,
) -> Result<Vec<Found>, TaskError> {
    let prompts: Vec<Prompt<'_>> = boxes.iter().map(|&bbox| Prompt::bbox(bbox)).collect();
    let frame = sam.frame();
    if !params.refine {
        let answers = sam.predict_inside(&prompts, output(params.choice))?;
        let answers: Vec<_> = answers.iter().collect();
        return finish(&frame, &chosen(&frame, &answers, boxes, params.choice)?, boxes, params);
    }
    // Logits that go back in need the padding, too.
    let first = sam.predict(&prompts, output(params.refine_from))?;
    let first: Vec<_> = first.iter().collect();
    let first = chosen(&frame, &first, boxes, params.refine_from)?;
    let again: Vec<_> = boxes
        .iter()
        .zip(&first)
        .map(|(&bbox, first)| Prompt { mask: Some(first.logits), ..Prompt::bbox(bbox) })
        .collect();
    let answers = sam.predict_inside(&again, output(params.choice))?;
    let answers: Vec<_> = answers.iter().collect();
    finish(&frame, &chosen(&frame, &answers, boxes, params.choice)?, boxes, params)
}

fn output(choice: Choice) -> MaskOutput {
    match choice {
        Choice::Single => MaskOutput::Single,
        Choice::PredictedIou | Choice::BoxAgreement => MaskOutput::Multi,
    }
}

/// One answer a box.
fn chosen<'p>(
    frame: &Frame<'_>,
    answers: &[Predicted<'p>],
    boxes: &[BBox],
    choice: Choice,
) -> Result<Vec<Predicted<'p>>, TaskError> {
    let each = answers.len() / boxes.len().max(1);
    if each == 0 || answers.len() != each * boxes.len() {
        return Err(TaskError::failed("the host answered too few prompts"));
    }
    let worth = |answer: &Predicted<'p>, bbox: &BBox| match choice {
        Choice::Single | Choice::PredictedIou => Ok::<_, TaskError>(answer.predicted_iou),
        Choice::BoxAgreement => {
            let found = frame.measure(answer.logits, 1.0)?;
            // First and last pixels: their far sides are one further.
            let BBox { x0, y0, x1, y1 } = found.bbox;
            let is_empty = found.area == 0;
            Ok(if is_empty { 0.0 } else { bbox.iou(&BBox::new(x0, y0, x1 + 1.0, y1 + 1.0)) })
        }
    };
    let best = |(answers, bbox): (&[Predicted<'p>], &BBox)| {
        let mut best = (answers[0], worth(&answers[0], bbox)?);
        for answer in &answers[1..] {
            let worth = worth(answer, bbox)?;
            if worth > best.1 {
                best = (*answer, worth);
            }
        }
        Ok(best.0)
    };
    answers.chunks_exact(each).zip(boxes).map(best).collect()
}

/// Masks at the image's size, cleaned.
fn finish(
    frame: &Frame<'_>,
    answers: &[Predicted<'_>],
    boxes: &[BBox],
    params: &InstanceParams,
) -> Result<Vec<Found>, TaskError> {
    let answers: Vec<(&LowRes, f32, BBox)> = answers
        .iter()
        .zip(boxes)
        .map(|(answer, &bbox)| (answer.logits, answer.predicted_iou, bbox))
        .collect();
    let finish = |&(logits, predicted_iou, bbox): &(&LowRes, f32, BBox)| {
        let pixels = frame.mask(logits)?.into_iter().map(|pixel| pixel != 0).collect();
        let mut mask = Mask::from_pixels(frame.image_size(), pixels).expect("the image's size");
        if let Some(margin) = params.clip_margin {
            clip(&mut mask, &padded(bbox, 2.0 * margin, frame.image_size()));
        }
        if params.min_region_area > 0 {
            for mode in [RegionMode::Holes, RegionMode::Islands] {
                (mask, _) = remove_small_regions(&mask, params.min_region_area, mode);
            }
        }
        Ok(Found { mask: Rle::from_mask(&mask), predicted_iou })
    };
    answers.par_iter().map(finish).collect()
}

/// Removes the pixels whose centres lie outside the box.
fn clip(mask: &mut Mask, bbox: &BBox) {
    let Size { width, height } = mask.size();
    let inside = |from: f32, to: f32, pixel: u32| (from..=to).contains(&(pixel as f32 + 0.5));
    for y in 0..height {
        let is_row = inside(bbox.y0, bbox.y1, y);
        for (x, pixel) in (0..width).zip(mask.row_mut(y)) {
            *pixel &= is_row && inside(bbox.x0, bbox.x1, x);
        }
    }
}

/// Which masks stay when of two of a label that overlap too much only the better one does; the masks
/// come with label and score. The order is kept.
pub(crate) fn without_duplicates(masks: &[(&Rle, &str, f32)], threshold: f32) -> Vec<bool> {
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by(|&a, &b| masks[b].2.total_cmp(&masks[a].2));
    let mut stays = vec![false; masks.len()];
    for &index in &order {
        let (mask, label, _) = masks[index];
        let is_covered = (0..masks.len()).any(|other| {
            stays[other]
                && masks[other].1 == label
                && masks[other].0.iou(mask).is_some_and(|iou| iou > f64::from(threshold))
        });
        stays[index] = !is_covered;
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_the_box_is_cut_off() {
        let mut mask = Mask::from_fn(Size::new(6, 4), |_, _| true);
        clip(&mut mask, &BBox::new(1.0, 0.6, 4.4, 2.0));
        let rows: Vec<usize> = (0..4).map(|y| mask.row(y).iter().filter(|p| **p).count()).collect();
        // Centres 1.5, 2.5 and 3.5 across, 1.5 down.
        assert_eq!(rows, [0, 3, 0, 0]);
    }

    #[test]
    fn of_equal_masks_of_a_label_the_better_one_stays() {
        let row = |from: usize, to: usize| {
            let pixels = (0..20).map(|x| (from..to).contains(&x)).collect();
            Rle::from_mask(&Mask::from_pixels(Size::new(20, 1), pixels).expect("its size"))
        };
        let (a, b, c) = (row(0, 10), row(1, 10), row(5, 15));
        let masks = [(&a, "x", 0.5), (&b, "x", 0.9), (&b, "y", 0.1), (&c, "x", 0.3)];
        assert_eq!(without_duplicates(&masks, 0.7), [false, true, true, true]);
        assert_eq!(without_duplicates(&masks, 0.2), [false, true, true, false]);
        assert_eq!(without_duplicates(&[], 0.2), [false; 0]);
    }
}
