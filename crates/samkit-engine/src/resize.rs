//! Resizing on 8 bits with an antialiasing triangle filter, equal to Pillow's to the last level.
//!
//! The network was trained on images resized this way (`torchvision.transforms.functional.resize`
//! of a Pillow image), and masks at object borders notice single levels. Pillow resizes along x,
//! rounds to 8 bits, then along y, in fixed point with 22 fractional bits (`Resample.c`).

use image::RgbImage;
use rayon::prelude::*;
use samkit_core::Size;

/// Fractional bits of the fixed-point weights.
const PRECISION: u32 = 22;
const CHANNELS: usize = 3;

/// The image at another size, RGB bytes row by row. Neither size may have a zero side.
pub(crate) fn resize(image: &RgbImage, size: Size) -> Vec<u8> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (out_width, out_height) = (size.width as usize, size.height as usize);
    let mut pixels = image.as_raw().clone();
    if out_width != width {
        pixels = along_x(&pixels, width, &windows(width, out_width));
    }
    if out_height != height {
        pixels = along_y(&pixels, out_width * CHANNELS, &windows(height, out_height));
    }
    pixels
}

/// The source samples that an output sample is made of: the first, and the weight of each.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// Triangle filters for a resize of `from` samples to `to`, widened when samples get fewer.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let window = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let triangle = |j: usize| (1.0 - ((j as f64 - centre + 0.5) / support).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(triangle).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |w: &f64| (w / sum * f64::from(1u32 << PRECISION)).round() as i32;
        Window { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..to).map(window).collect()
}

fn along_x(pixels: &[u8], width: usize, windows: &[Window]) -> Vec<u8> {
    let rows = pixels.len() / (width * CHANNELS);
    let mut out = vec![0; rows * windows.len() * CHANNELS];
    let lines = out.par_chunks_exact_mut(windows.len() * CHANNELS);
    lines.zip(pixels.par_chunks_exact(width * CHANNELS)).for_each(|(out, row)| {
        for (out, window) in out.chunks_exact_mut(CHANNELS).zip(windows) {
            let mut sums = [1i32 << (PRECISION - 1); CHANNELS];
            let source = row[window.first * CHANNELS..].chunks_exact(CHANNELS);
            for (pixel, &weight) in source.zip(&window.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = (sum >> PRECISION) as u8;
            }
        }
    });
    out
}

fn along_y(pixels: &[u8], row: usize, windows: &[Window]) -> Vec<u8> {
    let mut out = vec![0; windows.len() * row];
    out.par_chunks_exact_mut(row).zip(windows).for_each(|(out, window)| {
        let mut sums = vec![1i32 << (PRECISION - 1); row];
        let source = pixels[window.first * row..].chunks_exact(row);
        for (line, &weight) in source.zip(&window.weights) {
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += i32::from(value) * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = (sum >> PRECISION) as u8;
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::frame::Frame;

    fn reference() -> Value {
        serde_json::from_str(include_str!("../tests/fixtures/resize.json")).expect("JSON")
    }

    fn number(value: &Value) -> u32 {
        value.as_u64().expect("a number") as u32
    }

    /// The image of `tests/reference/formula.py`.
    fn formula(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([0, 1, 2].map(|c| (7 * x + 13 * y + 50 * c + x * y / 64) as u8))
        })
    }

    #[test]
    fn sizes_equal_the_reference() {
        for target in reference()["targets"].as_array().expect("targets") {
            let [width, height, new_width, new_height] = [0, 1, 2, 3].map(|i| number(&target[i]));
            let input = Frame::new(Size::new(width, height)).input();
            // Where the reference rounds to no pixels, one is kept.
            assert_eq!(input, Size::new(new_width.max(1), new_height.max(1)));
        }
    }

    #[test]
    fn pixels_equal_pillows() {
        for case in reference()["images"].as_array().expect("images") {
            let (width, height) = (number(&case["width"]), number(&case["height"]));
            let input = Frame::new(Size::new(width, height)).input();
            let resized = resize(&formula(width, height), input);
            let step = number(&case["step"]) as usize;
            let mut seen = 0;
            for (y, row) in case["rows"].as_array().expect("rows").iter().enumerate() {
                for (x, pixel) in row.as_array().expect("a row").iter().enumerate() {
                    let start = (y * step * input.width as usize + x * step) * CHANNELS;
                    let expected = [0, 1, 2].map(|c| number(&pixel[c]) as u8);
                    assert_eq!(
                        resized[start..start + CHANNELS],
                        expected,
                        "{width}×{height} ({x}, {y})"
                    );
                    seen += 1;
                }
            }
            assert!(seen > 10);
        }
    }
}
