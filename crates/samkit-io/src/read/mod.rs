//! Reading files: images of all kinds, and the data files that samkit itself writes.

mod animation;
mod error;
mod image;
mod jpeg;
mod logits;
mod masks;
mod size;
mod tiff;

pub use error::ReadError;
pub use image::{LoadedImage, ReadLimits, decode_image, read_file, read_image};
pub use logits::read_logits;
pub use masks::read_masks;
pub use size::read_image_size;

use std::{fs, io::Read, path::Path};

/// The bytes of an ordinary, non-empty file that is not larger than `limit`.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let bytes = read_start(path, limit + 1)?;
    match bytes.len() as u64 > limit {
        true => Err(ReadError::FileTooLarge { path: path.into(), limit }),
        false => Ok(bytes),
    }
}

/// At most the first `most` bytes of an ordinary, non-empty file.
fn read_start(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let open = |source| ReadError::open(path, source);
    let metadata = fs::metadata(path).map_err(open)?;
    if metadata.is_dir() {
        return Err(ReadError::Folder { path: path.into() });
    }
    if !metadata.is_file() {
        return Err(ReadError::Special { path: path.into() });
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(open)?.take(most).read_to_end(&mut bytes).map_err(open)?;
    match bytes.is_empty() {
        true => Err(ReadError::Empty { path: path.into() }),
        false => Ok(bytes),
    }
}
