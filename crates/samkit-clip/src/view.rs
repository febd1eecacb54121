//! An image as CLIP's image tower sees it: the shorter side scaled to the network's by Pillow's
//! bicubic filter, the middle cut out, mean and deviation removed (`CLIPImageProcessor`).
//!
//! Pillow resized along x first when CLIP was trained, and so does this. Pillow 13 begins with the
//! axis that is less work; at hard edges single levels differ then.

use image::RgbImage;
use samkit_engine::{Filter, resize_part};

/// Mean of red, green and blue over CLIP's training images.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Their standard deviation.
const STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// `image`, which has pixels, as (side, side, 3) normalised values.
pub(crate) fn view(image: &RgbImage, side: usize) -> Vec<f32> {
    let levels = cropped(image, side as u32);
    let value = |(index, &level): (usize, &u8)| {
        (f32::from(level) / 255.0 - MEAN[index % 3]) / STD[index % 3]
    };
    levels.iter().enumerate().map(value).collect()
}

/// The middle square of the image whose shorter side has been scaled to `side`, as levels.
fn cropped(image: &RgbImage, side: u32) -> Vec<u8> {
    let (width, height) = image.dimensions();
    // The longer side is rounded down, and so is the margin before the middle.
    let scaled = |long: u32, short: u32| {
        (u64::from(side) * u64::from(long) / u64::from(short)).try_into().unwrap_or(u32::MAX)
    };
    let (columns, rows): (u32, u32) = match width <= height {
        true => (side, scaled(height, width)),
        false => (scaled(width, height), side),
    };
    let (left, top) = ((columns - side) / 2, (rows - side) / 2);
    resize_part(image, (columns, rows).into(), Filter::Cubic, left..left + side, top..top + side)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Something of every frequency, with hard edges, which make the bicubic filter overshoot.
    fn formula(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([0, 1, 2].map(|c| match (x / 9 + y / 7) % 3 {
                0 => (7 * x + 13 * y + 50 * c + x * y / 64) as u8,
                1 => 255,
                _ => 0,
            }))
        })
    }

    #[test]
    fn levels_equal_pillows() {
        let reference: Value =
            serde_json::from_str(include_str!("../tests/fixtures/views.json")).expect("JSON");
        let (mut seen, mut different) = (0, 0);
        for case in reference.as_array().expect("cases") {
            let number = |key: &str| case[key].as_u64().expect("a number") as u32;
            let (width, height, side) = (number("width"), number("height"), number("side"));
            let got = cropped(&formula(width, height), side);
            let step = number("step") as usize;
            let expected = case["levels"].as_array().expect("levels");
            assert_eq!(got.len().div_ceil(step), expected.len(), "{width}×{height} → {side}");
            for (got, expected) in got.iter().step_by(step).zip(expected) {
                let expected = expected.as_u64().expect("a level") as u8;
                assert!(got.abs_diff(expected) <= 1, "{width}×{height} → {side}: {got} {expected}");
                different += usize::from(*got != expected);
                seen += 1;
            }
        }
        assert!(seen > 10_000);
        assert_eq!(different, 0, "of {seen} levels");
    }

    #[test]
    fn values_are_normalised() {
        let grey = RgbImage::from_pixel(3, 5, image::Rgb([124, 116, 104]));
        let got = view(&grey, 8);
        assert_eq!(got.len(), 8 * 8 * 3);
        assert!(got.iter().all(|value| value.abs() < 0.02), "a grey at the mean");
    }

    #[test]
    fn a_very_long_image_takes_no_more_memory_than_its_middle() {
        let line = RgbImage::from_pixel(60_000, 1, image::Rgb([255, 0, 0]));
        assert_eq!(cropped(&line, 224)[..3], [255, 0, 0]);
    }
}
