//! Opening text files, whatever a program put before the text.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use super::{BoxFileError, error::Place};

/// Opens a UTF-8 text behind its byte-order mark, if it has one.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, BoxFileError> {
    let file = File::open(path).map_err(|error| BoxFileError::io(path, error))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let start = reader.fill_buf().map_err(|error| BoxFileError::io(path, error))?;
    let mark = match start {
        [0xef, 0xbb, 0xbf, ..] => 3,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            let found = "it is UTF-16".to_owned();
            return Err(BoxFileError::Encoding { place: Place::file(path), found });
        }
        _ => 0,
    };
    reader.consume(mark);
    Ok(reader)
}

/// All of a text file, for formats with one file an image.
pub(crate) fn read(path: &Path) -> Result<String, BoxFileError> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| BoxFileError::io(path, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let line = line_of(error.as_bytes(), place);
        let found = format!("a byte 0x{:02x}", error.as_bytes()[place]);
        BoxFileError::Encoding { place: Place::line(path, line), found }
    })
}

/// The line, from 1, that the byte at `offset` is in.
pub(crate) fn line_of(bytes: &[u8], offset: usize) -> usize {
    let before = &bytes[..offset.min(bytes.len())];
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// The first byte that is no white space, within the first 64 KiB.
pub(crate) fn first_sign(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    let start = reader.fill_buf()?;
    Ok(start.iter().copied().find(|byte| !byte.is_ascii_whitespace()))
}
