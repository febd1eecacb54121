//! A region as CLIP gets to see it: a square crop with a margin, and what becomes of the pixels
//! outside the mask.

use image::{Rgb, RgbImage};
use samkit_core::{BBox, Mask, Rle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of pixels that do not belong to the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outside {
    /// They stay: the thing in its surroundings.
    Keep,
    /// They are darkened to a third.
    Dim,
    /// They are blurred.
    Blur,
    /// They become white.
    White,
    /// They become the grey that CLIP takes for zero.
    Grey,
}

/// CLIP's mean colour, which normalises to zero.
const GREY: Rgb<u8> = Rgb([123, 117, 104]);
const WHITE: Rgb<u8> = Rgb([255; 3]);
/// What is left of a dimmed pixel.
const DIMMED: f32 = 1.0 / 3.0;
/// Sigma of the blur, as a part of the crop's side.
const BLUR: f32 = 0.04;
/// Crops are made no larger than this: CLIP sees 224 to 336 pixels a side.
const LARGEST: u32 = 512;

/// The square around a mask, larger by `margin` of its side on every side. What lies beyond the image
/// is grey, or white where the outside is.
pub fn view(image: &RgbImage, mask: &Rle, margin: f32, outside: Outside) -> RgbImage {
    let square = square(mask.bbox(), margin);
    let scale = (f64::from(square.side) / f64::from(LARGEST)).max(1.0);
    let side = (f64::from(square.side) / scale).round().max(1.0) as u32;
    let mask = mask.to_mask();
    let beyond = if outside == Outside::White { WHITE } else { GREY };
    // Large squares are thinned out by averaging blocks, so that they do not alias.
    let steps = (scale.ceil() as i64).max(1);
    let mut kept = vec![false; (side * side) as usize];
    let mut crop = RgbImage::new(side, side);
    for (column, row, pixel) in crop.enumerate_pixels_mut() {
        let at = |index: u32, step: i64| {
            ((f64::from(index) + (step as f64 + 0.5) / steps as f64) * scale).floor() as i64
        };
        let (mut sum, mut inside) = ([0u32; 3], 0);
        for dy in 0..steps {
            for dx in 0..steps {
                let (x, y) = (square.left + at(column, dx), square.top + at(row, dy));
                let (color, is_inside) = sample(image, &mask, x, y).unwrap_or((beyond, false));
                (0..3).for_each(|channel| sum[channel] += u32::from(color[channel]));
                inside += i64::from(is_inside);
            }
        }
        let count = (steps * steps) as u32;
        *pixel = Rgb(sum.map(|sum| ((sum + count / 2) / count) as u8));
        kept[(row * side + column) as usize] = 2 * inside >= steps * steps;
    }
    hide(&mut crop, &kept, outside);
    crop
}

/// A square of pixels; it may reach beyond the image.
struct Square {
    left: i64,
    top: i64,
    side: u32,
}

fn square(bbox: BBox, margin: f32) -> Square {
    let longest = (bbox.x1 - bbox.x0).max(bbox.y1 - bbox.y0).max(1.0);
    let side = (longest * (1.0 + 2.0 * margin)).round().max(1.0);
    let (x, y) = ((bbox.x0 + bbox.x1) / 2.0, (bbox.y0 + bbox.y1) / 2.0);
    let start = |centre: f32| (centre - side / 2.0).round() as i64;
    Square { left: start(x), top: start(y), side: side as u32 }
}

fn sample(image: &RgbImage, mask: &Mask, x: i64, y: i64) -> Option<(Rgb<u8>, bool)> {
    let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
    let color = *image.get_pixel_checked(x, y)?;
    Some((color, mask.get(x, y)))
}

/// Does to the pixels that are not `kept` what `outside` says.
fn hide(crop: &mut RgbImage, kept: &[bool], outside: Outside) {
    let blurred = (outside == Outside::Blur).then(|| {
        let sigma = (crop.width() as f32 * BLUR).max(1.0);
        imageproc::filter::gaussian_blur_f32(crop, sigma)
    });
    for ((x, y, pixel), _) in
        crop.enumerate_pixels_mut().zip(kept).filter(|(_, is_kept)| !**is_kept)
    {
        *pixel = match (outside, &blurred) {
            (Outside::Keep, _) => *pixel,
            (Outside::Dim, _) => Rgb(pixel.0.map(|value| (f32::from(value) * DIMMED) as u8)),
            (Outside::Blur, Some(blurred)) => *blurred.get_pixel(x, y),
            (Outside::White, _) => WHITE,
            (Outside::Grey, _) | (Outside::Blur, None) => GREY,
        };
    }
}

#[cfg(test)]
mod tests {
    use samkit_core::Size;

    use super::*;

    /// A red block of 20×10 pixels at (4, 30) on blue.
    fn scene() -> (RgbImage, Rle) {
        let is_block = |x: u32, y: u32| (4..24).contains(&x) && (30..40).contains(&y);
        let image = RgbImage::from_fn(60, 50, |x, y| match is_block(x, y) {
            true => Rgb([200, 0, 0]),
            false => Rgb([0, 0, 90]),
        });
        (image, Rle::from_mask(&Mask::from_fn(Size::new(60, 50), is_block)))
    }

    #[test]
    fn the_crop_is_a_square_around_the_mask_with_a_margin() {
        let (image, mask) = scene();
        let crop = view(&image, &mask, 0.25, Outside::Keep);
        // 20 pixels and a quarter of them on either side; it begins at (-1, 20).
        assert_eq!(crop.dimensions(), (30, 30));
        assert_eq!(*crop.get_pixel(0, 0), GREY, "beyond the image");
        assert_eq!(*crop.get_pixel(1, 0), Rgb([0, 0, 90]));
        assert_eq!(*crop.get_pixel(5, 10), Rgb([200, 0, 0]));
    }

    #[test]
    fn the_outside_is_treated_and_the_mask_never() {
        let (image, mask) = scene();
        for (outside, expected) in [
            (Outside::Dim, Rgb([0, 0, 30])),
            (Outside::White, WHITE),
            (Outside::Grey, GREY),
            (Outside::Keep, Rgb([0, 0, 90])),
        ] {
            let crop = view(&image, &mask, 0.25, outside);
            assert_eq!(*crop.get_pixel(10, 2), expected, "{outside:?}");
            assert_eq!(*crop.get_pixel(10, 12), Rgb([200, 0, 0]), "{outside:?}");
        }
        let blurred = view(&image, &mask, 0.25, Outside::Blur);
        let beside = blurred.get_pixel(10, 9);
        assert!(beside[0] > 20 && beside[2] < 90, "{beside:?} is a mixture");
        assert_eq!(*blurred.get_pixel(10, 12), Rgb([200, 0, 0]));
    }

    #[test]
    fn large_crops_are_made_smaller_by_averaging() {
        let image =
            RgbImage::from_fn(2000, 2000, |x, _| Rgb([if x % 2 == 0 { 0 } else { 200 }; 3]));
        let mask = Rle::from_mask(&Mask::from_fn(Size::new(2000, 2000), |_, _| true));
        let crop = view(&image, &mask, 0.0, Outside::Keep);
        assert_eq!(crop.dimensions(), (512, 512));
        assert!(crop.pixels().all(|pixel| (50..=150).contains(&pixel[0])));
    }

    #[test]
    fn a_single_pixel_has_a_crop() {
        let (image, _) = scene();
        let mask = Rle::from_mask(&Mask::from_fn(Size::new(60, 50), |x, y| (x, y) == (59, 0)));
        assert_eq!(view(&image, &mask, 0.0, Outside::White).dimensions(), (1, 1));
    }
}
