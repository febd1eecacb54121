//! Short texts on pictures.

use image::{Rgb, RgbImage};
pub(super) use noto_sans_mono_bitmap::RasterHeight;
use noto_sans_mono_bitmap::{FontWeight, get_raster, get_raster_width};

use super::paint::{brightness, mix};

const WEIGHT: FontWeight = FontWeight::Bold;
/// Pixels around the text.
const MARGIN: i64 = 2;

/// A letter's height in a picture of this size: readable where the picture fills a screen.
pub(super) fn height((width, height): (u32, u32)) -> RasterHeight {
    match width.max(height) {
        0..=900 => RasterHeight::Size16,
        901..=1400 => RasterHeight::Size20,
        1401..=2200 => RasterHeight::Size24,
        _ => RasterHeight::Size32,
    }
}

/// Width and height of a tag with `text`.
pub(super) fn tag_size(text: &str, height: RasterHeight) -> (i64, i64) {
    let letter = get_raster_width(WEIGHT, height) as i64;
    (letter * text.chars().count() as i64 + 2 * MARGIN, height as i64 + 2 * MARGIN)
}

/// Draws `text` on a field of `color`, its bottom left corner at (`x`, `y`), or where it fits in the
/// picture. Letters that the font does not have become `?`.
pub(super) fn draw_tag(picture: &mut RgbImage, x: f32, y: f32, text: &str, color: Rgb<u8>) {
    let height = height(picture.dimensions());
    let (wide, high) = tag_size(text, height);
    let (width, most) = (i64::from(picture.width()), i64::from(picture.height()));
    let left = (x as i64).min(width - wide).max(0);
    let top = (y as i64 - high).min(most - high).max(0);
    draw_tag_at(picture, (left, top), text, color, height);
}

/// Draws `text` on a field of `color` with its top left corner at a place. What lies outside the
/// picture is not drawn.
pub(super) fn draw_tag_at(
    picture: &mut RgbImage,
    (left, top): (i64, i64),
    text: &str,
    color: Rgb<u8>,
    height: RasterHeight,
) {
    let (wide, high) = tag_size(text, height);
    let letter = get_raster_width(WEIGHT, height) as i64;
    let (width, most) = (i64::from(picture.width()), i64::from(picture.height()));
    let ink = if brightness(color) > 120.0 { Rgb([0; 3]) } else { Rgb([255; 3]) };
    let mut paint = |x: i64, y: i64, strength: f32| {
        if (0..width).contains(&x) && (0..most).contains(&y) {
            picture.put_pixel(x as u32, y as u32, mix(color, ink, strength));
        }
    };
    for y in 0..high {
        (0..wide).for_each(|x| paint(left + x, top + y, 0.0));
    }
    for (index, sign) in text.chars().enumerate() {
        let raster = get_raster(sign, WEIGHT, height).or_else(|| get_raster('?', WEIGHT, height));
        let rows = raster.iter().flat_map(|raster| raster.rows().enumerate());
        for (row, line) in rows {
            for (column, &value) in line.iter().enumerate() {
                let x = left + MARGIN + index as i64 * letter + column as i64;
                paint(x, top + MARGIN + row as i64, f32::from(value) / 255.0);
            }
        }
    }
}
