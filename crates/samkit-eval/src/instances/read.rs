//! Reading annotations and results, with errors that say what a file is instead.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind},
    path::Path,
};

use hotcoco::{Annotation, COCO};
use serde_json::error::Category;

use super::InstancesError;

const DATASET: &str =
    "expected COCO annotations: an object with the lists `images`, `annotations` and `categories`";
const RESULTS: &str = "expected COCO results: a list of objects with `image_id`, `category_id`, \
    `score`, and `bbox` or `segmentation`";

/// A COCO data set.
pub(super) fn annotations(path: &Path) -> Result<COCO, InstancesError> {
    if begins_with(path, DATASET)? == Some(b'[') {
        return Err(InstancesError::NoDataset { path: path.to_owned() });
    }
    COCO::new(path).map_err(|error| match error {
        hotcoco::Error::Json(error) => json(path, &error, DATASET),
        error => unreadable(path, error.to_string(), DATASET),
    })
}

/// COCO results. (Not by `COCO::load_res`, which also takes data sets, and prints what it thinks.)
pub(super) fn results(path: &Path) -> Result<Vec<Annotation>, InstancesError> {
    if begins_with(path, RESULTS)? == Some(b'{') {
        return Err(InstancesError::NoResults { path: path.to_owned() });
    }
    let file = File::open(path).map_err(|error| unreadable(path, error.to_string(), RESULTS))?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| json(path, &error, RESULTS))
}

/// The first byte that is no blank.
fn begins_with(path: &Path, expected: &'static str) -> Result<Option<u8>, InstancesError> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => InstancesError::Missing { path: path.to_owned(), expected },
        _ => unreadable(path, error.to_string(), expected),
    };
    if path.is_dir() {
        return Err(unreadable(path, "it is a folder, and no file".to_owned(), expected));
    }
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    loop {
        let bytes = file.fill_buf().map_err(failed)?;
        if let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some(*first));
        }
        match bytes.len() {
            0 => return Ok(None),
            read => file.consume(read),
        }
    }
}

fn unreadable(path: &Path, reason: String, expected: &'static str) -> InstancesError {
    InstancesError::Read { path: path.to_owned(), reason, expected }
}

/// What serde says, in words for people.
fn json(path: &Path, error: &serde_json::Error, expected: &'static str) -> InstancesError {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let said = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
    let what = match error.classify() {
        Category::Data => {
            said.replace("invalid type: ", "found ").replace("invalid value: ", "found ")
        }
        Category::Eof => "the file ends too early".to_owned(),
        Category::Syntax | Category::Io => format!("it is not valid JSON: {said}"),
    };
    let what = what.replace("a non-negative integer", "a whole number");
    let reason = match line {
        0 => what,
        _ => format!("line {line}, column {column}: {what}"),
    };
    unreadable(path, reason, expected)
}
