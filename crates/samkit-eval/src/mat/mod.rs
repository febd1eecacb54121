//! A reader for MATLAB's level 5 files, as far as annotations use them: cells, structs and numbers.
//!
//! After *MAT-File Format* (MathWorks), chapter 1. Both byte orders and compressed elements are read;
//! objects, sparse matrices and complex numbers are refused by name. What a file says of its sizes is
//! never trusted with memory: everything is cut out of bytes that are there.

mod bytes;

use std::{fs, io, io::Read, path::Path};

use flate2::read::ZlibDecoder;
use miette::Diagnostic;

use bytes::{Bytes, Element};

/// A value in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A list of values, column by column.
    Cells(Vec<Value>),
    /// A list of records, column by column; each has the same fields in the same order.
    Structs(Vec<Vec<(String, Value)>>),
    /// Numbers or truth values (0 and 1).
    Numbers(Matrix),
    /// Text.
    Text(String),
}

/// Numbers, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows and columns; further dimensions are counted as columns.
    pub rows: usize,
    /// See `rows`.
    pub columns: usize,
    /// rows · columns numbers, column by column.
    pub values: Vec<f64>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum MatError {
    /// The file system said no.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
    /// Something else than a level 5 file.
    #[error("not a MATLAB level 5 file ({0})")]
    #[diagnostic(help(
        "files saved with `-v7.3` are HDF5 and those with `-v4` are older; save with `-v7` in MATLAB"
    ))]
    OtherFormat(&'static str),
    /// The file breaks off or contradicts itself.
    #[error("damaged at byte {at}{}: {what}", if *.compressed { " of the decompressed data" } else { "" })]
    #[diagnostic(help("copy or download the file again"))]
    Damaged {
        /// Where.
        at: usize,
        /// Whether that counts decompressed bytes.
        compressed: bool,
        /// What was found, and what was expected.
        what: String,
    },
    /// Something that annotations do not use.
    #[error("{0} are not supported")]
    Unsupported(&'static str),
}

/// Most bytes that a compressed element may hold.
const MAX_DECOMPRESSED: u64 = 1 << 30;
/// How deep values may be nested.
const MAX_DEPTH: usize = 32;

/// Reads the variables of a file, in its order.
///
/// # Errors
/// See [`MatError`].
pub fn read(path: &Path) -> Result<Vec<(String, Value)>, MatError> {
    parse(&fs::read(path)?)
}

/// The same from memory.
///
/// # Errors
/// See [`MatError`].
pub fn parse(file: &[u8]) -> Result<Vec<(String, Value)>, MatError> {
    const HEADER: usize = 128;
    if file.starts_with(b"\x89HDF") || file.get(..19) == Some(b"MATLAB 7.3 MAT-file") {
        return Err(MatError::OtherFormat("it is HDF5, as `-v7.3` saves it"));
    }
    let is_big = match file.get(HEADER - 2..HEADER) {
        Some(b"IM") => false,
        Some(b"MI") => true,
        Some(_) => return Err(MatError::OtherFormat("its header has no byte order")),
        None => return Err(MatError::OtherFormat("it is shorter than a header")),
    };
    let mut bytes = Bytes::new(file, HEADER, is_big, false);
    let mut variables = Vec::new();
    while !bytes.is_at_end() {
        let element = bytes.element()?;
        match element.kind {
            bytes::COMPRESSED => {
                let data = decompressed(&element)?;
                let mut inner = Bytes::new(&data, 0, is_big, true);
                let element = inner.element()?;
                variables.extend(variable(&element)?);
            }
            _ => variables.extend(variable(&element)?),
        }
    }
    Ok(variables)
}

fn decompressed(element: &Element<'_>) -> Result<Vec<u8>, MatError> {
    let mut data = Vec::new();
    let decoder = ZlibDecoder::new(element.data.rest());
    let read = decoder.take(MAX_DECOMPRESSED + 1).read_to_end(&mut data);
    read.map_err(|error| element.data.damaged(format!("bad compressed data: {error}")))?;
    if data.len() as u64 > MAX_DECOMPRESSED {
        return Err(element.data.damaged("more than 1 GiB of compressed data".to_owned()));
    }
    Ok(data)
}

/// A matrix element with its name; other elements are no variables.
fn variable(element: &Element<'_>) -> Result<Option<(String, Value)>, MatError> {
    match element.kind {
        bytes::MATRIX => matrix(element, 0).map(Some),
        _ => Ok(None),
    }
}

fn matrix(element: &Element<'_>, depth: usize) -> Result<(String, Value), MatError> {
    let mut parts = element.data;
    if parts.is_at_end() {
        let empty = Matrix { rows: 0, columns: 0, values: Vec::new() };
        return Ok((String::new(), Value::Numbers(empty)));
    }
    if depth > MAX_DEPTH {
        return Err(parts.damaged(format!("nested deeper than {MAX_DEPTH} levels")));
    }
    let flags = parts.element()?.numbers()?;
    let Some(&flags) = flags.first() else {
        return Err(parts.damaged("a matrix without flags".to_owned()));
    };
    let flags = flags as u32;
    if flags & 0x800 != 0 {
        return Err(MatError::Unsupported("complex numbers"));
    }
    let dimensions: Vec<usize> =
        parts.element()?.numbers()?.into_iter().map(|n| n.max(0.0) as usize).collect();
    let count = dimensions.iter().try_fold(1usize, |all, &n| all.checked_mul(n));
    let (Some(count), [rows, _, ..]) = (count, dimensions.as_slice()) else {
        return Err(parts.damaged(format!("dimensions of {dimensions:?}")));
    };
    let name = parts.element()?.text();
    let value = match flags & 0xff {
        1 => Value::Cells(cells(&mut parts, count, depth)?),
        2 => Value::Structs(structs(&mut parts, count, depth)?),
        3 => return Err(MatError::Unsupported("objects")),
        4 => Value::Text(text(&mut parts)?),
        5 => return Err(MatError::Unsupported("sparse matrices")),
        6..=15 => {
            let values = parts.element()?.numbers()?;
            if values.len() != count {
                let what = format!("{} numbers in a matrix of {dimensions:?}", values.len());
                return Err(parts.damaged(what));
            }
            let columns = if *rows == 0 { 0 } else { count / rows };
            Value::Numbers(Matrix { rows: *rows, columns, values })
        }
        other => return Err(parts.damaged(format!("a matrix of the unknown class {other}"))),
    };
    Ok((name, value))
}

fn text(parts: &mut Bytes<'_>) -> Result<String, MatError> {
    let element = parts.element()?;
    if element.kind == bytes::UTF8 {
        return Ok(element.text());
    }
    let codes = element.numbers()?;
    Ok(codes.iter().map(|&code| char::from_u32(code as u32).unwrap_or('\u{fffd}')).collect())
}

fn cells(parts: &mut Bytes<'_>, count: usize, depth: usize) -> Result<Vec<Value>, MatError> {
    // Not reserved by `count`, which the file may have wrong.
    let mut cells = Vec::new();
    for _ in 0..count {
        cells.push(nested(parts, depth)?);
    }
    Ok(cells)
}

fn structs(
    parts: &mut Bytes<'_>,
    count: usize,
    depth: usize,
) -> Result<Vec<Vec<(String, Value)>>, MatError> {
    let length = parts.element()?.numbers()?.first().map_or(0, |&n| n.max(0.0) as usize);
    let names = parts.element()?;
    if length == 0 {
        return Err(parts.damaged("field names of no length".to_owned()));
    }
    let names: Vec<String> = names.data.rest().chunks(length).map(bytes::until_zero).collect();
    if names.is_empty() && count > 0 {
        return Ok(Vec::new());
    }
    let mut records = Vec::new();
    for _ in 0..count {
        let mut record = Vec::new();
        for name in &names {
            record.push((name.clone(), nested(parts, depth)?));
        }
        records.push(record);
    }
    Ok(records)
}

fn nested(parts: &mut Bytes<'_>, depth: usize) -> Result<Value, MatError> {
    let element = parts.element()?;
    if element.kind != bytes::MATRIX {
        return Err(
            parts.damaged(format!("an element of type {}, expected a matrix", element.kind))
        );
    }
    Ok(matrix(&element, depth + 1)?.1)
}

#[cfg(test)]
mod tests;
