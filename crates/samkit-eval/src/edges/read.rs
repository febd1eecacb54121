//! Predictions and annotations from files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use image::ImageReader;
use miette::Diagnostic;
use samkit_core::Size;

use super::{Boundaries, Strengths};
use crate::mat::{self, MatError, Matrix, Value};

/// Why a prediction or an annotation could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ReadError {
    /// The file system said no.
    #[error("`{}` could not be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not an image that can be read.
    #[error("`{}` is not a readable image: {source}", path.display())]
    #[diagnostic(help("edge maps are PNG files in grey, 8 or 16 bits; write the file again"))]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: image::ImageError,
    },
    /// A damaged annotation.
    #[error("`{}` is not a readable annotation: {source}", path.display())]
    Mat {
        /// The file.
        path: PathBuf,
        /// Why.
        #[diagnostic_source]
        source: MatError,
    },
    /// A readable file with something else in it.
    #[error("`{}` has no annotation: {what}", path.display())]
    #[diagnostic(help(
        "expected is the variable `groundTruth` of BSDS500: a cell a person, with a field `Boundaries` each"
    ))]
    NoAnnotation {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// An annotation of another size than the image, or than the other annotations.
    #[error("`{}` is {found}, expected {expected}", path.display())]
    #[diagnostic(help("boundaries are compared pixel by pixel; do not scale images or maps"))]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: Size,
        /// That of the image.
        expected: Size,
    },
}

/// Reads an edge map: grey values from 0 to the largest of their type become strengths from 0 to 1.
///
/// # Errors
/// See [`ReadError`]; `size` is that of the image.
pub fn prediction(path: &Path, size: Size) -> Result<Strengths, ReadError> {
    let map = open(path)?.into_luma16();
    let found = Size::new(map.width(), map.height());
    if found != size {
        return Err(ReadError::Size { path: path.to_owned(), found, expected: size });
    }
    let strength = |&value: &u16| f32::from(value) / f32::from(u16::MAX);
    Ok(Strengths::new(size, map.as_raw().iter().map(strength).collect()))
}

/// Reads an image's annotations: a file of BSDS500 (`.mat`), an image in which everything but 0 is
/// boundary, or a folder of such images, one a person.
///
/// # Errors
/// See [`ReadError`]; `size` is that of the image.
pub fn truths(path: &Path, size: Size) -> Result<Vec<Boundaries>, ReadError> {
    let truths = if path.is_dir() {
        images_in(path)?.iter().map(|path| drawn(path)).collect::<Result<_, _>>()?
    } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mat")) {
        annotated(path)?
    } else {
        vec![drawn(path)?]
    };
    if truths.is_empty() {
        let what = "nobody's boundaries are in it".to_owned();
        return Err(ReadError::NoAnnotation { path: path.to_owned(), what });
    }
    match truths.iter().find(|truth| truth.size != size) {
        Some(other) => {
            Err(ReadError::Size { path: path.to_owned(), found: other.size, expected: size })
        }
        None => Ok(truths),
    }
}

fn open(path: &Path) -> Result<image::DynamicImage, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let reader = ImageReader::open(path).map_err(io)?.with_guessed_format().map_err(io)?;
    reader.decode().map_err(|source| ReadError::Image { path: path.to_owned(), source })
}

fn drawn(path: &Path) -> Result<Boundaries, ReadError> {
    let map = open(path)?.into_luma16();
    let size = Size::new(map.width(), map.height());
    Ok(Boundaries::new(size, map.as_raw().iter().map(|&value| value > 0).collect()))
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let io = |source| ReadError::Io { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(io)?;
    let paths =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(io)?;
    let is_png = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    let mut paths: Vec<_> = paths.into_iter().filter(is_png).collect();
    paths.sort();
    Ok(paths)
}

fn annotated(path: &Path) -> Result<Vec<Boundaries>, ReadError> {
    let variables =
        mat::read(path).map_err(|source| ReadError::Mat { path: path.to_owned(), source })?;
    boundaries(&variables).map_err(|what| ReadError::NoAnnotation { path: path.to_owned(), what })
}

/// The field `Boundaries` of every cell of `groundTruth`.
fn boundaries(variables: &[(String, Value)]) -> Result<Vec<Boundaries>, String> {
    let truth = variables.iter().find(|(name, _)| name == "groundTruth");
    let Some((_, Value::Cells(people))) = truth else {
        let names: Vec<_> = variables.iter().map(|(name, _)| format!("`{name}`")).collect();
        return Err(match truth {
            Some(_) => "`groundTruth` is not a list of cells".to_owned(),
            None if names.is_empty() => "the file has no variables".to_owned(),
            None => format!("there is no `groundTruth`, only {}", names.join(", ")),
        });
    };
    people.iter().enumerate().map(|(i, person)| of_person(person, i + 1)).collect()
}

fn of_person(person: &Value, number: usize) -> Result<Boundaries, String> {
    let records = match person {
        Value::Structs(records) => records.as_slice(),
        _ => &[],
    };
    let fields = records.iter().flatten();
    match fields.into_iter().find(|(name, _)| name == "Boundaries") {
        Some((_, Value::Numbers(map))) if map.rows > 0 && map.columns > 0 => Ok(row_by_row(map)),
        Some(_) => Err(format!("`Boundaries` of cell {number} is not a map")),
        None => Err(format!("cell {number} has no field `Boundaries`")),
    }
}

fn row_by_row(map: &Matrix) -> Boundaries {
    let size = Size::new(map.columns as u32, map.rows as u32);
    let at = |i: usize| map.values[i % map.columns * map.rows + i / map.columns] != 0.0;
    Boundaries::new(size, (0..map.values.len()).map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(rows: usize, columns: usize, values: &[f64]) -> Value {
        Value::Numbers(Matrix { rows, columns, values: values.to_vec() })
    }

    fn person(map: Value) -> Value {
        let other = ("Segmentation".to_owned(), numbers(1, 1, &[1.0]));
        Value::Structs(vec![vec![other, ("Boundaries".to_owned(), map)]])
    }

    #[test]
    fn columns_become_rows() {
        let people = Value::Cells(vec![person(numbers(2, 3, &[1.0, 0.0, 0.0, 0.0, 1.0, 1.0]))]);
        let got = boundaries(&[("groundTruth".to_owned(), people)]).expect("one person");
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].size, Size::new(3, 2));
        assert_eq!(got[0].pixels, [true, false, true, false, false, true]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let said = |variables: &[(&str, Value)]| {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            boundaries(&variables).expect_err("no annotation")
        };
        assert!(said(&[]).contains("no variables"));
        assert!(said(&[("x", numbers(1, 1, &[1.0]))]).contains("only `x`"));
        assert!(said(&[("groundTruth", numbers(1, 1, &[1.0]))]).contains("not a list"));
        let cells = |value| Value::Cells(vec![value]);
        let one = cells(numbers(1, 1, &[1.0]));
        assert!(said(&[("groundTruth", one)]).contains("cell 1 has no field"));
        let empty = cells(person(numbers(0, 0, &[])));
        assert!(said(&[("groundTruth", empty)]).contains("not a map"));
    }
}
