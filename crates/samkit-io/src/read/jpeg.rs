//! Two things about JPEG files that the decoder does not tell: whether the file is complete, and
//! whether its CMYK samples are inverted.

use image::{ImageFormat, RgbImage};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

const END_OF_IMAGE: u8 = 0xd9;
const APP14: u8 = 0xee;

/// Whether the end-of-image marker is there. The decoder fills what is missing with grey and says
/// nothing.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    markers(bytes).any(|(marker, _)| marker == END_OF_IMAGE)
}

/// Decodes a CMYK file that is not inverted; `None` for every other file.
///
/// Files with Adobe's marker, which are nearly all, store 255 − ink. The decoder takes that for
/// granted; without the marker the samples are the ink itself.
pub(super) fn plain_cmyk_to_rgb(
    bytes: &[u8],
    format: ImageFormat,
) -> Option<Result<RgbImage, String>> {
    if format != ImageFormat::Jpeg || components(bytes) != Some(4) || has_adobe_marker(bytes) {
        return None;
    }
    Some(decode_plain_cmyk(bytes))
}

fn decode_plain_cmyk(bytes: &[u8]) -> Result<RgbImage, String> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::CMYK);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let samples = decoder.decode().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    let rgb = samples.chunks_exact(4).flat_map(|cmyk| {
        let light = |ink: u8| u16::from(255 - ink);
        let mix = |ink| ((light(ink) * light(cmyk[3]) + 127) / 255) as u8;
        [mix(cmyk[0]), mix(cmyk[1]), mix(cmyk[2])]
    });
    RgbImage::from_raw(width as u32, height as u32, rgb.collect())
        .ok_or_else(|| "fewer samples than its size asks for".into())
}

/// Number of colour components that the frame header states.
fn components(bytes: &[u8]) -> Option<u8> {
    let is_frame =
        |marker: u8| matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    markers(bytes).find(|&(marker, _)| is_frame(marker)).and_then(|(_, body)| body.get(5).copied())
}

fn has_adobe_marker(bytes: &[u8]) -> bool {
    markers(bytes).any(|(marker, body)| marker == APP14 && body.starts_with(b"Adobe"))
}

/// The markers of the file with the bodies of their segments. Thumbnails within a segment are
/// passed over with it; compressed data follows the body of a start of scan.
fn markers(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let start = rest.iter().position(|&byte| byte == 0xff)?;
            rest = &rest[start + 1..];
            let marker = *rest.first()?;
            match marker {
                0x00 => continue, // an escaped 0xff in compressed data
                0xff => continue, // padding before a marker
                0x01 | 0xd0..=0xd9 => {
                    rest = &rest[1..];
                    return Some((marker, &[][..]));
                }
                _ => {
                    let length = usize::from(u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]));
                    let body = rest.get(3..1 + length.max(2))?;
                    rest = &rest[1 + length.max(2)..];
                    return Some((marker, body));
                }
            }
        }
    })
}
