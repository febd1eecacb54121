//! Low-resolution logits as NumPy's `.npy` files.

use std::{io::Write, path::Path};

use samkit_core::{LOW_RES_SIDE, LowResLogits};

use super::{WriteError, write_atomically};

/// Data starts at a multiple of this, so that it can be mapped into memory.
const ALIGNMENT: usize = 64;

/// Writes logits as an `.npy` file of shape 256×256, little-endian 32-bit floats.
///
/// # Errors
/// When the file cannot be written.
pub fn write_logits(path: &Path, logits: &LowResLogits) -> Result<(), WriteError> {
    let start = b"\x93NUMPY\x01\x00";
    let dictionary = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({LOW_RES_SIDE}, {LOW_RES_SIDE}), }}"
    );
    // Two bytes of length before the dictionary, one newline after it.
    let unpadded = start.len() + 2 + dictionary.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    let header = format!("{dictionary}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).expect("the header has fewer than 200 bytes");
    write_atomically(path, |file| {
        file.write_all(start)?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        logits.values().iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
    })
}
