//! The JSON lists that samkit writes for an image: masks as the reference has them
//! (`STEM.masks.json`), and what tasks find (`STEM.instances.json`, `STEM.detect.json`).

use std::path::PathBuf;

use serde::de::{MapAccess, SeqAccess};

use super::{AnnotationError, Segmentation, shape::Shape};
use crate::boxes::{
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, from_xywh},
    file::Content,
    folder::Found,
    json::{self, Fields, Items, List, Object},
    paths::stem,
    resolve::Unit,
    scalar::{self, Numbers},
};

/// Reads all `files`.
pub(super) fn read(files: &[Found], class_names: &[String]) -> Result<Content, AnnotationError> {
    let mut classes = Classes::default();
    let mut entries = Vec::new();
    for file in files {
        let mut records = Records { entry: entry(file), classes: &mut classes, count: 0 };
        json::read(&file.path, Items(&mut records))?;
        entries.push(records.entry);
    }
    classes.name_numbers(|id| class_names.get(usize::try_from(id).ok()?).cloned());
    Ok(Content {
        path: PathBuf::new(),
        unit: Unit::Pixels,
        place: PlaceKind::Record,
        entries,
        classes,
        crowd: 0,
        skipped_shapes: 0,
    })
}

fn entry(file: &Found) -> Entry {
    let own = stem(&file.relative);
    // The file's name is the image's, the task's and `.json`.
    let keys = [stem(own), own].map(|stem| ImageKey::Stem(stem.to_owned()));
    Entry {
        name: file.relative.clone(),
        keys: keys.to_vec(),
        file: Some(file.path.clone()),
        ..Entry::default()
    }
}

struct Records<'a> {
    entry: Entry,
    classes: &'a mut Classes,
    count: u64,
}

impl List for Records<'_> {
    const WHAT: &'static str = "a list of masks or boxes, as samkit writes it";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut record = Record::default();
        if items.next_element_seed(Fields(&mut record))?.is_none() {
            return Ok(false);
        }
        self.count += 1;
        let class = self.classes.of_both(&record.label.unwrap_or_default(), record.category);
        let corners = match record.bbox[..] {
            // The reference's boxes end at the last pixel, not behind it.
            _ if record.predicted_iou.is_some() && record.shape.is_some() => None,
            [x, y, w, h] => Some(from_xywh([x, y, w, h])),
            _ => None,
        };
        let score = record.score.or(record.predicted_iou);
        self.entry.add_thing(corners, score, class, self.count, record.shape);
        Ok(true)
    }
}

#[derive(Default)]
struct Record {
    shape: Option<Shape>,
    bbox: Vec<f64>,
    label: Option<String>,
    category: Option<u32>,
    score: Option<f64>,
    predicted_iou: Option<f64>,
}

impl Object for Record {
    const WHAT: &'static str = "a record as an object with `segmentation` or `bbox`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "segmentation" => map.next_value_seed(Segmentation(&mut self.shape))?,
            "bbox" => {
                self.bbox.clear();
                let what = "four numbers x, y, width and height as `bbox`";
                map.next_value_seed(Numbers { into: &mut self.bbox, counts: &[0, 4], what })?;
            }
            "label" => self.label = scalar::text(map, "a text as `label`")?,
            "category_id" => {
                let id = scalar::whole(map, "a whole number as `category_id`")?;
                self.category = id.and_then(|id| u32::try_from(id).ok());
            }
            "score" => self.score = scalar::number(map, "a number as `score`")?,
            "predicted_iou" => {
                self.predicted_iou = scalar::number(map, "a number as `predicted_iou`")?;
            }
            _ => scalar::skip(map)?,
        }
        Ok(())
    }
}
