//! NumPy's arrays.

use std::io::{self, Write};

/// Data starts at a multiple of this, so that it can be mapped into memory.
const ALIGNMENT: usize = 64;

/// Writes an array in the format of `.npy` files, version 1.0: row by row, little-endian 32-bit floats.
pub(super) fn write_array<'a>(
    file: &mut impl Write,
    shape: &[usize],
    values: impl IntoIterator<Item = &'a f32>,
) -> io::Result<()> {
    let start = b"\x93NUMPY\x01\x00";
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    // Python's tuple of one has a comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let dictionary = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{comma}), }}",
        sides.join(", ")
    );
    // Two bytes of length before the dictionary, one newline after it.
    let unpadded = start.len() + 2 + dictionary.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    let header = format!("{dictionary}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).expect("the header has fewer than 400 bytes");
    file.write_all(start)?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    values.into_iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
}
