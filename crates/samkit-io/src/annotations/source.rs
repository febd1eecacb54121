//! Which files are to be read, and in which format, where boxes' formats are not all there is.

use std::{collections::BTreeSet, fs, path::Path};

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess};

use super::{AnnotationError, AnnotationFormat, AnnotationOptions, geojson, label_map, records};
use crate::{
    BoxOptions,
    boxes::{
        error::BoxFileError,
        file::{self, Content, Keep},
        folder::{self, Found},
        json::{self, Fields, Items, List, Object},
        scalar, text,
    },
};

/// How many JSON files of a folder are looked into for what they are.
const LOOKED_INTO: usize = 20;

/// Reads a file or folder, and says which format it is in.
pub(super) fn content(
    path: &Path,
    options: &AnnotationOptions,
) -> Result<(AnnotationFormat, Content), AnnotationError> {
    let about = fs::metadata(path).map_err(|error| BoxFileError::io(path, error))?;
    let files = match about.is_dir() {
        true => folder::files(path)?,
        false => vec![Found::alone(path)],
    };
    let format = match options.format {
        Some(format) => Some(format),
        None if about.is_dir() => in_folder(path, &files)?,
        None => of_file(&files[0]),
    };
    if let Some(format) = format.filter(|format| format.of_boxes().is_none()) {
        if options.data_set.is_some() {
            return Err(AnnotationError::NoUseForDataSet { path: path.into(), format });
        }
        let files = if about.is_dir() { of_format(path, files, format)? } else { files };
        let mut content = match format {
            AnnotationFormat::Labels => label_map::read(&files, options)?,
            AnnotationFormat::Samkit => records::read(&files, &options.class_names)?,
            _ => geojson::read(&files)?,
        };
        content.path = path.into();
        return Ok((format, content));
    }
    let boxes = BoxOptions {
        format: format.and_then(AnnotationFormat::of_boxes),
        class_names: options.class_names.clone(),
        images: options.data_set.clone(),
    };
    let (format, content) = file::content(path, &boxes, Keep::Shapes)?;
    Ok((format.into(), content))
}

/// The files of a folder that a format can be in.
fn of_format(
    folder: &Path,
    files: Vec<Found>,
    format: AnnotationFormat,
) -> Result<Vec<Found>, AnnotationError> {
    let (endings, expected): (&[&str], _) = match format {
        AnnotationFormat::Labels => (&["png"], ".png files"),
        AnnotationFormat::Samkit => {
            (&["json"], "files called STEM.masks.json or after another task")
        }
        _ => (&["geojson", "json"], ".geojson files"),
    };
    let mut files = files;
    files.retain(|file| file.has_ending(endings));
    match format {
        // Beside label maps samkit puts pictures.
        AnnotationFormat::Labels => {
            for called in [label_map::LABELS, label_map::CLASSES] {
                prefer(&mut files, |file| file.relative.ends_with(&format!("{called}.png")));
            }
        }
        AnnotationFormat::Samkit => {
            files.retain(|file| task(file).is_some());
            let tasks: BTreeSet<_> = files.iter().filter_map(task).collect();
            if tasks.len() > 1 {
                let tasks: Vec<_> = tasks.into_iter().collect();
                let found = format!("files of several tasks ({})", tasks.join(", "));
                return Err(BoxFileError::Mixed { path: folder.into(), found }.into());
            }
        }
        _ => prefer(&mut files, |file| file.has_ending(&["geojson"])),
    }
    match files.is_empty() {
        true => Err(BoxFileError::NoneInFolder { path: folder.into(), expected }.into()),
        false => Ok(files),
    }
}

/// Keeps the files that are better, where there are any.
fn prefer(files: &mut Vec<Found>, is_better: impl Fn(&Found) -> bool) {
    if files.iter().any(&is_better) {
        files.retain(is_better);
    }
}

/// The task that a JSON file is called after, behind its image: `run.json` is not, and labelme's are
/// in another format.
fn task(file: &Found) -> Option<&str> {
    let name = file.relative.rsplit('/').next()?.strip_suffix(".json")?;
    let (_, task) = name.rsplit_once('.')?;
    (task != "labelme").then_some(task)
}

