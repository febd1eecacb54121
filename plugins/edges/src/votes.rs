//! Many masks' rims in one map: how strong, in how many different masks, and how often.

use samkit_core::Size;
use samkit_plugin::EdgeImage;

use crate::RimPixel;

/// The largest Sobel magnitude of probabilities, √20.
const STEEPEST: f32 = 4.472_136;
/// Share of the image from which on a mask has its full weight.
const FULL_WEIGHT: f32 = 0.01;
/// Mean that becomes a strength of one half. With it the best single threshold on BSDS500's validation
/// images is 0.4.
const HALF: f32 = 0.1;

/// What the masks say of every pixel.
///
/// A mask that many clicks lead to is likely a thing of its own, and a line that several things share
/// is likely an edge: the strength is the geometric mean of the strongest gradient, the sum over
/// different masks (those that box NMS leaves) and the sum over all masks.
pub(crate) struct Votes {
    size: Size,
    prompts: f32,
    all: Vec<f32>,
    distinct: Vec<f32>,
    strongest: Vec<f32>,
}

impl Votes {
    /// For an image of `size` that is asked about with so many prompts.
    pub(crate) fn new(size: Size, prompts: usize) -> Self {
        let zeros = || vec![0.0; size.area()];
        let (all, distinct, strongest) = (zeros(), zeros(), zeros());
        Self { size, prompts: prompts as f32, all, distinct, strongest }
    }

    /// Adds the rim of any mask; a weight below 0 counts as 0, as networks predict some. Panics when a
    /// pixel lies outside the map.
    pub(crate) fn add(&mut self, rim: &[RimPixel], weight: f32) {
        let weight = weight.max(0.0);
        for pixel in rim {
            self.all[pixel.index] += weight * pixel.strength;
        }
    }

    /// Adds the rim of a mask that is different from all before.
    pub(crate) fn add_distinct(&mut self, rim: &[RimPixel], weight: f32) {
        let weight = weight.max(0.0);
        for pixel in rim {
            let strength = weight * pixel.strength;
            self.distinct[pixel.index] += strength;
            self.strongest[pixel.index] = self.strongest[pixel.index].max(strength);
        }
    }

    /// The geometric means.
    pub(crate) fn into_means(self) -> EdgeImage {
        // In the place of one of the sums: large images have little memory to spare.
        let mut means = self.all;
        let others = self.distinct.iter().zip(&self.strongest);
        for (mean, (distinct, strongest)) in means.iter_mut().zip(others) {
            let all = *mean / (STEEPEST * self.prompts);
            *mean = (all * (distinct / STEEPEST) * (strongest / STEEPEST)).cbrt();
        }
        EdgeImage::from_raw(self.size.width, self.size.height, means).expect("one mean a pixel")
    }
}

/// Means as strengths from 0 to 1, which mean the same in every image.
pub(crate) fn strengths(mut means: EdgeImage) -> EdgeImage {
    means.iter_mut().for_each(|mean| *mean /= *mean + HALF);
    means
}

/// What a mask of so many pixels weighs in an image of size `whole`. Small masks are many, and less often
/// what people would call a thing.
pub(crate) fn weight(predicted_iou: f32, area: u64, whole: Size) -> f32 {
    let share = area as f32 / whole.area() as f32;
    predicted_iou * (share / FULL_WEIGHT).min(1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_two_masks_is_stronger_than_that_of_one_seen_twice() {
        let rim = |index| [RimPixel { index, strength: 2.0 }];
        let mut votes = Votes::new(Size::new(4, 1), 4);
        // Pixel 0: one mask, found once; 1: one mask, found twice; 2: two masks.
        votes.add(&rim(0), 1.0);
        (0..2).for_each(|_| votes.add(&rim(1), 1.0));
        (0..2).for_each(|_| votes.add(&rim(2), 1.0));
        votes.add_distinct(&rim(0), 1.0);
        votes.add_distinct(&rim(1), 1.0);
        (0..2).for_each(|_| votes.add_distinct(&rim(2), 1.0));
        let strengths = strengths(votes.into_means()).into_raw();
        assert!(strengths[0] < strengths[1] && strengths[1] < strengths[2], "{strengths:?}");
        assert!(strengths[2] < 1.0 && strengths[3] == 0.0, "{strengths:?}");
    }

    #[test]
    fn small_masks_weigh_less() {
        let weights = [25, 100, 10_000].map(|area| weight(0.8, area, Size::new(100, 100)));
        assert_eq!(weights, [0.4, 0.8, 0.8]);
    }
}
