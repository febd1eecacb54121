//! Long arrays of JSON, one item a line.

use std::io::{self, Write};

use serde::Serialize;

/// An array that is written item by item, so that it need not fit the memory, and can be read line by
/// line.
pub(crate) struct Lines<W> {
    file: W,
    is_empty: bool,
}

impl<W: Write> Lines<W> {
    /// Opens the array.
    pub(crate) fn begin(mut file: W) -> io::Result<Self> {
        file.write_all(b"[")?;
        Ok(Self { file, is_empty: true })
    }

    pub(crate) fn push(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.file.write_all(if self.is_empty { b"\n" } else { b",\n" })?;
        self.is_empty = false;
        Ok(serde_json::to_writer(&mut self.file, item)?)
    }

    /// Closes the array. What follows is up to the caller.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.file.write_all(if self.is_empty { b"]" } else { b"\n]" })
    }
}
