//! labelme's JSON files, one an image.

use std::{collections::HashMap, path::PathBuf};

use serde::de::{self, MapAccess, SeqAccess};
use serde_json::Value;

use super::{
    BoxFileError,
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, around, joined, size_of},
    file::{Content, Keep},
    folder::Found,
    json::{self, Fields, Items, List, Object},
    paths::{stem, tidied},
    resolve::Unit,
    scalar::{self, Numbers, Scalar},
};
use crate::annotations::LabelmeParts as Parts;

/// Reads all `files`.
pub(crate) fn read(files: &[Found], keep: Keep) -> Result<Content, BoxFileError> {
    let mut classes = Classes::default();
    let mut skipped_shapes = 0;
    let mut entries = Vec::new();
    for file in files {
        let mut image = Labelme::new(keep);
        json::read(&file.path, Fields(&mut image))?;
        skipped_shapes += image.skipped;
        entries.push(image.entry(file, &mut classes));
    }
    Ok(Content {
        path: PathBuf::new(),
        unit: Unit::Pixels,
        place: PlaceKind::Shape,
        entries,
        classes,
        crowd: 0,
        skipped_shapes,
    })
}

/// A file as it is read.
struct Labelme {
    keep: Keep,
    shapes: Vec<Thing>,
    /// The place in `shapes` of the thing with this label and group.
    groups: HashMap<(String, String), usize>,
    count: u64,
    skipped: usize,
    image_path: Option<String>,
    width: Option<u64>,
    height: Option<u64>,
    keys: Vec<String>,
}

/// One shape, or the parts of one thing.
struct Thing {
    label: String,
    /// None for a shape without points.
    corners: Option<[f64; 4]>,
    score: Option<f64>,
    number: u64,
    parts: Parts,
}

impl Labelme {
    fn new(keep: Keep) -> Self {
        Self {
            keep,
            shapes: Vec::new(),
            groups: HashMap::new(),
            count: 0,
            skipped: 0,
            image_path: None,
            width: None,
            height: None,
            keys: Vec::new(),
        }
    }

    fn add(&mut self, mut shape: Shape) {
        self.count += 1;
        // Old files have polygons only, and do not say so.
        let kind = shape.kind.as_deref().unwrap_or("polygon");
        let mut parts = Parts::default();
        let is_box = kind == "rectangle" || kind == "polygon";
        if self.keep == Keep::Shapes {
            parts.add(kind, &mut shape.points, shape.mask.take());
        }
        if !is_box && parts.is_empty() {
            self.skipped += 1;
            return;
        }
        let label = shape.label.unwrap_or_default();
        let corners = around(&shape.points);
        if let Some(group) = shape.group {
            let next = self.shapes.len();
            let place = *self.groups.entry((label.clone(), group)).or_insert(next);
            if let Some(thing) = self.shapes.get_mut(place) {
                thing.corners = match (thing.corners, corners) {
                    // A part that is none makes the whole one that is none.
                    (Some(a), Some(b)) if a[0].is_nan() || b[0].is_nan() => Some([f64::NAN; 4]),
                    (Some(a), Some(b)) => Some(joined(a, b)),
                    (a, b) => a.or(b),
                };
                thing.parts.join(parts);
                return;
            }
        }
        let score = shape.score.or(shape.said_score);
        self.shapes.push(Thing { label, corners, score, number: self.count, parts });
    }

    fn entry(self, file: &Found, classes: &mut Classes) -> Entry {
        let own = ImageKey::Stem(stem(&file.relative).to_owned());
        let folder = file.relative.rsplit_once('/').map_or("", |(folder, _)| folder);
        let named = self.image_path.map(|path| ImageKey::File(tidied(&format!("{folder}/{path}"))));
        let mut entry = Entry {
            name: file.relative.clone(),
            keys: named.into_iter().chain([own]).collect(),
            file: Some(file.path.clone()),
            size: size_of(self.width, self.height),
            ..Entry::default()
        };
        for thing in self.shapes {
            let class = classes.of_label(&thing.label);
            entry.add_thing(
                thing.corners,
                thing.score,
                class,
                thing.number,
                thing.parts.into_shape(),
            );
        }
        entry
    }
}

impl Object for Labelme {
    const WHAT: &'static str = "an object with `shapes`, as labelme writes it";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if self.keys.len() < 20 {
            self.keys.push(key.to_owned());
        }
        match key {
            "shapes" => map.next_value_seed(Items(&mut Shapes(self)))?,
            "imagePath" => self.image_path = scalar::text(map, "a text as `imagePath`")?,
            "imageWidth" => self.width = scalar::whole(map, "a whole number as `imageWidth`")?,
            "imageHeight" => self.height = scalar::whole(map, "a whole number as `imageHeight`")?,
            _ => scalar::skip(map)?,
        }
        Ok(())
    }

    fn finish<E: de::Error>(&mut self) -> Result<(), E> {
        match self.keys.iter().any(|key| key == "shapes") {
            true => Ok(()),
            false => Err(json::wrong(&json::said(&self.keys), Self::WHAT)),
        }
    }
}

struct Shapes<'a>(&'a mut Labelme);

impl List for Shapes<'_> {
    const WHAT: &'static str = "`shapes` as a list";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut shape = Shape { keeps_mask: self.0.keep == Keep::Shapes, ..Shape::default() };
        let is_there = items.next_element_seed(Fields(&mut shape))?.is_some();
        if is_there {
            self.0.add(shape);
        }
        Ok(is_there)
    }
}

#[derive(Default)]
struct Shape {
    label: Option<String>,
    points: Vec<f64>,
    kind: Option<String>,
    group: Option<String>,
    score: Option<f64>,
    /// The score that samkit puts into the description.
    said_score: Option<f64>,
    keeps_mask: bool,
    /// A PNG file in base 64.
    mask: Option<String>,
}

impl Object for Shape {
    const WHAT: &'static str = "a shape as an object with `label`, `points` and `shape_type`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "label" => self.label = scalar::text(map, "a text as `label`")?,
            "shape_type" => self.kind = scalar::text(map, "a text as `shape_type`")?,
            "score" => self.score = scalar::number(map, "a number as `score`")?,
            "description" if self.keeps_mask => {
                let text: Value = map.next_value()?;
                let score = text.as_str().and_then(|text| text.strip_prefix("score "));
                self.said_score = score.and_then(|score| score.trim().parse().ok());
            }
            "mask" if self.keeps_mask => {
                let picture: Value = map.next_value()?;
                self.mask = picture.as_str().map(str::to_owned);
            }
            "points" => {
                self.points.clear();
                map.next_value_seed(Items(&mut Points(&mut self.points)))?;
            }
            "group_id" => {
                self.group = match scalar::id(map, "a number or a text as `group_id`")? {
                    Scalar::Whole(number) => Some(number.to_string()),
                    Scalar::Text(text) => Some(text),
                    _ => None,
                };
            }
            _ => scalar::skip(map)?,
        }
        Ok(())
    }
}

struct Points<'a>(&'a mut Vec<f64>);

impl List for Points<'_> {
    const WHAT: &'static str = "`points` as a list of [x, y]";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let (counts, what) = (&[2], "a point as [x, y]");
        let point = items.next_element_seed(Numbers { into: self.0, counts, what })?;
        Ok(point.is_some())
    }
}
