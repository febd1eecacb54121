//! The numbers in a PNG image, without looking them up in a palette.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use samkit_core::Size;

/// The size, and a number a pixel, row by row; or what is wrong with the image.
pub(super) fn read(bytes: &[u8], max_pixels: u64) -> Result<(Size, Vec<u16>), String> {
    let limits = Limits { bytes: 64 << 20 };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::IDENTITY);
    let damaged = |error: png::DecodingError| format!("a damaged PNG image ({error})");
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let (size, depth, color) =
        (Size::new(info.width, info.height), info.bit_depth, info.color_type);
    if !matches!(color, ColorType::Grayscale | ColorType::Indexed) {
        return Err(format!("an image of the colour type {color:?}"));
    }
    // Rows end at whole bytes.
    let line = reader.output_line_size(size.width);
    let is_allowed = size.area() > 0 && size.area() as u64 <= max_pixels;
    let (Some(length), Some(line), true) = (reader.output_buffer_size(), line, is_allowed) else {
        let millions = max_pixels as f64 / 1e6;
        return Err(format!("an image of {size} pixels, expected 1 to {millions} million"));
    };
    let mut data = vec![0; length];
    reader.next_frame(&mut data).map_err(damaged)?;
    let rows = data.chunks_exact(line.max(1));
    let width = size.width as usize;
    let values = match depth {
        BitDepth::Sixteen => {
            let values = data.as_chunks::<2>().0.iter();
            values.map(|&value| u16::from_be_bytes(value)).collect()
        }
        BitDepth::Eight => data.iter().map(|&value| u16::from(value)).collect(),
        BitDepth::One | BitDepth::Two | BitDepth::Four => {
            let bits = depth as usize;
            let value = |row: &[u8], x: usize| {
                let first = x * bits;
                u16::from(row[first / 8] >> (8 - bits - first % 8)) & ((1 << bits) - 1)
            };
            rows.flat_map(|row| (0..width).map(move |x| value(row, x))).collect()
        }
    };
    Ok((size, values))
}
