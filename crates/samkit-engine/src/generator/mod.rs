//! Masks for everything in an image: a grid of points, filters, and removal of duplicates.
//!
//! Follows `segment_anything/automatic_mask_generator.py`.

mod adaptive;
mod crops;
mod params;

use std::ops::ControlFlow;

use image::RgbImage;
use rayon::prelude::*;
use samkit_core::{
    BBox, LowResLogits, Mask, MaskRecord, Point, Prompt, RegionMode, Rle, Size, nms,
    remove_small_regions,
};

use crate::embedding::Embedding;
use crate::error::{EngineError, Result};
use crate::frame::Frame;
use crate::prediction::{MaskOutput, Prediction};
use crate::sam::Sam;
use crops::{Crop, crops, touches_crop_edge};
pub use params::GeneratorParams;

/// Called with prompts done and prompts in total; [`ControlFlow::Break`] stops the work with
/// [`EngineError::Cancelled`].
pub type Progress<'a> = &'a (dyn Fn(usize, usize) -> ControlFlow<()> + Sync);

/// Masks for everything in `image`, in the reference's order: by crop, then by descending
/// predicted IoU.
///
/// `embedding` is that of the whole image where it is already known; crops are encoded here.
///
/// # Errors
/// When a parameter is out of range, the network cannot be computed, or `progress` breaks.
pub fn generate_masks(
    sam: &Sam,
    image: &RgbImage,
    embedding: Option<&Embedding>,
    params: &GeneratorParams,
    progress: Progress<'_>,
) -> Result<Vec<MaskRecord>> {
    params.validate()?;
    let size = Size::from(image.dimensions());
    let grids = params.grids();
    let crops = crops(size, params.crop_n_layers, params.crop_overlap_ratio);
    let total: usize = crops.iter().map(|c| grids[c.layer].len()).sum();
    let mut done = 0;
    let mut advance = |prompts: usize| {
        done += prompts;
        if progress(done, total).is_break() { Err(EngineError::Cancelled) } else { Ok(()) }
    };

    let mut records = Vec::new();
    for crop in &crops {
        let own;
        let embedding = match embedding {
            Some(embedding) if crop.layer == 0 => embedding,
            _ => {
                let view = image::imageops::crop_imm(
                    image,
                    crop.x,
                    crop.y,
                    crop.size.width,
                    crop.size.height,
                );
                own = sam.encode(&view.to_image())?;
                &own
            }
        };
        let found =
            search_crop(sam, embedding, crop, size, &grids[crop.layer], params, &mut advance)?;
        records.extend(found);
    }
    if crops.len() > 1 {
        let scores: Vec<f32> = records.iter().map(|r| 1.0 / r.crop.area()).collect();
        records = suppress(records, &scores, params.crop_nms_thresh);
    }
    if params.min_mask_region_area > 0 {
        let threshold = params.box_nms_thresh.max(params.crop_nms_thresh);
        records = clean_regions(records, params.min_mask_region_area, threshold);
    }
    Ok(records)
}

