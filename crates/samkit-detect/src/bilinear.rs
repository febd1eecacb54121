//! Bilinear resizing between the four nearest pixels, without smoothing: what detectors were trained
//! with.

use image::RgbImage;

/// Which places of two images correspond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// The corner of the first pixel on that of the first pixel (TensorFlow 1's `resize_bilinear`).
    FirstPixels,
    /// The images' outlines (OpenCV's `INTER_LINEAR`, PyTorch's `interpolate`).
    Outlines,
}

/// Red, green and blue of `width`×`height` pixels, row by row, from 0 to 255.
pub(crate) fn resized(image: &RgbImage, width: usize, height: usize, align: Align) -> Vec<f32> {
    let (from_width, from_height) = (image.width() as usize, image.height() as usize);
    let pixels = image.as_raw();
    let places = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f64 / to as f64;
        let place = |index: usize| {
            let place = match align {
                Align::FirstPixels => index as f64 * scale,
                Align::Outlines => {
                    ((index as f64 + 0.5) * scale - 0.5).clamp(0.0, from as f64 - 1.0)
                }
            };
            let first = (place as usize).min(from - 1);
            (first, (first + 1).min(from - 1), (place - first as f64) as f32)
        };
        (0..to).map(place).collect()
    };
    let columns = places(from_width, width);
    let mut out = Vec::with_capacity(width * height * 3);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    for (top, bottom, down) in places(from_height, height) {
        for &(left, right, across) in &columns {
            for channel in 0..3 {
                let pixel =
                    |y: usize, x: usize| f32::from(pixels[(y * from_width + x) * 3 + channel]);
                let upper = mix(pixel(top, left), pixel(top, right), across);
                let lower = mix(pixel(bottom, left), pixel(bottom, right), across);
                out.push(mix(upper, lower, down));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> RgbImage {
        RgbImage::from_fn(600, 150, |x, y| image::Rgb([(x % 256) as u8, y as u8, 255]))
    }

    #[test]
    fn first_pixels_lie_on_each_other() {
        let out = resized(&image(), 300, 300, Align::FirstPixels);
        let at = |y: usize, x: usize, c: usize| out[(y * 300 + x) * 3 + c];
        assert!((at(0, 1, 0) - 2.0).abs() < 1e-3);
        assert!((at(1, 0, 1) - 0.5).abs() < 1e-3);
        assert!((at(299, 299, 1) - 149.0).abs() < 1e-3);
        assert!((at(7, 7, 2) - 255.0).abs() < 1e-3);
    }

    #[test]
    fn outlines_lie_on_each_other() {
        let out = resized(&image(), 300, 300, Align::Outlines);
        let at = |y: usize, x: usize, c: usize| out[(y * 300 + x) * 3 + c];
        assert!((at(0, 0, 0) - 0.5).abs() < 1e-3);
        assert!((at(0, 0, 1) - 0.0).abs() < 1e-3);
        assert!((at(2, 0, 1) - 0.75).abs() < 1e-3);
        assert!((at(299, 0, 1) - 149.0).abs() < 1e-3);
    }
}
