//! Edge NMS of structured edges (Dollár and Zitnick, *Fast Edge Detection Using Structured
//! Forests*; `edgesNmsMex` of their toolbox), by which edge maps are thinned for the BSDS benchmark.

use image::{
    Luma,
    imageops::{crop_imm, replace},
};
use imageproc::filter::separable_filter_equal;

use super::{sampling::bilinear, sides};
use crate::EdgeImage;

/// 3×3 Gaussian before everything else (OpenCV's 3-tap kernel).
const GAUSSIAN: [f32; 3] = [0.25, 0.5, 0.25];
/// Radius of the triangle filter under the orientation, in pixels.
const ORIENTATION_RADIUS: u32 = 4;
/// A pixel is compared with this many on either side across the edge.
const NMS_RADIUS: i32 = 2;
/// A neighbour must be stronger by this factor to suppress a pixel.
const NMS_MARGIN: f32 = 1.01;
/// Keeps the orientation finite where the second derivative along x vanishes.
const EPSILON: f32 = 1e-5;

/// Rows that are thinned at once. The filters need eight maps besides the two that count, which in whole
/// would be 1.5 GB for 48 megapixels.
const BAND: u32 = 256;
/// Rows beyond a band that its own depend on: all filters reach 1 + 4 + 2 rows, the comparison 3.
const MARGIN: u32 = 12;

/// How closely the toolbox is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// To the letter: every edge fades out towards the image's sides, whatever its direction.
    Toolbox,
    /// Only edges along a side fade out there, and level edges have their direction also where the mixed
    /// derivative vanishes, as along the sides it often does.
    Open,
}

/// Zeroes every pixel that has a stronger neighbour across its edge.
pub(super) fn thin(map: &EdgeImage, variant: Variant) -> EdgeImage {
    let (width, height) = map.dimensions();
    let mut thinned = EdgeImage::new(width, height);
    if map.is_empty() {
        return thinned;
    }
    for top in (0..height).step_by(BAND as usize) {
        let bottom = (top + BAND).min(height);
        let (first, last) = (top.saturating_sub(MARGIN), (bottom + MARGIN).min(height));
        let band = crop_imm(map, 0, first, width, last - first).to_image();
        let band = thin_band(&band, first, map.dimensions(), variant);
        let own = crop_imm(&band, 0, top - first, width, bottom - top).to_image();
        replace(&mut thinned, &own, 0, i64::from(top));
    }
    thinned
}

/// Thins rows of a map of size `whole`, of which the first is row `first` of it.
fn thin_band(map: &EdgeImage, first: u32, whole: (u32, u32), variant: Variant) -> EdgeImage {
    let strength = separable_filter_equal(map, &GAUSSIAN);
    let normals = orientation(&triangle_filtered(&strength, ORIENTATION_RADIUS), variant);
    let mut thinned = strength.clone();
    for (x, y, Luma([value])) in thinned.enumerate_pixels_mut() {
        let (sin, cos) = normals[(x, y)][0].sin_cos();
        let suppressed = (-NMS_RADIUS..=NMS_RADIUS).filter(|&d| d != 0).any(|d| {
            let (dx, dy) = (d as f32 * cos, d as f32 * sin);
            *value * NMS_MARGIN < bilinear(&strength, x as f32 + dx, y as f32 + dy)
        });
        let across = match variant {
            Variant::Toolbox => (1.0, 1.0),
            Variant::Open => (cos * cos, sin * sin),
        };
        let kept = sides::remaining((x, first + y), whole, across);
        *value = if suppressed { 0.0 } else { *value * kept };
    }
    thinned
}

