//! Families of detectors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pixels, Resize};

/// How a detector's outputs are laid out. N is the number of boxes, C that of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// 1×N×(5+C) on grids of 8, 16 and 32 pixels: offsets in cells, logarithms of the sides, and
    /// objectness times class (Ge et al. 2021).
    Yolox,
    /// 1×N×(5+C) with three boxes a cell: centres and sides in pixels, objectness times class.
    Yolov5,
    /// 1×(4+C)×N: centres and sides in pixels, classes (YOLOv8, YOLO11 and their like).
    Yolo,
    /// 1×N×6: corners in pixels, score and class; duplicates are gone already (exports with NMS
    /// inside, YOLOv10).
    EndToEnd,
    /// 1×N×C logits and 1×N×4 centres and sides as fractions (DETR, RT-DETR, D-FINE).
    Detr,
    /// 1×N×(4+C): centres and sides as fractions, then scores (RT-DETR as Ultralytics exports it).
    RtDetr,
    /// Labels 1×N, corners 1×N×4 in pixels of the image, scores 1×N (RT-DETR's and D-FINE's own
    /// exports, which are told the image's size).
    Postprocessed,
}

/// The names of the families, as recipes write them.
const NAMES: [(Family, &str); 7] = [
    (Family::Yolox, "yolox"),
    (Family::Yolov5, "yolov5"),
    (Family::Yolo, "yolo"),
    (Family::EndToEnd, "end-to-end"),
    (Family::Detr, "detr"),
    (Family::RtDetr, "rt-detr"),
    (Family::Postprocessed, "postprocessed"),
];

impl Family {
    /// The name that recipes use.
    pub fn name(self) -> &'static str {
        let entry = NAMES.iter().find(|(family, _)| *family == self);
        entry.expect("every family has a name").1
    }

    /// Whether two boxes may stand for one thing.
    pub fn has_duplicates(self) -> bool {
        matches!(self, Self::Yolox | Self::Yolov5 | Self::Yolo)
    }

    pub(super) fn resize(self) -> Resize {
        match self {
            Self::Yolox => Resize::LetterboxCorner,
            Self::Yolov5 | Self::Yolo | Self::EndToEnd => Resize::Letterbox,
            Self::Detr | Self::RtDetr | Self::Postprocessed => Resize::Stretch,
        }
    }

    /// `has_background` tells DETR from its successors, which take other pixels.
    pub(super) fn pixels(self, has_background: bool) -> Pixels {
        match self {
            Self::Yolox => Pixels::BgrByte,
            Self::Detr if has_background => Pixels::Imagenet,
            _ => Pixels::RgbUnit,
        }
    }
}
