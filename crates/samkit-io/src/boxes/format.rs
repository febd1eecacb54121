//! The formats, and how to tell them apart.

use std::{fmt, str::FromStr};

use samkit_core::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A format of annotation files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoxFormat {
    /// A COCO data set: one JSON object with `images`, `annotations` and `categories`.
    Coco,
    /// COCO results: one JSON list of boxes with `image_id`, `category_id` and `score`.
    CocoResults,
    /// YOLO's text files, one an image, a line a box: class, centre and sides as fractions.
    Yolo,
    /// Pascal VOC's XML files, one an image.
    Voc,
    /// A table with a header and a line a box.
    Csv,
    /// labelme's JSON files, one an image.
    Labelme,
}

impl BoxFormat {
    /// The names that [`str::parse`] knows.
    pub const NAMES: [&'static str; 6] = ["coco", "coco-results", "yolo", "voc", "csv", "labelme"];

    /// All formats, in the order of [`Self::NAMES`].
    pub const ALL: [Self; 6] =
        [Self::Coco, Self::CocoResults, Self::Yolo, Self::Voc, Self::Csv, Self::Labelme];

    /// The name that recipes use.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for BoxFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BoxFormat {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            ParamError::new(
                "format",
                name,
                "`coco`, `coco-results`, `yolo`, `voc`, `csv` or `labelme`",
            )
        })
    }
}
