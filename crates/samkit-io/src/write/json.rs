//! JSON files.

use std::{io::Write, path::Path};

use serde::Serialize;

use super::{WriteError, write_atomically};

/// Writes `value` as indented JSON with a newline at the end.
///
/// # Errors
/// When the file cannot be written, or `value` has no form in JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}
