//! Edge NMS: bands of several pixels become lines of one.

mod canny;
mod corners;
mod sampling;
mod sides;
mod structured;

use image::Luma;

use crate::{EdgeImage, Thinning};
use structured::Variant;

/// Thins an edge map. Strengths stay as they are.
pub(crate) fn thinned(map: &EdgeImage, method: Thinning) -> EdgeImage {
    match method {
        Thinning::Canny => canny::thin(map),
        Thinning::StructuredEdges => structured::thin(map, Variant::Toolbox),
        Thinning::StructuredEdgesOpen => structured::thin(map, Variant::Open),
        Thinning::None => map.clone(),
    }
}

/// Thins an edge map of strengths in \[0, 1\]. What remains is stretched so that the strongest
/// pixel is 1; [`Thinning::None`] gives `map` back as it is.
pub fn thin(map: &EdgeImage, method: Thinning) -> EdgeImage {
    match method {
        Thinning::None => map.clone(),
        _ => scaled_to_one(thinned(map, method)),
    }
}

fn scaled_to_one(mut map: EdgeImage) -> EdgeImage {
    let largest = map.iter().copied().fold(0.0, f32::max);
    if largest > 0.0 {
        map.pixels_mut().for_each(|Luma([value])| *value /= largest);
    }
    map
}