/// The masks of one crop, duplicates removed.
fn search_crop(
    sam: &Sam,
    embedding: &Embedding,
    crop: &Crop,
    image: Size,
    grid: &[Point],
    params: &GeneratorParams,
    advance: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<MaskRecord>> {
    let (width, height) = (crop.size.width as f32, crop.size.height as f32);
    let points: Vec<Point> = grid.iter().map(|p| Point::new(p.x * width, p.y * height)).collect();
    let mut ask = |places: &[usize]| -> Result<Vec<Vec<MaskRecord>>> {
        let mut found = Vec::new();
        for batch in places.chunks(params.points_per_batch as usize) {
            let point = |place: &usize| Prompt::point(points[*place].x, points[*place].y);
            let prompts: Vec<Prompt> = batch.iter().map(point).collect();
            let answers = sam.predict_inside(embedding, &prompts, MaskOutput::Multi)?;
            let good = batch.par_iter().zip(answers).map(|(&place, answer)| {
                keep_good(&embedding.frame(), points[place], &answer, crop, image, params)
            });
            found.extend(good.collect::<Vec<_>>());
            advance(batch.len())?;
        }
        Ok(found)
    };
    // What each point gave, in the grid's order, whatever the order they are asked in.
    let mut found = vec![Vec::new(); points.len()];
    if params.adaptive {
        let mut asked = 0;
        for level in 0..adaptive::LEVELS {
            let masks = distinct(&found, params.box_nms_thresh);
            let places = adaptive::worth_asking(level, &points, &found, &masks, crop);
            asked += places.len();
            for (place, masks) in places.iter().zip(ask(&places)?) {
                found[*place] = masks;
            }
        }
        // What was skipped is done as well.
        advance(points.len() - asked)?;
    } else {
        found = ask(&(0..points.len()).collect::<Vec<_>>())?;
    }
    let records: Vec<MaskRecord> = found.into_iter().flatten().collect();
    let scores: Vec<f32> = records.iter().map(|r| r.predicted_iou).collect();
    Ok(suppress(records, &scores, params.box_nms_thresh))
}

/// The masks without those that [`suppress`] would drop.
fn distinct(found: &[Vec<MaskRecord>], threshold: f32) -> Vec<&MaskRecord> {
    let records: Vec<&MaskRecord> = found.iter().flatten().collect();
    let boxes: Vec<BBox> = records.iter().map(|r| r.bbox).collect();
    let scores: Vec<f32> = records.iter().map(|r| r.predicted_iou).collect();
    nms(&boxes, &scores, threshold).into_iter().map(|i| records[i]).collect()
}

/// The masks of one answer that pass the filters, in the image's frame.
fn keep_good(
    frame: &Frame,
    point: Point,
    answer: &Prediction,
    crop: &Crop,
    image: Size,
    params: &GeneratorParams,
) -> Vec<MaskRecord> {
    let off = |threshold: f32| threshold <= 0.0;
    answer
        .masks
        .iter()
        .filter(|m| off(params.pred_iou_thresh) || m.predicted_iou > params.pred_iou_thresh)
        .filter_map(|m| {
            let measure = frame.measure(&m.logits, params.stability_score_offset);
            let stability_score = measure.stability_score();
            // An empty union is NaN, which is not enough either.
            let is_stable = off(params.stability_score_thresh)
                || stability_score >= params.stability_score_thresh;
            if !is_stable {
                return None;
            }
            let bbox = crop.image_from_crop(measure.bbox);
            if touches_crop_edge(&bbox, crop, image) {
                return None;
            }
            Some(MaskRecord {
                segmentation: image_from_crop(frame, &m.logits, crop, image),
                area: measure.area,
                bbox,
                predicted_iou: m.predicted_iou,
                point: Point::new(point.x + crop.x as f32, point.y + crop.y as f32),
                stability_score,
                crop: crop.bbox(),
                logits: params.keep_logits.then(|| m.logits.clone()),
            })
        })
        .collect()
}

/// The thresholded mask of a crop, in the image's frame.
fn image_from_crop(frame: &Frame, logits: &LowResLogits, crop: &Crop, image: Size) -> Rle {
    let rle = Rle::from_mask(&frame.mask(logits));
    if crop.size == image { rle } else { rle.uncrop(image, crop.x, crop.y) }
}

/// Box NMS over records, by descending score.
fn suppress(records: Vec<MaskRecord>, scores: &[f32], threshold: f32) -> Vec<MaskRecord> {
    let boxes: Vec<BBox> = records.iter().map(|r| r.bbox).collect();
    let mut records: Vec<Option<MaskRecord>> = records.into_iter().map(Some).collect();
    nms(&boxes, scores, threshold).into_iter().filter_map(|i| records[i].take()).collect()
}

/// Fills small holes, drops small islands, and removes what became a duplicate; masks that did
/// not change win (`postprocess_small_regions`).
fn clean_regions(records: Vec<MaskRecord>, area: u32, nms_threshold: f32) -> Vec<MaskRecord> {
    let cleaned: Vec<(MaskRecord, f32)> = records
        .into_par_iter()
        .map(|record| {
            let mask = record.segmentation.to_mask();
            let (mask, filled) = remove_small_regions(&mask, area, RegionMode::Holes);
            let (mask, dropped) = remove_small_regions(&mask, area, RegionMode::Islands);
            if filled || dropped { (with_mask(record, &mask), 0.0) } else { (record, 1.0) }
        })
        .collect();
    let (records, scores): (Vec<_>, Vec<_>) = cleaned.into_iter().unzip();
    suppress(records, &scores, nms_threshold)
}

fn with_mask(record: MaskRecord, mask: &Mask) -> MaskRecord {
    let segmentation = Rle::from_mask(mask);
    MaskRecord { area: segmentation.area(), bbox: mask.inclusive_bbox(), segmentation, ..record }
}
