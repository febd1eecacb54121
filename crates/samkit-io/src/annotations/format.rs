//! The formats of annotations that are read.

use std::{fmt, str::FromStr};

use samkit_core::ParamError;

use crate::BoxFormat;

/// A format of annotation files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnnotationFormat {
    /// A COCO data set: one JSON object with `images`, `annotations` and `categories`.
    Coco,
    /// COCO results: one JSON list of boxes or masks with `image_id`, `category_id` and `score`.
    CocoResults,
    /// YOLO's text files, one an image, with boxes or polygons.
    Yolo,
    /// Pascal VOC's XML files, one an image.
    Voc,
    /// A table with a header and a line a box.
    Csv,
    /// labelme's JSON files, one an image.
    Labelme,
    /// PNG images, one an image, whose values are the numbers of things.
    Labels,
    /// The JSON lists that samkit writes, one an image: `STEM.masks.json`, `STEM.instances.json`,
    /// `STEM.detect.json`.
    Samkit,
    /// GeoJSON in pixels, a file an image.
    Geojson,
}

impl AnnotationFormat {
    /// The names that [`str::parse`] knows.
    pub const NAMES: [&'static str; 9] =
        ["coco", "coco-results", "yolo", "voc", "csv", "labelme", "labels", "samkit", "geojson"];

    /// All formats, in the order of [`Self::NAMES`].
    pub const ALL: [Self; 9] = [
        Self::Coco,
        Self::CocoResults,
        Self::Yolo,
        Self::Voc,
        Self::Csv,
        Self::Labelme,
        Self::Labels,
        Self::Samkit,
        Self::Geojson,
    ];

    /// The name that the command line uses.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The same format as one of boxes, if it is one.
    pub(super) fn of_boxes(self) -> Option<BoxFormat> {
        BoxFormat::ALL.into_iter().find(|format| format.name() == self.name())
    }
}

impl From<BoxFormat> for AnnotationFormat {
    fn from(format: BoxFormat) -> Self {
        match format {
            BoxFormat::Coco => Self::Coco,
            BoxFormat::CocoResults => Self::CocoResults,
            BoxFormat::Yolo => Self::Yolo,
            BoxFormat::Voc => Self::Voc,
            BoxFormat::Csv => Self::Csv,
            BoxFormat::Labelme => Self::Labelme,
        }
    }
}

impl fmt::Display for AnnotationFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AnnotationFormat {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            ParamError::new(
                "format",
                name,
                "`coco`, `coco-results`, `yolo`, `voc`, `csv`, `labelme`, `labels`, `samkit` or \
                 `geojson`",
            )
        })
    }
}
