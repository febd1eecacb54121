//! COCO's data sets and results (<https://cocodataset.org/#format-data>).
//!
//! Both are read by one pass over the file, in whatever order its parts come, so that memory is
//! needed for boxes and images only. An annotation that comes before its image waits under the
//! image's id.

use std::{collections::HashMap, fmt, path::Path};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{
    BoxFileError, BoxFormat,
    classes::Classes,
    coco_objects::{Annotation, Category, Image, ImageId},
    entry::{Entry, ImageKey, PlaceKind, from_xywh, size_of},
    file::{Content, Keep},
    json::{self, Fields, Items, List, Object},
    paths::tidied,
    resolve::Unit,
    results, scalar,
};

/// What is read so far.
#[derive(Debug)]
pub(crate) struct Coco {
    format: BoxFormat,
    /// Whether annotations are wanted, and not only images and categories.
    pub(crate) has_boxes: bool,
    keep: Keep,
    pub(crate) entries: Vec<Entry>,
    pub(crate) by_id: HashMap<ImageId, usize>,
    pub(crate) names: HashMap<u32, String>,
    classes: Classes,
    crowd: usize,
    annotations: u64,
    keys: Vec<String>,
}

/// Reads a data set or results, whichever the file holds. `images` is a data set that results refer
/// to; `class_names` name the classes that have no category.
pub(crate) fn read(
    path: &Path,
    class_names: &[String],
    images: Option<&Path>,
    keep: Keep,
) -> Result<(BoxFormat, Content), BoxFileError> {
    let mut coco = match images {
        Some(images) => results::listed(images)?,
        None => Coco::new(true),
    };
    let listed = coco.entries.len();
    coco.has_boxes = true;
    coco.keep = keep;
    json::read(path, Top(&mut coco))?;
    if coco.format == BoxFormat::Coco && images.is_some() {
        return Err(BoxFileError::NoUseForImages { path: path.into(), format: coco.format });
    }
    match coco.format {
        BoxFormat::CocoResults => {
            results::name_entries(&mut coco.entries[listed..], &coco.by_id, listed, images);
        }
        _ => coco.name_unlisted(),
    }
    let names = coco.names;
    coco.classes.name_numbers(|id| {
        names.get(&id).or_else(|| class_names.get(usize::try_from(id).ok()?)).cloned()
    });
    coco.classes.list(names);
    let content = Content {
        path: path.into(),
        unit: Unit::Pixels,
        place: match coco.format {
            BoxFormat::CocoResults => PlaceKind::Result,
            _ => PlaceKind::Annotation,
        },
        entries: coco.entries,
        classes: coco.classes,
        crowd: coco.crowd,
        skipped_shapes: 0,
    };
    Ok((coco.format, content))
}

impl Coco {
    pub(crate) fn new(has_boxes: bool) -> Self {
        Self {
            format: BoxFormat::Coco,
            has_boxes,
            keep: Keep::Boxes,
            entries: Vec::new(),
            by_id: HashMap::new(),
            names: HashMap::new(),
            classes: Classes::default(),
            crowd: 0,
            annotations: 0,
            keys: Vec::new(),
        }
    }

    /// The entry of an image, perhaps before its name is known.
    fn entry(&mut self, id: ImageId) -> &mut Entry {
        let place = *self.by_id.entry(id).or_insert_with_key(|id| {
            let number = if let ImageId::Number(number) = id { Some(*number) } else { None };
            self.entries.push(Entry { name: id.to_string(), id: number, ..Entry::default() });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }

    /// Says of what has no image in the file that it has none.
    fn name_unlisted(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.keys.is_empty()) {
            entry.name.push_str(" (not in `images`)");
        }
    }

    fn add_image<E: de::Error>(&mut self, image: Image) -> Result<(), E> {
        // An image without these was refused already.
        let (Some(id), Some(name)) = (image.id, image.file_name.or(image.url)) else {
            return Ok(());
        };
        let key = ImageKey::File(tidied(&name));
        let entry = self.entry(id);
        if entry.keys.iter().any(|other| *other != key) {
            let found = format!("`{}` and `{name}` with one `id`", entry.name);
            return Err(json::wrong(&found, "an `id` of its own for each image"));
        }
        entry.name = name;
        entry.keys = vec![key];
        entry.size = size_of(image.width, image.height);
        Ok(())
    }

    fn add_annotation(&mut self, annotation: &mut Annotation) {
        // An annotation without an image was refused already.
        let Some(image) = annotation.image.take() else { return };
        self.annotations += 1;
        let place = match self.format {
            BoxFormat::Coco => annotation.id.unwrap_or(self.annotations),
            _ => self.annotations,
        };
        let class = match annotation.category {
            Some(id) => self.classes.of_id(id),
            None => self.classes.of_label(""),
        };
        let is_crowd = annotation.is_crowd;
        self.crowd += usize::from(is_crowd);
        let entry = self.entry(image);
        entry.is_listed_only = false;
        if is_crowd {
            return;
        }
        let corners = match annotation.bbox[..] {
            [x, y, w, h] => Some(from_xywh([x, y, w, h])),
            _ => None,
        };
        entry.add_thing(corners, annotation.score, class, place, annotation.shape.take());
    }
}

/// The whole file: an object is a data set, a list is results.
pub(crate) struct Top<'a>(pub(crate) &'a mut Coco);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a COCO data set (an object) or COCO results (a list)")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.format = BoxFormat::Coco;
        Fields(self.0).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.0.format = BoxFormat::CocoResults;
        let annotation = Annotation::new(self.0.keep);
        Items(&mut Annotations(self.0, annotation)).visit_seq(items)
    }
}

impl Object for Coco {
    const WHAT: &'static str = "a COCO data set";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if self.keys.len() < 20 {
            self.keys.push(key.to_owned());
        }
        match key {
            "images" => map.next_value_seed(Items(&mut Images(self))),
            "annotations" if self.has_boxes => {
                let annotation = Annotation::new(self.keep);
                map.next_value_seed(Items(&mut Annotations(self, annotation)))
            }
            "categories" => map.next_value_seed(Items(&mut Categories(self))),
            _ => scalar::skip(map),
        }
    }

    fn finish<E: de::Error>(&mut self) -> Result<(), E> {
        let has = |key: &str| self.keys.iter().any(|other| other == key);
        if has("images") && (has("annotations") || !self.has_boxes) {
            return Ok(());
        }
        Err(json::wrong(&json::said(&self.keys), "a COCO data set with `images` and `annotations`"))
    }
}

struct Images<'a>(&'a mut Coco);

impl List for Images<'_> {
    const WHAT: &'static str = "`images` as a list";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut image = Image::default();
        if items.next_element_seed(Fields(&mut image))?.is_none() {
            return Ok(false);
        }
        self.0.add_image(image).map(|()| true)
    }
}

/// A list of annotations, each read into the memory of the one before.
struct Annotations<'a>(&'a mut Coco, Annotation);

impl List for Annotations<'_> {
    const WHAT: &'static str = "`annotations` as a list";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        self.1.clear();
        if items.next_element_seed(Fields(&mut self.1))?.is_none() {
            return Ok(false);
        }
        self.0.add_annotation(&mut self.1);
        Ok(true)
    }
}

struct Categories<'a>(&'a mut Coco);

impl List for Categories<'_> {
    const WHAT: &'static str = "`categories` as a list";

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut category = Category::default();
        if items.next_element_seed(Fields(&mut category))?.is_none() {
            return Ok(false);
        }
        if let (Some(id), Some(name)) = (category.id, category.name) {
            self.0.names.insert(id, name);
        }
        Ok(true)
    }
}
