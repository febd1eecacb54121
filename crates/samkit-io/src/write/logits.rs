//! Low-resolution logits as NumPy's files.

use std::path::Path;

use samkit_core::{BBox, LOW_RES_SIDE, LowResLogits};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{WriteError, npy::write_array, write_atomically};

/// Writes logits as an `.npy` file of shape 256×256, little-endian 32-bit floats.
///
/// # Errors
/// When the file cannot be written.
pub fn write_logits(path: &Path, logits: &LowResLogits) -> Result<(), WriteError> {
    write_atomically(path, |file| write_array(file, &[LOW_RES_SIDE, LOW_RES_SIDE], logits.values()))
}

/// Writes the logits of N masks as an `.npz` file, which `numpy.load` reads: the arrays `logits`
/// (N×256×256), `boxes` (N×4, corners x0, y0, x1, y1 in original-image pixels) and `scores` (N), all
/// 32-bit floats. Nothing is compressed, because logits hardly get smaller; the same masks give the
/// same bytes.
///
/// # Errors
/// When the file cannot be written.
///
/// # Panics
/// When there are not as many boxes and scores as logits.
pub fn write_logits_npz(
    path: &Path,
    logits: &[LowResLogits],
    boxes: &[BBox],
    scores: &[f32],
) -> Result<(), WriteError> {
    let count = logits.len();
    assert_eq!((count, count), (boxes.len(), scores.len()), "every mask has logits, box and score");
    let corners: Vec<f32> = boxes.iter().flat_map(|b| [b.x0, b.y0, b.x1, b.y1]).collect();
    let values = || logits.iter().flat_map(LowResLogits::values);
    write_atomically(path, |file| {
        let mut archive = ZipWriter::new(file);
        // The first of January 1980, and not today.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        // Files of more than 4 GiB need other headers, which all readers know, but not all like.
        let bytes = size_of::<f32>() * count * LOW_RES_SIDE * LOW_RES_SIDE;
        let large = options.large_file(bytes >= u32::MAX as usize - 1024);
        archive.start_file("logits.npy", large)?;
        write_array(&mut archive, &[count, LOW_RES_SIDE, LOW_RES_SIDE], values())?;
        archive.start_file("boxes.npy", options)?;
        write_array(&mut archive, &[count, 4], &corners)?;
        archive.start_file("scores.npy", options)?;
        write_array(&mut archive, &[count], scores)?;
        archive.finish()?;
        Ok(())
    })
}
