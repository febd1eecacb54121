//! Tables: a header, then a line a box.

use std::{collections::HashMap, io::BufRead, path::Path};

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::{
    BoxFileError,
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, from_xywh, size_of},
    error::{Place, quoted},
    file::Content,
    paths::tidied,
    resolve::Unit,
    text,
};

const IMAGE: [&str; 6] = ["image", "file", "filename", "file_name", "image_id", "path"];
const LABEL: [&str; 4] = ["label", "class", "class_name", "category"];
const CATEGORY: [&str; 2] = ["category_id", "class_id"];
const SCORE: [&str; 2] = ["score", "confidence"];
const CORNERS: [[&str; 4]; 4] = [
    ["xmin", "ymin", "xmax", "ymax"],
    ["x_min", "y_min", "x_max", "y_max"],
    ["x0", "y0", "x1", "y1"],
    ["x1", "y1", "x2", "y2"],
];
const SIDES: [[&str; 4]; 2] = [["x", "y", "width", "height"], ["x", "y", "w", "h"]];

/// What the header must have, for errors.
const EXPECTED: &str = "the image (image, file, filename, file_name, image_id or path), the box \
    (xmin, ymin, xmax, ymax or x0, y0, x1, y1 or x1, y1, x2, y2 or x, y, width, height), and where \
    there are any the class (label, class, class_name, category) and score (score, confidence)";

/// Which columns say what.
struct Columns {
    image: usize,
    is_number: bool,
    numbers: [usize; 4],
    has_sides: bool,
    label: Option<usize>,
    category: Option<usize>,
    score: Option<usize>,
    /// The image's width and height.
    size: Option<[usize; 2]>,
}

/// Reads the table.
pub(crate) fn read(path: &Path) -> Result<Content, BoxFileError> {
    let mut input = text::open(path)?;
    let delimiter = delimiter(input.fill_buf().map_err(|error| BoxFileError::io(path, error))?);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(input);
    let columns = Columns::of(path, reader.headers().map_err(|error| explained(path, error))?)?;
    let mut table = Table { path, columns, entries: Vec::new(), by_name: HashMap::new() };
    let mut classes = Classes::default();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| explained(path, error))? {
        table.add(&record, &mut classes)?;
    }
    classes.name_numbers(|_| None);
    let entries = table.entries;
    Ok(Content {
        path: path.into(),
        unit: Unit::Pixels,
        place: PlaceKind::Line,
        entries,
        classes,
        crowd: 0,
        skipped_shapes: 0,
    })
}

/// What divides the columns: what the header has most of, and a comma where it has none.
fn delimiter(start: &[u8]) -> u8 {
    let header = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |sign: &u8| header.iter().filter(|&byte| byte == sign).count();
    [b';', b'\t', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn explained(path: &Path, error: csv::Error) -> BoxFileError {
    let line = error.position().map(|position| position.line() as usize);
    let place = Place { line, ..Place::file(path) };
    match error.into_kind() {
        ErrorKind::Io(error) => BoxFileError::io(path, error),
        ErrorKind::Utf8 { .. } => {
            BoxFileError::Encoding { place, found: "a byte that UTF-8 has not".to_owned() }
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let expected = format!("{expected_len}, as in the header");
            BoxFileError::content(place, format!("{len} columns"), expected)
        }
        kind => BoxFileError::Syntax { place, language: "CSV", reason: format!("{kind:?}") },
    }
}

impl Columns {
    fn of(path: &Path, header: &StringRecord) -> Result<Self, BoxFileError> {
        let names: Vec<String> =
            header.iter().map(|name| name.trim().to_lowercase().replace([' ', '-'], "_")).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let any = |wanted: &[&str]| wanted.iter().find_map(|wanted| place(wanted));
        let all = |wanted: &[&str; 4]| -> Option<[usize; 4]> {
            let places: Vec<_> = wanted.iter().map_while(|wanted| place(wanted)).collect();
            places.try_into().ok()
        };
        let missing = |missing| {
            let found: Vec<_> = header.iter().take(30).map(quoted).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            BoxFileError::Header { path: path.into(), missing, found, expected: EXPECTED }
        };
        let image = any(&IMAGE).ok_or_else(|| missing("the image"))?;
        let corners = CORNERS.iter().find_map(&all);
        let numbers = corners.or_else(|| SIDES.iter().find_map(&all));
        let pair = |width, height| place(width).zip(place(height)).map(|(w, h)| [w, h]);
        // Beside left and top they are the box's sides.
        let size = pair("width", "height").filter(|_| corners.is_some());
        Ok(Self {
            image,
            is_number: names[image] == "image_id",
            numbers: numbers.ok_or_else(|| missing("the box"))?,
            has_sides: corners.is_none(),
            label: any(&LABEL),
            category: any(&CATEGORY),
            score: any(&SCORE),
            size: pair("image_width", "image_height").or(size),
        })
    }
}

/// The table as it is read.
struct Table<'a> {
    path: &'a Path,
    columns: Columns,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl Table<'_> {
    fn add(&mut self, record: &StringRecord, classes: &mut Classes) -> Result<(), BoxFileError> {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(column).unwrap_or_default().trim();
        let error = |found: String, expected: &str| {
            BoxFileError::content(Place::line(self.path, line as usize), found, expected)
        };
        let number = |column: usize, what: &str| {
            let text = cell(column);
            text.parse::<f64>().map_err(|_| error(quoted(text), &format!("a number as {what}")))
        };
        let optional = |column: Option<usize>| column.filter(|&column| !cell(column).is_empty());

        let name = cell(self.columns.image);
        if name.is_empty() {
            return Err(error("no image".to_owned(), "the name of its file"));
        }
        let score = optional(self.columns.score).map(|column| number(column, "the score"));
        let score = score.transpose()?;
        let category = optional(self.columns.category).map(|column| {
            let text = cell(column);
            let expected = "a whole number below 4294967296 as the class's number";
            text.parse().map_err(|_| error(quoted(text), expected))
        });
        let label = self.columns.label.map_or("", cell);
        let class = classes.of_both(label, category.transpose()?);
        // An image without boxes has a line without numbers.
        let is_empty = self.columns.numbers.iter().all(|&column| cell(column).is_empty());
        let mut numbers = [0.0; 4];
        if !is_empty {
            for (value, &column) in numbers.iter_mut().zip(&self.columns.numbers) {
                *value = number(column, "a side of the box")?;
            }
        }
        let size = self.columns.size.and_then(|[width, height]| {
            size_of(cell(width).parse().ok(), cell(height).parse().ok())
        });
        let corners = if self.columns.has_sides { from_xywh(numbers) } else { numbers };
        let entry = self.entry(name, size);
        if !is_empty {
            entry.add(corners, score, class, line);
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, size: Option<samkit_core::Size>) -> &mut Entry {
        let name = tidied(name);
        let is_number = self.columns.is_number;
        let place = *self.by_name.entry(name).or_insert_with_key(|name| {
            let number = name.parse().ok().filter(|_| is_number).map(ImageKey::Number);
            let keys = [ImageKey::File(name.clone()), ImageKey::Stem(name.clone())];
            let keys = keys.into_iter().chain(number).collect();
            self.entries.push(Entry { name: name.clone(), keys, size, ..Entry::default() });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }
}