/// Direction across the edge in \[0, π), from the second derivatives of the filtered map.
fn orientation(filtered: &EdgeImage, variant: Variant) -> EdgeImage {
    let (dx, dy) = (derivative(filtered, Axis::X), derivative(filtered, Axis::Y));
    let (dxx, dxy, dyy) =
        (derivative(&dx, Axis::X), derivative(&dy, Axis::X), derivative(&dy, Axis::Y));
    EdgeImage::from_fn(filtered.width(), filtered.height(), |x, y| {
        let at = |image: &EdgeImage| image[(x, y)][0];
        if variant == Variant::Open && at(&dxy) == 0.0 && at(&dyy).abs() > at(&dxx).abs() {
            return Luma([std::f32::consts::FRAC_PI_2]);
        }
        // `f32::signum` has no zero, and where the mixed derivative vanishes the angle must too.
        let sign = if at(&dxy) == 0.0 { 0.0 } else { -at(&dxy).signum() };
        let angle = (at(&dyy) * sign / (at(&dxx) + EPSILON)).atan();
        Luma([angle.rem_euclid(std::f32::consts::PI)])
    })
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

/// Central differences, one-sided at the image's sides; zero along an axis of one pixel.
fn derivative(image: &EdgeImage, axis: Axis) -> EdgeImage {
    let (width, height) = image.dimensions();
    let between =
        |position: u32, length: u32| (position.saturating_sub(1), (position + 1).min(length - 1));
    EdgeImage::from_fn(width, height, |x, y| {
        let (before, after, steps) = match axis {
            Axis::X => {
                let (before, after) = between(x, width);
                (image[(before, y)][0], image[(after, y)][0], after - before)
            }
            Axis::Y => {
                let (before, after) = between(y, height);
                (image[(x, before)][0], image[(x, after)][0], after - before)
            }
        };
        Luma([(after - before) / steps.max(1) as f32])
    })
}

/// The triangle filter 1, 2, … `radius` + 1, … 2, 1, normalised, in both directions, the image
/// mirrored at its sides. `imageproc`'s filters only replicate, which turns the orientation near the
/// sides, so the mirror image is laid around first.
fn triangle_filtered(image: &EdgeImage, radius: u32) -> EdgeImage {
    let total = ((radius + 1) * (radius + 1)) as f32;
    let kernel: Vec<f32> =
        (1..=radius + 1).chain((1..=radius).rev()).map(|weight| weight as f32 / total).collect();
    let (width, height) = image.dimensions();
    let mirrored = EdgeImage::from_fn(width + 2 * radius, height + 2 * radius, |x, y| {
        let source = |position: u32, length: u32| {
            mirror(i64::from(position) - i64::from(radius), i64::from(length))
        };
        image[(source(x, width), source(y, height))]
    });
    let filtered = separable_filter_equal(&mirrored, &kernel);
    image::imageops::crop_imm(&filtered, radius, radius, width, height).to_image()
}

/// Where `position` lands when an axis of `length` pixels is mirrored at its ends, the outermost
/// pixels twice: …, 1, 0, 0, 1, ….
fn mirror(position: i64, length: i64) -> u32 {
    let position = position.rem_euclid(2 * length);
    position.min(2 * length - 1 - position) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_give_what_the_whole_gives() {
        let mut state = 9u32;
        let map = EdgeImage::from_fn(40, 2 * BAND + 37, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slope = ((x * 3 + y * 5) % 31) as f32 / 31.0;
            Luma([0.5 * slope + 0.5 * (state >> 8) as f32 / (1 << 24) as f32])
        });
        for variant in [Variant::Toolbox, Variant::Open] {
            assert!(thin(&map, variant) == thin_band(&map, 0, map.dimensions(), variant));
        }
    }

    #[test]
    fn level_edges_are_thin_and_run_into_the_sides() {
        // A level band from side to side.
        let map = EdgeImage::from_fn(40, 31, |_, y| Luma([1.0 - (y as f32 - 15.0).abs() / 16.0]));
        let (toolbox, open) = (thin(&map, Variant::Toolbox), thin(&map, Variant::Open));
        assert_eq!((toolbox[(0, 15)][0], toolbox[(20, 15)]), (0.0, open[(20, 15)]));
        assert!(open[(20, 15)][0] > 0.9 && open[(0, 15)] == open[(20, 15)]);
        // To the toolbox it has no direction.
        let height = |map: &EdgeImage| (0..31).filter(|&y| map[(20, y)][0] > 0.0).count();
        assert!(height(&toolbox) > 20 && height(&open) <= 3, "{}", height(&open));
    }
}
