//! The whole recipe, from Segment Anything on an image to its edge maps.

use image::{GrayImage, Luma};
use rayon::prelude::*;
use samkit_plugin::{EdgeImage, Sam, TaskError};

use crate::{EdgeMap, EdgeParams, candidates::candidates, rim_gradients, thin};

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
    let candidates = candidates(sam, params, progress)?;
    let rims = candidates.par_iter().map(|candidate| {
        let logits = frame.upsample(&candidate.logits)?;
        Ok(rim_gradients(&logits, size, params.border, params.smoothing))
    });
    let rims = rims.collect::<Result<Vec<_>, TaskError>>()?;
    let mut map = EdgeMap::new(size);
    rims.iter().for_each(|rim| map.add(rim));
    let raw = map.into_normalised();
    let thinned = thin(&raw, params.thinning);
    let binary = params.threshold.map(|threshold| binarised(&thinned, threshold));
    Ok(EdgeMaps { raw, thinned, binary, masks: candidates.len() })
}

/// 255 where there is an edge of at least `threshold`. No edge (0) is none at any threshold.
fn binarised(map: &EdgeImage, threshold: f32) -> GrayImage {
    GrayImage::from_fn(map.width(), map.height(), |x, y| {
        let strength = map[(x, y)][0];
        Luma([if strength > 0.0 && strength >= threshold { 255 } else { 0 }])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_map_holds_edges_of_at_least_the_threshold() {
        let map = EdgeImage::from_raw(3, 1, vec![0.0, 0.3, 0.5]).expect("three values");
        assert_eq!(binarised(&map, 0.5).into_raw(), [0, 0, 255]);
        assert_eq!(binarised(&map, 0.0).into_raw(), [0, 255, 255]);
    }
}
