//! An image as the network wants it: resized, normalised, padded.

use candle_core::{Device, Tensor};
use image::RgbImage;

use crate::error::{EngineError, Result};
use crate::frame::{Frame, INPUT_SIDE};
use crate::resize::resize;

/// Mean of red, green and blue (`Sam.pixel_mean`).
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Standard deviation of red, green and blue (`Sam.pixel_std`).
const STD: [f32; 3] = [58.395, 57.12, 57.375];

/// The network's input, 1×3×1024×1024: the image resized with an antialiasing triangle filter on
/// 8 bits, normalised, then padded right and below with zeros.
pub(crate) fn preprocess(image: &RgbImage, frame: &Frame, device: &Device) -> Result<Tensor> {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return Err(EngineError::EmptyImage { width, height });
    }
    let resized = resize(image, frame.input());
    let side = INPUT_SIDE as usize;
    let (width, height) = (frame.input().width as usize, frame.input().height as usize);
    let mut planes = vec![0.0f32; 3 * side * side];
    for (channel, plane) in planes.chunks_exact_mut(side * side).enumerate() {
        let (mean, std) = (MEAN[channel], STD[channel]);
        for (row, line) in
            resized.chunks_exact(3 * width).zip(plane.chunks_exact_mut(side)).take(height)
        {
            for (pixel, value) in row.chunks_exact(3).zip(line) {
                *value = (f32::from(pixel[channel]) - mean) / std;
            }
        }
    }
    Ok(Tensor::from_vec(planes, (1, 3, side, side), device)?)
}
