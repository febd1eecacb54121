//! An image as the network wants it: resized, normalised, padded.

use image::RgbImage;

use crate::error::{EngineError, Result};
use crate::frame::{Frame, INPUT_SIDE};
use crate::resize::resize;

/// Mean of red, green and blue (`Sam.pixel_mean`).
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Standard deviation of red, green and blue (`Sam.pixel_std`).
const STD: [f32; 3] = [58.395, 57.12, 57.375];

/// The network's input, 1024×1024×3 row by row: the image resized with an antialiasing triangle
/// filter on 8 bits, normalised, then padded right and below with zeros.
///
/// # Errors
/// When the image has no pixels.
pub(crate) fn preprocess(image: &RgbImage, frame: &Frame) -> Result<Vec<f32>> {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return Err(EngineError::EmptyImage { width, height });
    }
    let resized = resize(image, frame.input());
    let side = INPUT_SIDE as usize;
    let mut out = vec![0.0f32; side * side * 3];
    let rows = resized.chunks_exact(3 * frame.input().width as usize);
    for (row, out) in rows.zip(out.chunks_exact_mut(side * 3)) {
        for (pixel, out) in row.chunks_exact(3).zip(out.chunks_exact_mut(3)) {
            for c in 0..3 {
                out[c] = (f32::from(pixel[c]) - MEAN[c]) / STD[c];
            }
        }
    }
    Ok(out)
}
