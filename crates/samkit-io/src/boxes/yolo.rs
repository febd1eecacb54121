//! YOLO's text files, one an image.

use std::path::Path;

use super::{
    BoxFileError, class_names,
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, around},
    error::{Place, quoted},
    file::{Content, Keep},
    folder::Found,
    paths::stem,
    resolve::Unit,
    text,
};
use crate::annotations::Shape;

/// Reads all `files`; the names of their classes are looked for in `folder` and above it, if none
/// are given.
pub(crate) fn read(
    files: &[Found],
    folder: &Path,
    class_names: &[String],
    keep: Keep,
) -> Result<Content, BoxFileError> {
    let mut classes = Classes::default();
    let entries =
        files.iter().map(|file| entry(file, &mut classes, keep)).collect::<Result<_, _>>()?;
    let found = match class_names.is_empty() {
        true => class_names::beside(if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        })?,
        false => (0..).zip(class_names.iter().cloned()).collect(),
    };
    classes.name_numbers(|id| found.get(&id).cloned());
    classes.list(found);
    Ok(Content {
        path: folder.into(),
        unit: Unit::Fractions,
        place: PlaceKind::Line,
        entries,
        classes,
        crowd: 0,
        skipped_shapes: 0,
    })
}

fn entry(file: &Found, classes: &mut Classes, keep: Keep) -> Result<Entry, BoxFileError> {
    let mut entry = Entry {
        name: file.relative.clone(),
        keys: vec![ImageKey::Stem(image_stem(&file.relative))],
        file: Some(file.path.clone()),
        ..Entry::default()
    };
    let mut numbers = Vec::new();
    for (line, text) in (1..).zip(text::read(&file.path)?.lines()) {
        let place = || Place::line(&file.path, line);
        let mut words = text.split_ascii_whitespace();
        let Some(class) = words.next() else { continue };
        let class = classes.of_id(class_number(class).ok_or_else(|| {
            BoxFileError::content(place(), quoted(class), "a class's number, from 0")
        })?);
        numbers.clear();
        for word in words {
            numbers.push(word.parse::<f64>().map_err(|_| {
                BoxFileError::content(place(), quoted(word), "a number behind the class")
            })?);
        }
        let (corners, score) = shape(&numbers).ok_or_else(|| {
            let found = format!("{} numbers behind the class", numbers.len());
            let expected = "4 (centre and sides), 5 (with a score) or a polygon's, \
                            an even number from 6 up";
            BoxFileError::content(place(), found, expected)
        })?;
        // More numbers than a box and its score have are a polygon.
        let is_polygon = keep == Keep::Shapes && numbers.len() > 5;
        let outline = is_polygon.then(|| Shape::outline(numbers.clone()));
        entry.add_thing(corners, score, class, line as u64, outline);
    }
    Ok(entry)
}

/// Programs that write all numbers alike write the class as `3.0`.
fn class_number(word: &str) -> Option<u32> {
    let digits = word.split_once('.').map_or(word, |(whole, zeros)| {
        if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') { whole } else { word }
    });
    digits.parse().ok()
}

type Numbers = (Option<[f64; 4]>, Option<f64>);

/// The corners and the score of a line; none for a number of numbers that means nothing.
fn shape(numbers: &[f64]) -> Option<Numbers> {
    match *numbers {
        [x, y, w, h] => Some((Some(from_centre(x, y, w, h)), None)),
        [x, y, w, h, score] => Some((Some(from_centre(x, y, w, h)), Some(score))),
        [_, _, _, _, _, _, ..] if numbers.len().is_multiple_of(2) => Some((around(numbers), None)),
        _ => None,
    }
}

fn from_centre(x: f64, y: f64, w: f64, h: f64) -> [f64; 4] {
    [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
}

/// The image's path without its ending: that of the text file without the folder `labels`, which
/// stands where the images have `images`.
fn image_stem(relative: &str) -> String {
    let mut parts: Vec<&str> = stem(relative).split('/').collect();
    let folders = &parts[..parts.len() - 1];
    if let Some(place) = folders.iter().rposition(|part| part.eq_ignore_ascii_case("labels")) {
        parts.remove(place);
    }
    parts.join("/")
}
