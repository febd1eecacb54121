//! Small pictures as text.

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{
    ExtendedColorType, GrayImage, ImageEncoder, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    imageops::thumbnail,
};
use serde::{Deserialize, Serialize};

/// The longest side of a picture, in pixels: enough to fill most screens beside a list.
const LONGEST_SIDE: u32 = 880;
const BEST_QUALITY: u8 = 76;
/// Qualities for pictures that would be too large, with the bytes that they take, as a share of the
/// best's: of photographs, on average.
const LOWER_QUALITIES: [(u8, f32); 3] = [(68, 0.86), (60, 0.75), (52, 0.66)];
const LOWEST_QUALITY: u8 = 44;
/// An input's JPEG of more bytes asks for a lower quality. With a result's picture, as text, and
/// outlines it makes about 120 kB: 60 MB for 500 images.
const MAX_INPUT_BYTES: usize = 60 << 10;
/// The same of a result's picture.
const MAX_RESULT_BYTES: usize = 26 << 10;

/// A picture, no larger than the page needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// A `data:` address of a JPEG or PNG.
    src: String,
}

impl Picture {
    /// An input; none where it has no pixels.
    pub(crate) fn of_input(image: &RgbImage) -> Option<Self> {
        Self::of_rgb(image, MAX_INPUT_BYTES)
    }

    /// A result in colours.
    pub(crate) fn of_result(image: &RgbImage) -> Option<Self> {
        Self::of_rgb(image, MAX_RESULT_BYTES)
    }

    /// A result in greys: a PNG where that is smaller, as with few thin lines.
    pub(crate) fn of_gray(image: &GrayImage) -> Option<Self> {
        if image.is_empty() {
            return None;
        }
        let small = shrunk(image.dimensions()).map(|(w, h)| thumbnail(image, w, h));
        let small = small.as_ref().unwrap_or(image);
        let jpeg =
            jpeg(small.as_raw(), small.dimensions(), ExtendedColorType::L8, MAX_RESULT_BYTES);
        let png = png(small);
        let (kind, bytes) = if png.len() <= jpeg.len() { ("png", png) } else { ("jpeg", jpeg) };
        Some(Self::new(small.dimensions(), kind, &bytes))
    }

    fn of_rgb(image: &RgbImage, max_bytes: usize) -> Option<Self> {
        if image.is_empty() {
            return None;
        }
        let small = shrunk(image.dimensions()).map(|(w, h)| thumbnail(image, w, h));
        let small = small.as_ref().unwrap_or(image);
        let jpeg = jpeg(small.as_raw(), small.dimensions(), ExtendedColorType::Rgb8, max_bytes);
        Some(Self::new(small.dimensions(), "jpeg", &jpeg))
    }

    fn new((width, height): (u32, u32), kind: &str, bytes: &[u8]) -> Self {
        let src = format!("data:image/{kind};base64,{}", BASE64_STANDARD.encode(bytes));
        Self { width, height, src }
    }
}

/// The size to shrink to; `None` where an image is small enough.
fn shrunk((width, height): (u32, u32)) -> Option<(u32, u32)> {
    let longest = width.max(height);
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(LONGEST_SIDE) + u64::from(longest) / 2;
        u32::try_from(side / u64::from(longest)).map_or(LONGEST_SIDE, |side| side.max(1))
    };
    (longest > LONGEST_SIDE).then(|| (scaled(width), scaled(height)))
}

/// A JPEG of the best quality, or of one at which `max_bytes` can be expected. Two are made at most.
fn jpeg(pixels: &[u8], size: (u32, u32), color: ExtendedColorType, max_bytes: usize) -> Vec<u8> {
    let best = jpeg_of(pixels, size, color, BEST_QUALITY);
    if best.len() <= max_bytes {
        return best;
    }
    let fits = |share: f32| best.len() as f32 * share <= max_bytes as f32;
    let lower = LOWER_QUALITIES.into_iter().find(|&(_, share)| fits(share));
    jpeg_of(pixels, size, color, lower.map_or(LOWEST_QUALITY, |(quality, _)| quality))
}

fn jpeg_of(pixels: &[u8], (w, h): (u32, u32), color: ExtendedColorType, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(pixels, w, h, color)
        .expect("an image of at most 880 pixels a side has a JPEG");
    bytes
}

fn png(image: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::L8)
        .expect("an image in memory has a PNG");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_side_is_limited_and_no_side_vanishes() {
        assert_eq!(shrunk((880, 400)), None);
        assert_eq!(shrunk((1920, 1001)), Some((880, 459)));
        assert_eq!(shrunk((1000, 3000)), Some((293, 880)));
        assert_eq!(shrunk((1, 100_000)), Some((1, 880)));
    }

    #[test]
    fn noise_is_kept_near_its_bytes_by_a_lower_quality() {
        let mut state = 1u32;
        let noise = RgbImage::from_fn(1200, 900, |_, _| {
            image::Rgb(std::array::from_fn(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }))
        });
        let pixels = thumbnail(&noise, 880, 660);
        let best = jpeg(pixels.as_raw(), (880, 660), ExtendedColorType::Rgb8, usize::MAX);
        let picture = Picture::of_input(&noise).unwrap();
        assert!(picture.src.len() * 3 / 4 < best.len() * 7 / 10);
    }

    #[test]
    fn thin_lines_are_a_png() {
        let lines =
            GrayImage::from_fn(300, 200, |x, _| image::Luma([if x % 50 == 0 { 255 } else { 0 }]));
        assert!(Picture::of_gray(&lines).unwrap().src.starts_with("data:image/png;base64,"));
        let photo = RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3]));
        assert!(Picture::of_result(&photo).unwrap().src.starts_with("data:image/jpeg;base64,"));
    }
}
