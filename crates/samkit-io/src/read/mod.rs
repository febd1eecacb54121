//! Reading files: images of all kinds, and the data files that samkit itself writes.

mod animation;
mod error;
mod image;
mod jpeg;
mod logits;
mod masks;
mod tiff;

pub use error::ReadError;
pub use image::{LoadedImage, ReadLimits, decode_image, read_file, read_image};
pub use logits::read_logits;
pub use masks::read_masks;

use std::{fs, io::Read, path::Path};

/// The bytes of an ordinary, non-empty file that is not larger than `limit`.
fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let open = |source| ReadError::open(path, source);
    let metadata = fs::metadata(path).map_err(open)?;
    if metadata.is_dir() {
        return Err(ReadError::Folder { path: path.into() });
    }
    if !metadata.is_file() {
        return Err(ReadError::Special { path: path.into() });
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(open)?.take(limit + 1).read_to_end(&mut bytes).map_err(open)?;
    match bytes.len() as u64 {
        0 => Err(ReadError::Empty { path: path.into() }),
        size if size > limit => Err(ReadError::FileTooLarge { path: path.into(), limit }),
        _ => Ok(bytes),
    }
}
