//! The whole recipe, from Segment Anything on an image to its edge maps.

use std::ops::Deref;

use image::{GrayImage, ImageBuffer, Rgb};
use rayon::prelude::*;
use samkit_core::Size;
use samkit_plugin::{EdgeImage, LowRes, Sam, TaskError};

use crate::{
    Combination, EdgeMap, EdgeParams, RimPixel,
    binary::binary,
    candidates::{Found, Masks, candidates},
    rim_gradients, stretched, thin,
    thinning::thinned,
    views::{View, mean},
    votes::{Votes, strengths, weight},
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
    /// Number of masks whose rims the maps are made of, summed over views.
    pub masks: usize,
}

/// Finds the edges of `image`, which is the image that `sam` works on.
///
/// `progress` hears of clicks done and clicks in all before every batch, and at the end of every view;
/// its error ends the work. A flat image, in which no mask has a rim, gives maps of zeros.
///
/// # Errors
/// A parameter out of range or an image of another size, before anything runs; whatever the host reports; or that of `progress`.
pub fn detect_edges<Pixels: Deref<Target = [u8]>>(
    sam: &Sam<'_>,
    image: &ImageBuffer<Rgb<u8>, Pixels>,
    params: &EdgeParams,
    progress: &dyn Fn(usize, usize) -> Result<(), TaskError>,
) -> Result<EdgeMaps, TaskError> {
    params.validate()?;
    let size = sam.frame().image_size();
    if Size::from(image.dimensions()) != size {
        let (width, height) = image.dimensions();
        return Err(TaskError::Input(format!("an image of {width}×{height}, expected {size}")));
    }
    let views = View::all(params.views, size);
    let (mut masks, mut done) = (0, 0);
    let all = views.len() * prompts(params);
    let found = |view: &View| -> Result<EdgeImage, TaskError> {
        let progress = |clicks: usize| progress(done + clicks, all);
        let found = match view.picture(image) {
            None => gathered(sam, size, params, &progress)?,
            Some(pixels) => {
                let picture = sam.picture(&pixels)?;
                drop(pixels);
                gathered(&picture.sam(), size, params, &progress)?
            }
        };
        done += prompts(params);
        masks += found.masks;
        Ok(found.strengths)
    };
    let gathered = mean(&views, found)?;
    let (raw, thinned) = match params.combination {
        Combination::Votes => {
            let raw = strengths(gathered);
            let thinned = thinned(&raw, params.thinning);
            (raw, thinned)
        }
        Combination::Strongest => {
            let raw = stretched(gathered);
            let thinned = thin(&raw, params.thinning);
            (raw, thinned)
        }
    };
    let low = |threshold| params.threshold_low.unwrap_or(threshold);
    let binary = params.threshold.map(|threshold| binary(&thinned, threshold, low(threshold)));
    Ok(EdgeMaps { raw, thinned, binary, masks })
}

/// What is found in one picture.
struct Gathered {
    /// Not yet between 0 and 1.
    strengths: EdgeImage,
    masks: usize,
}

/// Gathers the edges of all masks in the picture of `sam`, a view of an image of size `whole`.
fn gathered(
    sam: &Sam<'_>,
    whole: Size,
    params: &EdgeParams,
    progress: &dyn Fn(usize) -> Result<(), TaskError>,
) -> Result<Gathered, TaskError> {
    let frame = sam.frame();
    let size = frame.image_size();
    let rims = |masks: &[&LowRes]| -> Result<Vec<Vec<RimPixel>>, TaskError> {
        let rim = |logits: &&LowRes| {
            let logits = frame.upsample(logits)?;
            Ok(rim_gradients(&logits, size, params.border, params.smoothing))
        };
        masks.par_iter().map(rim).collect()
    };
    let weight = |found: &Found| weight(found.predicted_iou, found.area, whole);
    let has_votes = params.combination == Combination::Votes;
    let mut votes = Votes::new(size, prompts(params));
    let mut each = |batch: &Masks<'_>| -> Result<(), TaskError> {
        if has_votes {
            let masks: Vec<_> = batch.iter().map(|(logits, _)| *logits).collect();
            for (rim, (_, found)) in rims(&masks)?.iter().zip(batch) {
                votes.add(rim, weight(found) * found.stability_score);
            }
        }
        Ok(())
    };
    let candidates = candidates(sam, params, &mut each, progress)?;
    let masks: Vec<_> = candidates.iter().map(|candidate| &*candidate.logits).collect();
    let rims = rims(&masks)?;
    let strengths = if has_votes {
        for (rim, candidate) in rims.iter().zip(&candidates) {
            votes.add_distinct(rim, weight(&candidate.found));
        }
        drop(rims);
        votes.into_means()
    } else {
        let mut map = EdgeMap::new(size);
        rims.iter().for_each(|rim| map.add(rim));
        map.into_strongest()
    };
    Ok(Gathered { strengths, masks: candidates.len() })
}

/// Clicks on one picture.
fn prompts(params: &EdgeParams) -> usize {
    (params.points_per_side as usize).pow(2)
}
