//! The size of an image without decoding it.

use std::path::Path;

use samkit_core::Size;

use super::{ReadError, ReadLimits, image, read_bytes, read_start};

/// More than the headers of most files take, also with a colour profile and a thumbnail.
const START: u64 = 256 << 10;

/// The size of the image that [`crate::read_image`] would give: upright, as EXIF says. Reads the file's
/// beginning, where that is enough.
///
/// # Errors
/// As [`crate::read_image`], but for what only decoding shows.
pub fn read_image_size(path: &Path, limits: &ReadLimits) -> Result<Size, ReadError> {
    let start = read_start(path, START)?;
    match image::size(path, &start, limits) {
        Err(_) if start.len() as u64 == START => {
            image::size(path, &read_bytes(path, limits.max_memory)?, limits)
        }
        size => size,
    }
}
