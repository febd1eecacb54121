//! Label maps: PNG images whose values are the numbers of things.
//!
//! What the numbers mean is not in the file. With names of classes they are classes: those given, or
//! those of a `classes.csv` beside files called `STEM.classes.png`, as samkit writes both.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use samkit_core::{Rle, Size};

use super::{
    AnnotationError, AnnotationOptions, png_values,
    shape::{Part, Shape},
};
use crate::{
    boxes::{
        classes::Classes,
        entry::{Entry, ImageKey, PlaceKind},
        file::Content,
        folder::Found,
        paths::stem,
        resolve::Unit,
    },
    read::read_bytes,
};

/// Endings of names that samkit gives to label maps, before `.png`.
pub(super) const LABELS: &str = ".labels";
pub(super) const CLASSES: &str = ".classes";

/// Reads all `files`.
pub(super) fn read(
    files: &[Found],
    options: &AnnotationOptions,
) -> Result<Content, AnnotationError> {
    let mut classes = Classes::default();
    let mut names: HashMap<u32, String> = (0..).zip(options.class_names.iter().cloned()).collect();
    let mut entries = Vec::new();
    for file in files {
        let is_classes = stem(&file.relative).ends_with(CLASSES);
        if is_classes && names.is_empty() {
            names = file.path.parent().map(legend).unwrap_or_default();
        }
        entries.push(entry(file, options, is_classes || !names.is_empty(), &mut classes)?);
    }
    classes.name_numbers(|id| names.get(&id).cloned());
    classes.list(names);
    Ok(Content {
        path: PathBuf::new(),
        unit: Unit::Pixels,
        place: PlaceKind::Value,
        entries,
        classes,
        crowd: 0,
        skipped_shapes: 0,
    })
}

fn entry(
    file: &Found,
    options: &AnnotationOptions,
    is_classes: bool,
    classes: &mut Classes,
) -> Result<Entry, AnnotationError> {
    let bytes = read_bytes(&file.path, options.limits.max_memory)?;
    let values = png_values::read(&bytes, options.limits.max_pixels);
    let (size, values) =
        values.map_err(|found| AnnotationError::LabelMap { path: file.path.clone(), found })?;
    let own = stem(&file.relative);
    let short = [LABELS, CLASSES].iter().find_map(|ending| own.strip_suffix(ending));
    let keys = short.into_iter().chain([own]).map(|stem| ImageKey::Stem(stem.to_owned()));
    let mut entry = Entry {
        name: file.relative.clone(),
        keys: keys.collect(),
        file: Some(file.path.clone()),
        size: Some(size),
        ..Entry::default()
    };
    for (value, mask) in masks(size, &values) {
        let class = match is_classes {
            true => classes.of_id(value.into()),
            false => classes.of_label(""),
        };
        let shape = Shape(vec![Part::Mask(mask)]);
        entry.add_thing(None, None, class, value.into(), Some(shape));
    }
    Ok(entry)
}

/// The mask of every value but 0, in the order of the values.
fn masks(size: Size, values: &[u16]) -> BTreeMap<u16, Rle> {
    // Start and end of every run down the columns, which may go on at the top of the next one.
    let mut spans: BTreeMap<u16, Vec<[u32; 2]>> = BTreeMap::new();
    let width = size.width as usize;
    let mut start = 0;
    for x in 0..width {
        let column = values[x..].iter().step_by(width);
        let mut rest = column.copied().peekable();
        while let Some(value) = rest.next() {
            let mut end = start + 1;
            while rest.next_if_eq(&value).is_some() {
                end += 1;
            }
            if value != 0 {
                let spans = spans.entry(value).or_default();
                match spans.last_mut() {
                    Some(last) if last[1] == start => last[1] = end,
                    _ => spans.push([start, end]),
                }
            }
            start = end;
        }
    }
    let total = start;
    let mask = |spans: Vec<[u32; 2]>| {
        let mut counts = Vec::with_capacity(2 * spans.len() + 1);
        let mut position = 0;
        for [start, end] in spans {
            counts.extend([start - position, end - start]);
            position = end;
        }
        if position < total {
            counts.push(total - position);
        }
        Rle::from_counts(size, counts).expect("the runs are those of all pixels")
    };
    spans.into_iter().map(|(value, spans)| (value, mask(spans))).collect()
}

/// The names in `classes.csv`; none where there is no such table.
fn legend(folder: &Path) -> HashMap<u32, String> {
    let Ok(mut reader) = csv::Reader::from_path(folder.join("classes.csv")) else {
        return HashMap::new();
    };
    let rows = reader.records().map_while(Result::ok);
    rows.filter_map(|row| Some((row.get(0)?.trim().parse().ok()?, row.get(1)?.to_owned())))
        .collect()
}
