//! Many masks' rims in one map: pixel-wise maximum, then linear to \[0, 1\].

use samkit_core::Size;
use samkit_plugin::EdgeImage;

use crate::RimPixel;

/// The strongest gradient seen so far at each pixel.
///
/// A maximum does not depend on the order of the masks, so the map is the same however they were
/// shared out among threads.
#[derive(Clone, Debug)]
pub struct EdgeMap(EdgeImage);

impl EdgeMap {
    /// A map of `size` without edges.
    pub fn new(size: Size) -> Self {
        Self(EdgeImage::new(size.width, size.height))
    }

    /// Adds one mask's rim. Panics when a pixel lies outside the map.
    pub fn add(&mut self, rim: &[RimPixel]) {
        let strengths: &mut [f32] = &mut self.0;
        for pixel in rim {
            let strongest = &mut strengths[pixel.index];
            *strongest = strongest.max(pixel.strength);
        }
    }

    /// The strongest gradients.
    pub fn into_strongest(self) -> EdgeImage {
        self.0
    }
}

/// The map, shifted and scaled so that its smallest value is 0 and its largest 1; all zeros when they
/// are the same.
pub fn stretched(mut map: EdgeImage) -> EdgeImage {
    let smallest = map.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = largest - smallest;
    for value in map.iter_mut() {
        *value = if range > 0.0 { (*value - smallest) / range } else { 0.0 };
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_strongest_and_stretches_to_one() {
        let mut map = EdgeMap::new(Size::new(3, 1));
        map.add(&[RimPixel { index: 0, strength: 2.0 }, RimPixel { index: 1, strength: 1.0 }]);
        map.add(&[RimPixel { index: 0, strength: 1.0 }, RimPixel { index: 1, strength: 4.0 }]);
        assert_eq!(stretched(map.into_strongest()).into_raw(), [0.5, 1.0, 0.0]);
    }

    #[test]
    fn a_map_with_an_edge_everywhere_starts_at_zero_too() {
        let mut map = EdgeMap::new(Size::new(2, 1));
        map.add(&[RimPixel { index: 0, strength: 1.0 }, RimPixel { index: 1, strength: 3.0 }]);
        assert_eq!(stretched(map.into_strongest()).into_raw(), [0.0, 1.0]);
    }

    #[test]
    fn no_edges_are_zeros_not_nan() {
        assert_eq!(stretched(EdgeImage::new(2, 2)).into_raw(), [0.0; 4]);
    }
}
