//! Which files are to be read, and in which format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::{self, MapAccess};
use walkdir::{DirEntry, WalkDir};

use super::{
    BoxFileError, BoxFormat,
    json::{self, Fields, Object},
    paths::spelled,
    scalar, text,
};

/// A file with boxes.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// Its path below the folder that was named; only its name where it was named itself.
    pub(crate) relative: String,
}

impl Found {
    pub(crate) fn alone(path: &Path) -> Self {
        let relative = path.file_name().map(Path::new).unwrap_or(path);
        Self { path: path.to_owned(), relative: spelled(relative) }
    }

    pub(crate) fn has_ending(&self, endings: &[&str]) -> bool {
        let ending = ending(&self.path);
        endings.contains(&ending.as_str())
    }

    pub(crate) fn is_called(&self, names: &[&str]) -> bool {
        let name = self.relative.rsplit('/').next().unwrap_or_default();
        names.contains(&name.to_lowercase().as_str())
    }

    fn is_in_labels(&self) -> bool {
        let mut folders = self.relative.split('/').rev().skip(1);
        folders.any(|folder| folder.eq_ignore_ascii_case("labels"))
    }
}

/// What is to be read.
#[derive(Debug)]
pub(crate) enum Source {
    File(BoxFormat, Found),
    /// A folder, in a format that has a file an image.
    Folder(BoxFormat, Vec<Found>),
}

/// Finds out what `path` is, if `format` does not say.
pub(crate) fn source(path: &Path, format: Option<BoxFormat>) -> Result<Source, BoxFileError> {
    let about = fs::metadata(path).map_err(|error| BoxFileError::io(path, error))?;
    if about.is_dir() {
        return in_folder(path, format);
    }
    let format = match format {
        Some(format) => format,
        None => recognised(path)?,
    };
    Ok(Source::File(format, Found::alone(path)))
}

fn in_folder(folder: &Path, format: Option<BoxFormat>) -> Result<Source, BoxFileError> {
    use BoxFormat::{Coco, CocoResults, Csv, Labelme, Voc, Yolo};
    if let Some(format @ (Coco | CocoResults | Csv)) = format {
        return Err(BoxFileError::Folder { path: folder.into(), format });
    }
    let all = files(folder)?;
    let with = |endings: &[&str]| -> Vec<Found> {
        all.iter().filter(|file| file.has_ending(endings)).cloned().collect()
    };
    let none = |expected| BoxFileError::NoneInFolder { path: folder.into(), expected };
    let some = |files: Vec<Found>, format, expected| match files.is_empty() {
        true => Err(none(expected)),
        false => Ok(Source::Folder(format, files)),
    };
    let (xml, txt, json, csv) =
        (with(&["xml"]), yolo_files(with(&["txt"])), with(&["json"]), with(&["csv", "tsv"]));
    match format {
        Some(Voc) => return some(xml, Voc, ".xml files"),
        Some(Yolo) => return some(txt, Yolo, ".txt files"),
        Some(_) => return some(json, Labelme, ".json files"),
        None => {}
    }
    // The lists of VOC's and the tables of YOLO's data sets lie beside the annotations.
    let has_labels = txt.iter().any(Found::is_in_labels);
    match (&xml[..], &txt[..], &json[..], &csv[..]) {
        ([], [], [], []) => Err(none(".xml, .txt, .json or .csv files")),
        ([_, ..], _, [], _) if !has_labels => Ok(Source::Folder(Voc, xml)),
        ([], [_, ..], _, _) if has_labels || json.is_empty() => Ok(Source::Folder(Yolo, txt)),
        ([], [], [one], []) => Ok(match recognised(&one.path)? {
            Labelme => Source::Folder(Labelme, json),
            format => Source::File(format, Found::alone(&one.path)),
        }),
        ([], [], [_, ..], []) => Ok(Source::Folder(Labelme, json)),
        ([], [], [], [one]) => Ok(Source::File(Csv, Found::alone(&one.path))),
        _ => {
            let kinds = [(".xml", xml.len()), (".txt", txt.len()), (".json", json.len())];
            let kinds = kinds.into_iter().chain([(".csv", csv.len())]);
            let kinds = kinds.filter(|&(_, count)| count > 0);
            let found = kinds.map(|(ending, count)| format!("{count} {ending}"));
            let found = found.collect::<Vec<_>>().join(" and ") + " files";
            Err(BoxFileError::Mixed { path: folder.into(), found })
        }
    }
}

/// Text files that can hold boxes: those in folders called `labels` where there is one, and no list
/// of classes.
fn yolo_files(mut files: Vec<Found>) -> Vec<Found> {
    files.retain(|file| !file.is_called(&["classes.txt", "labels.txt"]));
    if files.iter().any(Found::is_in_labels) {
        files.retain(Found::is_in_labels);
    }
    files
}

/// What samkit writes beside maps of classes.
const LEGEND: &str = "classes.csv";

/// All files below the folder but hidden ones and legends, in the order of their names.
pub(crate) fn files(folder: &Path) -> Result<Vec<Found>, BoxFileError> {
    let is_visible = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let mut files = Vec::new();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(is_visible) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && entry.file_name() != LEGEND => {
                let path = entry.into_path();
                let relative = spelled(path.strip_prefix(folder).unwrap_or(&path));
                files.push(Found { path, relative });
            }
            Ok(_) => {}
            // A link up to a folder that is being searched already.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                return Err(BoxFileError::io(&path, error.into()));
            }
        }
    }
    Ok(files)
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The format of a file by its ending and content.
fn recognised(path: &Path) -> Result<BoxFormat, BoxFileError> {
    match ending(path).as_str() {
        "xml" => return Ok(BoxFormat::Voc),
        "csv" | "tsv" => return Ok(BoxFormat::Csv),
        "txt" => return Ok(BoxFormat::Yolo),
        _ => {}
    }
    let unrecognised = |found: String| BoxFileError::Unrecognised { path: path.into(), found };
    let first = text::first_sign(&mut text::open(path)?);
    match first.map_err(|error| BoxFileError::io(path, error))? {
        Some(b'[') => Ok(BoxFormat::CocoResults),
        Some(b'<') => Ok(BoxFormat::Voc),
        Some(b'{') => {
            let mut signs = Signs::default();
            let outcome = json::read(path, Fields(&mut signs));
            // The search ends with an error where it finds something.
            match signs.format {
                Some(format) => Ok(format),
                None => outcome.and_then(|()| Err(unrecognised(json::said(&signs.keys)))),
            }
        }
        Some(_) => Err(unrecognised("it is neither JSON nor XML".to_owned())),
        None => Err(unrecognised("it is empty".to_owned())),
    }
}

/// Keys that give a JSON file's format away.
#[derive(Default)]
struct Signs {
    format: Option<BoxFormat>,
    keys: Vec<String>,
}

impl Object for Signs {
    const WHAT: &'static str = "a JSON object";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.format = match key {
            "images" | "annotations" | "categories" => Some(BoxFormat::Coco),
            "shapes" | "imagePath" => Some(BoxFormat::Labelme),
            _ => None,
        };
        if self.format.is_some() {
            return Err(de::Error::custom("found"));
        }
        if self.keys.len() < 20 {
            self.keys.push(key.to_owned());
        }
        scalar::skip(map)
    }
}
