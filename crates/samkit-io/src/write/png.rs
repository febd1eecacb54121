//! Images as PNG.

use std::{
    io::{self, Write},
    ops::Deref,
    path::Path,
};

use image::{
    ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, ImageError, Luma, RgbImage, RgbaImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

use super::{WriteError, write_atomically};

/// Pixels of the largest picture that is compressed as well as it can be. Beyond, files of many pictures
/// would take longer to compress than the networks take for all of them: ten seconds for a photograph of
/// 48 megapixels instead of one.
const MOST_SLOWLY: u64 = 4_000_000;

/// A grey image of 16 bits.
pub type Gray16Image = ImageBuffer<Luma<u16>, Vec<u16>>;

/// One number a pixel, usually from 0 to 1: an edge map, a probability map.
pub type GrayMap = ImageBuffer<Luma<f32>, Vec<f32>>;

/// A map from 0 to 1 as 0 to 255, rounded to the nearest. What lies outside is cut off; NaN is 0.
pub fn to_gray8(map: &ImageBuffer<Luma<f32>, impl Deref<Target = [f32]>>) -> GrayImage {
    GrayImage::from_fn(map.width(), map.height(), |x, y| {
        Luma([(map[(x, y)][0] * 255.0).round() as u8])
    })
}

/// A map from 0 to 1 as 0 to 65,535, rounded to the nearest. What lies outside is cut off; NaN is 0.
pub fn to_gray16(map: &ImageBuffer<Luma<f32>, impl Deref<Target = [f32]>>) -> Gray16Image {
    Gray16Image::from_fn(map.width(), map.height(), |x, y| {
        Luma([(map[(x, y)][0] * 65_535.0).round() as u16])
    })
}

/// Writes an 8-bit grey PNG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_gray8(path: &Path, image: &GrayImage) -> Result<(), WriteError> {
    write_png(path, image, image.dimensions(), ExtendedColorType::L8)
}

/// Writes a 16-bit grey PNG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_gray16(path: &Path, image: &Gray16Image) -> Result<(), WriteError> {
    // The encoder takes native-endian bytes and turns them round itself.
    let bytes: Vec<u8> = image.as_raw().iter().flat_map(|value| value.to_ne_bytes()).collect();
    write_png(path, &bytes, image.dimensions(), ExtendedColorType::L16)
}

/// Writes an 8-bit RGB PNG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_rgb(path: &Path, image: &RgbImage) -> Result<(), WriteError> {
    write_png(path, image, image.dimensions(), ExtendedColorType::Rgb8)
}

/// Writes an 8-bit RGB PNG with transparency.
///
/// # Errors
/// When the file cannot be written.
pub fn write_rgba(path: &Path, image: &RgbaImage) -> Result<(), WriteError> {
    write_png(path, image, image.dimensions(), ExtendedColorType::Rgba8)
}

/// An 8-bit grey PNG in memory.
pub(crate) fn png_bytes(image: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = encode(&mut bytes, image, image.dimensions(), ExtendedColorType::L8);
    encoded.expect("memory can be written, and an image has pixels");
    bytes
}

fn write_png(
    path: &Path,
    bytes: &[u8],
    dimensions: (u32, u32),
    color: ExtendedColorType,
) -> Result<(), WriteError> {
    write_atomically(path, |file| encode(file, bytes, dimensions, color))
}

fn encode(
    file: &mut impl Write,
    bytes: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
) -> io::Result<()> {
    let compression = match u64::from(width) * u64::from(height) {
        ..=MOST_SLOWLY => CompressionType::Default,
        _ => CompressionType::Fast,
    };
    let encoder = PngEncoder::new_with_quality(file.by_ref(), compression, FilterType::Adaptive);
    encoder.write_image(bytes, width, height, color).map_err(|error| match error {
        ImageError::IoError(error) => error,
        other => io::Error::other(other),
    })
}
