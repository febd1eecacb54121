//! Whether an image file moves.

use std::io::Cursor;

use image::{
    AnimationDecoder, ImageFormat,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
};

/// Whether the file holds more than one frame.
pub(super) fn is_animated(bytes: &[u8], format: ImageFormat) -> bool {
    let reader = Cursor::new(bytes);
    match format {
        ImageFormat::Gif => GifDecoder::new(reader)
            .is_ok_and(|decoder| decoder.into_frames().nth(1).is_some_and(|frame| frame.is_ok())),
        ImageFormat::Png => {
            PngDecoder::new(reader).and_then(|decoder| decoder.is_apng()).unwrap_or(false)
        }
        ImageFormat::WebP => WebPDecoder::new(reader).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}
