//! GeoJSON (RFC 7946) in pixels instead of degrees, a file an image.

use std::path::PathBuf;

use serde::de::{MapAccess, SeqAccess};

use super::{
    AnnotationError,
    geojson_objects::{Geometry, Properties},
    shape::Shape,
};
use crate::boxes::{
    classes::Classes,
    entry::{Entry, ImageKey, PlaceKind, around, joined, size_of},
    file::Content,
    folder::Found,
    json::{self, Fields, Items, List, Object},
    paths::stem,
    resolve::Unit,
    scalar,
};

/// Reads all `files`.
pub(super) fn read(files: &[Found]) -> Result<Content, AnnotationError> {
    let mut classes = Classes::default();
    let mut entries = Vec::new();
    let mut skipped_shapes = 0;
    for file in files {
        let mut top = Top::new(file, &mut classes);
        json::read(&file.path, Fields(&mut top))?;
        skipped_shapes += top.skipped;
        entries.push(top.entry);
    }
    classes.name_numbers(|_| None);
    Ok(Content {
        path: PathBuf::new(),
        unit: Unit::Pixels,
        place: PlaceKind::Feature,
        entries,
        classes,
        crowd: 0,
        skipped_shapes,
    })
}

/// A file as it is read: a collection of features, or one.
struct Top<'a> {
    entry: Entry,
    classes: &'a mut Classes,
    /// What the file is where it is no collection.
    alone: Feature,
    has_features: bool,
    width: Option<u64>,
    height: Option<u64>,
    count: u64,
    skipped: usize,
    keys: Vec<String>,
}

impl<'a> Top<'a> {
    fn new(file: &Found, classes: &'a mut Classes) -> Self {
        let own = stem(&file.relative);
        // samkit's files are called after the image and the task.
        let keys = [own, stem(own)].map(|stem| ImageKey::Stem(stem.to_owned()));
        let entry = Entry {
            name: file.relative.clone(),
            keys: keys.to_vec(),
            file: Some(file.path.clone()),
            ..Entry::default()
        };
        Self {
            entry,
            classes,
            alone: Feature::default(),
            has_features: false,
            width: None,
            height: None,
            count: 0,
            skipped: 0,
            keys: Vec::new(),
        }
    }

    fn add(&mut self, feature: Feature) {
        self.count += 1;
        let Feature { geometry, properties } = feature;
        let Some(parts) = geometry.into_parts() else {
            self.skipped += 1;
            return;
        };
        let outer = parts.iter().filter_map(|part| part.outer()).filter_map(around);
        let corners = outer.reduce(joined);
        let label = properties.label.or(properties.class).or(properties.name).unwrap_or_default();
        let class = self.classes.of_both(&label, properties.category);
        self.entry.add_thing(corners, properties.score, class, self.count, Some(Shape(parts)));
    }
}

impl Object for Top<'_> {
    const WHAT: &'static str = "GeoJSON: an object with `type` and `features`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if self.keys.len() < 20 {
            self.keys.push(key.to_owned());
        }
        match key {
            "features" => {
                self.has_features = true;
                map.next_value_seed(Items(&mut Features(self)))
            }
            "imageWidth" | "image_width" | "width" => {
                self.width = scalar::whole(map, "the image's width in pixels")?;
                Ok(())
            }
            "imageHeight" | "image_height" | "height" => {
                self.height = scalar::whole(map, "the image's height in pixels")?;
                Ok(())
            }
            key => self.alone.field(key, map),
        }
    }

    fn finish<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.entry.size = size_of(self.width, self.height);
        if self.has_features {
            return Ok(());
        }
        if !self.alone.geometry.is_there() {
            return Err(json::wrong(&json::said(&self.keys), Self::WHAT));
        }
        let alone = std::mem::take(&mut self.alone);
        self.add(alone);
        Ok(())
    }
}

struct Features<'t, 'a>(&'t mut Top<'a>);

impl List for Features<'_, '_> {
    const WHAT: &'static str = "`features` as a list";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut feature = Feature::default();
        let is_there = items.next_element_seed(Fields(&mut feature))?.is_some();
        if is_there {
            self.0.add(feature);
        }
        Ok(is_there)
    }
}

#[derive(Default)]
struct Feature {
    geometry: Geometry,
    properties: Properties,
}

impl Object for Feature {
    const WHAT: &'static str = "a feature as an object with `geometry` and `properties`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "geometry" => map.next_value_seed(json::Optional(&mut self.geometry)),
            "properties" => map.next_value_seed(json::Optional(&mut self.properties)),
            _ => scalar::skip(map),
        }
    }
}
