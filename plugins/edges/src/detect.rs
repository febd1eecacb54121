//! The whole recipe, from an image's embedding to its edge maps.

use image::{GrayImage, Luma};
use rayon::prelude::*;
use samkit_engine::{Embedding, Progress, Sam};

use crate::{
    EdgeError, EdgeImage, EdgeMap, EdgeParams, candidates::candidates, rim_gradients, thin,
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

/// Finds the edges of the image behind `embedding`.
///
/// `progress` hears of clicks done and clicks in all before every batch, and once at the end. A
/// flat image, in which no mask has a rim, gives maps of zeros.
///
/// # Errors
/// A parameter out of range, before anything runs; whatever the network reports; or
/// [`EngineError::Cancelled`](samkit_engine::EngineError::Cancelled) when `progress` breaks.
pub fn detect_edges(
    sam: &Sam,
    embedding: &Embedding,
    params: &EdgeParams,
    progress: Progress<'_>,
) -> Result<EdgeMaps, EdgeError> {
    params.validate()?;
    let (frame, size) = (embedding.frame(), embedding.image_size());
    let candidates = candidates(sam, embedding, params, progress)?;
    let rims: Vec<_> = candidates
        .par_iter()
        .map(|candidate| {
            let logits = frame.upsample(&candidate.logits);
            rim_gradients(&logits, size, params.border, params.smoothing)
        })
        .collect();
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
