//! Low-resolution logits from NumPy's `.npy` files.

use std::path::Path;

use samkit_core::{LOW_RES_SIDE, LowResLogits};

use super::{ReadError, read_bytes};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Far more than 256×256 numbers take.
const MAX_BYTES: u64 = 16 << 20;

/// Reads logits from an `.npy` file: little-endian 32-bit floats, row by row, of shape 256×256 or
/// 1×256×256, as [`crate::write_logits`] and NumPy's `save` write them.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_logits(path: &Path) -> Result<LowResLogits, ReadError> {
    let bytes = read_bytes(path, MAX_BYTES)?;
    parse(&bytes).map_err(|reason| ReadError::Content {
        path: path.into(),
        expected: "256×256 logits",
        reason,
    })
}

fn parse(bytes: &[u8]) -> Result<LowResLogits, String> {
    let cut = || "the file was cut".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is not an .npy file")?;
    let &[major, _minor] = rest.first_chunk().ok_or_else(cut)?;
    let rest = &rest[2..];
    let (length, rest) = match major {
        1 => rest
            .split_first_chunk::<2>()
            .map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
        _ => rest
            .split_first_chunk::<4>()
            .map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
    }
    .ok_or_else(cut)?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    check_header(&String::from_utf8_lossy(header))?;
    let (values, remainder) = data.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&value| f32::from_le_bytes(value)).collect();
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(format!("it contains {value}"));
    }
    let found = values.len();
    LowResLogits::new(values)
        .filter(|_| remainder.is_empty())
        .ok_or_else(|| format!("it has {found} numbers, expected {}", LOW_RES_SIDE * LOW_RES_SIDE))
}

/// Checks the Python dictionary `{'descr': '<f4', 'fortran_order': False, 'shape': (256, 256), }`.
fn check_header(header: &str) -> Result<(), String> {
    let kind = value(header, "descr", ',').unwrap_or_default().trim_matches(['\'', '"']);
    if kind != "<f4" {
        return Err(format!("its numbers are `{kind}`, expected `<f4` (32-bit floats)"));
    }
    if value(header, "fortran_order", ',') != Some("False") {
        return Err("it is stored column by column, expected row by row".into());
    }
    let shape = value(header, "shape", ')').unwrap_or_default().trim_start_matches('(');
    let sides: Vec<&str> = shape.split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
    match sides.as_slice() {
        ["256", "256"] | ["1", "256", "256"] | ["1", "1", "256", "256"] => Ok(()),
        _ => Err(format!("its shape is {}, expected 256×256 or 1×256×256", sides.join("×"))),
    }
}

/// What follows `'key':` up to `end`.
fn value<'a>(header: &'a str, key: &str, end: char) -> Option<&'a str> {
    let after = header.split_once(&format!("'{key}':"))?.1;
    Some(after.split_once(end)?.0.trim())
}
