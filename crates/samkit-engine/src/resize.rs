//! Resizing on 8 bits with antialiasing filters, equal to Pillow's to the last level.
//!
//! Networks were trained on images resized this way (`torchvision.transforms.functional.resize`
//! of a Pillow image), and masks at object borders notice single levels. Pillow resizes along x,
//! rounds to 8 bits, then along y, in fixed point with 22 fractional bits (`Resample.c`).

use std::ops::Range;

use image::RgbImage;
use rayon::prelude::*;
use samkit_core::Size;

/// Fractional bits of the fixed-point weights.
const PRECISION: u32 = 22;
const CHANNELS: usize = 3;

/// How samples are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// A triangle: Pillow's `BILINEAR`.
    Triangle,
    /// Keys' cubic with a = −0.5: Pillow's `BICUBIC`.
    Cubic,
}

impl Filter {
    /// Where the filter ends, in samples of the coarser grid.
    fn support(self) -> f64 {
        match self {
            Self::Triangle => 1.0,
            Self::Cubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Triangle => (1.0 - x).max(0.0),
            Self::Cubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Cubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Cubic => 0.0,
        }
    }
}

/// The image at another size, RGB bytes row by row. Neither size may have a zero side.
pub(crate) fn resize(image: &RgbImage, size: Size) -> Vec<u8> {
    resize_part(image, size, Filter::Triangle, 0..size.width, 0..size.height)
}

/// A part of the image at another size, RGB bytes row by row: the same levels as cut out of the
/// whole, which is never made.
///
/// # Panics
/// When the image or the size has a zero side, or the part is not inside the size.
pub fn resize_part(
    image: &RgbImage,
    size: Size,
    filter: Filter,
    columns: Range<u32>,
    rows: Range<u32>,
) -> Vec<u8> {
    assert!(columns.end <= size.width && rows.end <= size.height, "a part of the size");
    let (width, height) = (image.width() as usize, image.height() as usize);
    assert!(width > 0 && height > 0, "an image with pixels");
    let (out_width, out_height) = (size.width as usize, size.height as usize);
    let across = windows(filter, width, out_width, columns);
    let mut down = windows(filter, height, out_height, rows);
    // Only the rows that the part is made of are resized along x.
    let first = down.iter().map(|window| window.first).min().unwrap_or(0);
    let end = down.iter().map(Window::end).max().unwrap_or(0);
    down.iter_mut().for_each(|window| window.first -= first);
    let pixels = &image.as_raw()[first * width * CHANNELS..end * width * CHANNELS];
    let row = across.len() * CHANNELS;
    let is_whole = across.len() == width;
    match (out_width == width && is_whole, out_height == height) {
        (true, true) => pixels.to_vec(),
        (true, false) => along_y(pixels, row, &down),
        (false, true) => along_x(pixels, width, &across),
        (false, false) => along_y(&along_x(pixels, width, &across), row, &down),
    }
}

/// The source samples that an output sample is made of: the first, and the weight of each.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

impl Window {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

/// Windows of the samples `part` of a resize of `from` samples to `to`: filters that widen when
/// samples get fewer.
fn windows(filter: Filter, from: usize, to: usize, part: Range<u32>) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let window = |i: u32| {
        if from == to {
            return Window { first: i as usize, weights: vec![1 << PRECISION] };
        }
        let centre = (f64::from(i) + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weight = |j: usize| filter.weight((j as f64 - centre + 0.5) / stretch);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |w: &f64| (w / sum * f64::from(1u32 << PRECISION)).round() as i32;
        Window { first, weights: weights.iter().map(fixed).collect() }
    };
    part.map(window).collect()
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
                *out = level(sum);
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
            *out = level(sum);
        }
    });
    out
}

/// A sum without its fractional bits; the cubic overshoots at edges.
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
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
