//! Non-maximum suppression of Canny's detector (*A Computational Approach to Edge Detection*,
//! 1986), on a map of edge strengths.
//!
//! `imageproc::edges::canny` takes an 8-bit photograph, rounds the direction to 45° and answers with
//! a binary map; here the strengths are the input and remain the output.

use image::Luma;
use imageproc::{
    filter::{filter, gaussian_blur_f32},
    kernel::Kernel,
};

use super::{corners::without_corners, sampling::bilinear, sides};
use crate::EdgeImage;

/// Standard deviation of the Gaussian over the strengths, in pixels: joins the rims of masks that
/// run a pixel apart, which would give double lines.
const SMOOTHING: f32 = 1.0;
/// Standard deviation of the Gaussian over which gradients agree on a direction, in pixels.
const AGREEMENT: f32 = 1.0;

const SOBEL_X: [f32; 9] = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];
const SOBEL_Y: [f32; 9] = [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];

/// Zeroes every pixel that is not the strongest across its edge, then what lines can spare.
pub(super) fn thin(map: &EdgeImage) -> EdgeImage {
    if map.is_empty() {
        return map.clone();
    }
    let strength = gaussian_blur_f32(map, SMOOTHING);
    let normals = Normals::of(&strength);
    let crests = EdgeImage::from_fn(map.width(), map.height(), |x, y| {
        let value = strength[(x, y)][0];
        let (dx, dy) = normals.at(x, y);
        let neighbour = |way: f32| bilinear(&strength, x as f32 + way * dx, y as f32 + way * dy);
        // Strict on one side only: of two equal pixels across an edge exactly one remains.
        let strongest = value > neighbour(1.0) && value >= neighbour(-1.0);
        let kept = sides::remaining((x, y), map.dimensions(), (dx * dx, dy * dy));
        Luma([if strongest { value * kept } else { 0.0 }])
    });
    without_corners(crests)
}

/// Unit vectors across the edges.
///
/// On the crest of a band the gradient of its strength vanishes and on its two slopes it points
/// either way, so the direction comes from the structure tensor: the products of the gradient's
/// components, averaged over the neighbourhood, have no sign to cancel.
struct Normals {
    xx: EdgeImage,
    xy: EdgeImage,
    yy: EdgeImage,
}

impl Normals {
    fn of(strength: &EdgeImage) -> Self {
        let derivative = |kernel: &[f32; 9]| -> EdgeImage {
            filter(strength, Kernel::new(kernel, 3, 3), |sum: f32| sum)
        };
        let (dx, dy) = (derivative(&SOBEL_X), derivative(&SOBEL_Y));
        let averaged = |a: &EdgeImage, b: &EdgeImage| {
            let product = EdgeImage::from_fn(strength.width(), strength.height(), |x, y| {
                Luma([a[(x, y)][0] * b[(x, y)][0]])
            });
            gaussian_blur_f32(&product, AGREEMENT)
        };
        Self { xx: averaged(&dx, &dx), xy: averaged(&dx, &dy), yy: averaged(&dy, &dy) }
    }

    fn at(&self, x: u32, y: u32) -> (f32, f32) {
        let (xx, xy, yy) = (self.xx[(x, y)][0], self.xy[(x, y)][0], self.yy[(x, y)][0]);
        let (dy, dx) = (0.5 * (2.0 * xy).atan2(xx - yy)).sin_cos();
        // A normal and its opposite are the same line; which one is taken decides ties, so it must
        // not flip along a straight edge. Edges as drawn and photographed are most often upright,
        // level or diagonal, and this half-plane's rim is none of these.
        if 2.0 * dx + dy < 0.0 { (-dx, -dy) } else { (dx, dy) }
    }
}
