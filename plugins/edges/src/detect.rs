//! The whole recipe, from Segment Anything on an image to its edge maps.

use image::GrayImage;
use rayon::prelude::*;
use samkit_plugin::{EdgeImage, LowRes, Sam, TaskError};

use crate::{
    Combination, EdgeMap, EdgeParams, RimPixel,
    binary::binary,
    candidates::{Masks, candidates},
    rim_gradients, thin,
    thinning::thinned,
    votes::Votes,
};

/// What [`detect_edges`] finds; all maps have the original image's size.
#[derive(Clone, Debug)]
pub struct EdgeMaps {
    /// Edge strengths in \[0, 1\] before thinning.
    pub raw: EdgeImage,
    /// Thinned edge strengths in \[0, 1\].
    pub thinned: EdgeImage,
    /// 255 where `thinned` has an edge of at least the threshold, else 0; only where a threshold
    /// was given.
    pub binary: Option<GrayImage>,
    /// Number of masks whose rims the maps are made of.
    pub masks: usize,
}

/// Finds the edges of the image that `sam` works on.
///
/// `progress` hears of clicks done and clicks in all before every batch, and once at the end; its
/// error ends the work. A flat image, in which no mask has a rim, gives maps of zeros.
///
/// # Errors
/// A parameter out of range, before anything runs; whatever the host reports; or that of `progress`.
pub fn detect_edges(
    sam: &Sam<'_>,
    params: &EdgeParams,
    progress: &dyn Fn(usize, usize) -> Result<(), TaskError>,
) -> Result<EdgeMaps, TaskError> {
    params.validate()?;
    let frame = sam.frame();
    let size = frame.image_size();
    let rims = |masks: &[&LowRes]| -> Result<Vec<Vec<RimPixel>>, TaskError> {
        let rim = |logits: &&LowRes| {
            let logits = frame.upsample(logits)?;
            Ok(rim_gradients(&logits, size, params.border, params.smoothing))
        };
        masks.par_iter().map(rim).collect()
    };
    let has_votes = params.combination == Combination::Votes;
    let mut votes = Votes::new(size, prompts(params));
    let mut each = |batch: &Masks<'_>| -> Result<(), TaskError> {
        if has_votes {
            let masks: Vec<_> = batch.iter().map(|(logits, _)| *logits).collect();
            for (rim, (_, found)) in rims(&masks)?.iter().zip(batch) {
                votes.add(rim, found.predicted_iou * found.stability_score);
            }
        }
        Ok(())
    };
    let candidates = candidates(sam, params, &mut each, progress)?;
    let masks: Vec<_> = candidates.iter().map(|candidate| &*candidate.logits).collect();
    let rims = rims(&masks)?;
    let (raw, thinned) = if has_votes {
        for (rim, candidate) in rims.iter().zip(&candidates) {
            votes.add_distinct(rim, candidate.found.predicted_iou);
        }
        drop(rims);
        let raw = votes.into_strengths();
        let thinned = thinned(&raw, params.thinning);
        (raw, thinned)
    } else {
        let mut map = EdgeMap::new(size);
        rims.iter().for_each(|rim| map.add(rim));
        drop(rims);
        let raw = map.into_normalised();
        let thinned = thin(&raw, params.thinning);
        (raw, thinned)
    };
    let low = |threshold| params.threshold_low.unwrap_or(threshold);
    let binary = params.threshold.map(|threshold| binary(&thinned, threshold, low(threshold)));
    Ok(EdgeMaps { raw, thinned, binary, masks: candidates.len() })
}

fn prompts(params: &EdgeParams) -> usize {
    (params.points_per_side as usize).pow(2)
}
