//! How well every pixel fits.

use samkit_plugin::EdgeImage;

use crate::Proposal;

/// The highest score among the masks that a pixel lies in; 0 where it lies in none.
pub(crate) fn relevance((width, height): (u32, u32), scored: &[(&Proposal, f32)]) -> EdgeImage {
    let mut map = EdgeImage::new(width, height);
    for (proposal, score) in scored {
        let mask = proposal.mask.to_mask();
        for (pixel, _) in map.pixels_mut().zip(mask.pixels()).filter(|(_, is_inside)| **is_inside) {
            pixel.0[0] = pixel.0[0].max(*score);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use samkit_core::{Mask, Rle, Size};

    use super::*;

    #[test]
    fn the_best_mask_of_a_pixel_counts() {
        let size = Size::new(4, 1);
        let proposal = |from: u32, to: u32| Proposal {
            mask: Rle::from_mask(&Mask::from_fn(size, |x, _| (from..to).contains(&x))),
            predicted_iou: 1.0,
        };
        let (wide, narrow) = (proposal(0, 3), proposal(1, 2));
        let map = relevance((4, 1), &[(&wide, 0.2), (&narrow, 0.9)]);
        assert_eq!(map.into_raw(), [0.2, 0.9, 0.2, 0.0]);
    }
}