/// The format of a folder's files; none where boxes' formats are to be looked for.
fn in_folder(folder: &Path, files: &[Found]) -> Result<Option<AnnotationFormat>, BoxFileError> {
    use AnnotationFormat::{Coco, CocoResults, Geojson, Labels};
    // Names of classes lie beside annotations of several formats.
    let is_legend = |file: &Found| file.is_called(&["classes.csv", "classes.txt"]);
    let files: Vec<_> = files.iter().filter(|file| !is_legend(file)).collect();
    let has = |endings: &[&str]| files.iter().any(|file| file.has_ending(endings));
    if has(&["xml", "txt", "csv", "tsv"]) {
        return Ok(None);
    }
    if has(&["geojson"]) {
        return Ok(Some(Geojson));
    }
    if !has(&["json"]) {
        return Ok(has(&["png"]).then_some(Labels));
    }
    let jsons = files.iter().filter(|file| file.has_ending(&["json"])).take(LOOKED_INTO);
    let known: Vec<_> = jsons.filter_map(|file| of_file(file)).collect();
    let mut formats = known.clone();
    formats.dedup();
    let is_one_file = matches!(formats[..], [Coco | CocoResults]) && known.len() > 1;
    if formats.len() > 1 || is_one_file {
        let names: Vec<_> = known.iter().take(3).map(|format| format.name()).collect();
        let found = format!("several data sets ({}, …)", names.join(", "));
        return Err(BoxFileError::Mixed { path: folder.into(), found });
    }
    Ok(formats.first().copied().filter(|format| format.of_boxes().is_none()))
}

/// The format of a file, if it is not for the reader of boxes to tell.
fn of_file(file: &Found) -> Option<AnnotationFormat> {
    if file.has_ending(&["png"]) {
        return Some(AnnotationFormat::Labels);
    }
    if file.has_ending(&["geojson"]) {
        return Some(AnnotationFormat::Geojson);
    }
    if !file.has_ending(&["json"]) {
        return None;
    }
    let first = text::first_sign(&mut text::open(&file.path).ok()?).ok()??;
    let mut signs = Signs::default();
    // The search ends with an error where it finds something.
    let _ = match first {
        b'[' => json::read(&file.path, Items(&mut FirstOf(&mut signs))),
        b'{' => json::read(&file.path, Fields(&mut signs)),
        _ => return None,
    };
    match first {
        b'[' if signs.has_image => Some(AnnotationFormat::CocoResults),
        b'[' if signs.has_record => Some(AnnotationFormat::Samkit),
        _ => signs.format,
    }
}

/// Keys that give a JSON file's format away.
#[derive(Default)]
struct Signs {
    format: Option<AnnotationFormat>,
    has_image: bool,
    has_record: bool,
}

impl Object for Signs {
    const WHAT: &'static str = "a JSON object";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "features" | "geometry" | "geometries" => self.format = Some(AnnotationFormat::Geojson),
            "shapes" | "imagePath" => self.format = Some(AnnotationFormat::Labelme),
            "images" | "annotations" | "categories" => self.format = Some(AnnotationFormat::Coco),
            "image_id" => self.has_image = true,
            "bbox" | "segmentation" => self.has_record = true,
            _ => {}
        }
        match self.format {
            Some(_) => Err(de::Error::custom("found")),
            None => scalar::skip(map),
        }
    }
}

/// Looks into the first item of a list.
struct FirstOf<'a>(&'a mut Signs);

impl List for FirstOf<'_> {
    const WHAT: &'static str = "a list of objects";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        if items.next_element_seed(Fields(&mut *self.0))?.is_none() {
            return Ok(false);
        }
        match self.0.has_image || self.0.has_record {
            true => Err(de::Error::custom("found")),
            // The rest is passed over.
            false => items.next_element::<IgnoredAny>().map(|_| false),
        }
    }
}
