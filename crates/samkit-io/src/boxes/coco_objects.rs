//! The objects in COCO's files, with the fields that matter here.

use std::fmt;

use serde::de::{self, MapAccess};

use super::{
    file::Keep,
    json::{self, Object},
    scalar::{self, Numbers, Scalar},
};
use crate::annotations::{Segmentation, Shape};

/// How COCO's files call an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ImageId {
    Number(u64),
    Text(String),
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "image id {number}"),
            Self::Text(text) => write!(f, "image id `{text}`"),
        }
    }
}

/// An image of a data set.
#[derive(Default)]
pub(crate) struct Image {
    pub(crate) id: Option<ImageId>,
    pub(crate) file_name: Option<String>,
    /// LVIS names its images by this only.
    pub(crate) url: Option<String>,
    pub(crate) width: Option<u64>,
    pub(crate) height: Option<u64>,
}

impl Object for Image {
    const WHAT: &'static str = "an image as an object with `id` and `file_name`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = image_id(map, "a number or a text as an image's `id`")?,
            "file_name" => self.file_name = scalar::text(map, "a text as `file_name`")?,
            "coco_url" => self.url = scalar::text(map, "a text as `coco_url`")?,
            "width" => self.width = scalar::whole(map, "a whole number as `width`")?,
            "height" => self.height = scalar::whole(map, "a whole number as `height`")?,
            _ => scalar::skip(map)?,
        }
        Ok(())
    }

    fn finish<E: de::Error>(&mut self) -> Result<(), E> {
        if self.id.is_none() {
            let expected = "a number or a text that annotations name it by";
            return Err(json::wrong("an image without `id`", expected));
        }
        if self.file_name.is_none() && self.url.is_none() {
            return Err(json::wrong("an image without `file_name`", "the name of its file"));
        }
        Ok(())
    }
}

fn image_id<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Option<ImageId>, A::Error> {
    Ok(match scalar::id(map, what)? {
        Scalar::Whole(number) => Some(ImageId::Number(number)),
        Scalar::Text(text) => Some(ImageId::Text(text)),
        _ => None,
    })
}

fn category_id<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Option<u32>, A::Error> {
    let Some(number) = scalar::whole(map, what)? else { return Ok(None) };
    let small = u32::try_from(number).map_err(|_| json::wrong(&number.to_string(), what))?;
    Ok(Some(small))
}

/// A box of a data set or of results.
pub(crate) struct Annotation {
    pub(crate) id: Option<u64>,
    pub(crate) image: Option<ImageId>,
    pub(crate) category: Option<u32>,
    pub(crate) bbox: Vec<f64>,
    pub(crate) is_crowd: bool,
    pub(crate) score: Option<f64>,
    pub(crate) shape: Option<Shape>,
    keep: Keep,
}

impl Annotation {
    /// One that says nothing.
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            id: None,
            image: None,
            category: None,
            bbox: Vec::new(),
            is_crowd: false,
            score: None,
            shape: None,
            keep,
        }
    }

    /// Empties it, but keeps its memory.
    pub(crate) fn clear(&mut self) {
        let mut bbox = std::mem::take(&mut self.bbox);
        bbox.clear();
        *self = Self { bbox, ..Self::new(self.keep) };
    }
}

impl Object for Annotation {
    const WHAT: &'static str =
        "an annotation as an object with `image_id`, `category_id` and `bbox`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        const CATEGORY: &str = "a whole number below 4294967296 as `category_id`";
        match key {
            "id" => {
                // Only for reports.
                let id = scalar::id(map, "a number or a text as an annotation's `id`")?;
                self.id = if let Scalar::Whole(id) = id { Some(id) } else { None };
            }
            "image_id" => self.image = image_id(map, "a number or a text as `image_id`")?,
            "category_id" => self.category = category_id(map, CATEGORY)?,
            "bbox" => {
                self.bbox.clear();
                let what = "four numbers x, y, width and height as `bbox`";
                map.next_value_seed(Numbers { into: &mut self.bbox, counts: &[0, 4], what })?;
            }
            "iscrowd" => self.is_crowd = scalar::flag(map, "0 or 1 as `iscrowd`")?,
            "score" => self.score = scalar::number(map, "a number as `score`")?,
            "segmentation" if self.keep == Keep::Shapes => {
                map.next_value_seed(Segmentation(&mut self.shape))?;
            }
            _ => scalar::skip(map)?,
        }
        Ok(())
    }

    fn finish<E: de::Error>(&mut self) -> Result<(), E> {
        match self.image {
            Some(_) => Ok(()),
            None => Err(json::wrong("an annotation without `image_id`", "its image's id")),
        }
    }
}

/// A class.
#[derive(Default)]
pub(crate) struct Category {
    pub(crate) id: Option<u32>,
    pub(crate) name: Option<String>,
}

impl Object for Category {
    const WHAT: &'static str = "a category as an object with `id` and `name`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        const ID: &str = "a whole number below 4294967296 as a category's `id`";
        match key {
            "id" => self.id = category_id(map, ID)?,
            "name" => self.name = scalar::text(map, "a text as a category's `name`")?,
            _ => scalar::skip(map)?,
        }
        Ok(())
    }
}
