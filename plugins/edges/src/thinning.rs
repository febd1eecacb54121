//! Edge NMS: bands of several pixels become lines of one.

mod canny;
mod corners;
mod sampling;
mod sides;
mod structured;

use image::Luma;

use crate::{EdgeImage, Thinning};

/// Thins an edge map of strengths in \[0, 1\]. What remains is stretched so that the strongest
/// pixel is 1; [`Thinning::None`] gives `map` back as it is.
pub fn thin(map: &EdgeImage, method: Thinning) -> EdgeImage {
    match method {
        Thinning::Canny => scaled_to_one(canny::thin(map)),
        Thinning::StructuredEdges => scaled_to_one(structured::thin(map)),
        Thinning::None => map.clone(),
    }
}

fn scaled_to_one(mut map: EdgeImage) -> EdgeImage {
    let largest = map.iter().copied().fold(0.0, f32::max);
    if largest > 0.0 {
        map.pixels_mut().for_each(|Luma([value])| *value /= largest);
    }
    map
}
