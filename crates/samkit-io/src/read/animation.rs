//! Whether an image file moves.

use std::io::Cursor;

use image::{
    AnimationDecoder, ImageDecoder, ImageFormat, Limits,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
};

/// Whether the file holds more than one frame, looked at with at most `max_memory` bytes: a frame may
/// claim to be far larger than its picture.
pub(super) fn is_animated(bytes: &[u8], format: ImageFormat, max_memory: u64) -> bool {
    let reader = Cursor::new(bytes);
    match format {
        ImageFormat::Gif => GifDecoder::new(reader).is_ok_and(|mut decoder| {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(max_memory);
            decoder.set_limits(limits).is_ok()
                && decoder.into_frames().nth(1).is_some_and(|frame| frame.is_ok())
        }),
        ImageFormat::Png => {
            PngDecoder::new(reader).and_then(|decoder| decoder.is_apng()).unwrap_or(false)
        }
        ImageFormat::WebP => WebPDecoder::new(reader).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}
