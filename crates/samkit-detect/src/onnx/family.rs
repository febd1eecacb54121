//! Families of detectors, told apart by the shapes of their outputs.

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

    pub(super) fn pixels(self, classes: usize) -> Pixels {
        match self {
            Self::Yolox => Pixels::BgrByte,
            Self::Detr if has_background(classes) => Pixels::Imagenet,
            _ => Pixels::RgbUnit,
        }
    }
}

/// Whether a DETR's last class is "nothing", which its softmax needs: DETR itself has COCO's 91 and
/// this one.
pub(super) fn has_background(classes: usize) -> bool {
    classes == 92
}

/// Cells of the grids of 8, 16 and 32 pixels.
pub(super) fn cells((height, width): (usize, usize)) -> usize {
    [8, 16, 32].into_iter().map(|stride| (height / stride) * (width / stride)).sum()
}

/// The family, and the number of classes (0 where the outputs do not say); `wanted` decides where it
/// is given and fits.
pub(super) fn recognise(
    outputs: &[Vec<Option<usize>>],
    side: (usize, usize),
    wanted: Option<Family>,
) -> Result<(Family, usize), String> {
    let fitting = fitting(outputs, side);
    match wanted {
        None => fitting.first().copied().ok_or_else(|| "they fit no family".to_owned()),
        Some(family) => {
            let own = fitting.into_iter().find(|(fitting, _)| *fitting == family);
            own.ok_or_else(|| format!("they do not fit `{}`", family.name()))
        }
    }
}

/// The families that outputs of these shapes may belong to, the likeliest first.
fn fitting(outputs: &[Vec<Option<usize>>], side: (usize, usize)) -> Vec<(Family, usize)> {
    // Heads of segmentation and the like may follow: extra outputs do no harm to the first.
    match outputs {
        [first, second, third, ..] if first.len() == 2 && second.len() == 3 && third.len() == 2 => {
            match second[2] == Some(4) {
                true => vec![(Family::Postprocessed, 0)],
                false => Vec::new(),
            }
        }
        [first, second, ..] if first.len() == 3 && second.len() == 3 && first[1] == second[1] => {
            match (first[2], second[2]) {
                (Some(4), Some(classes)) | (Some(classes), Some(4)) => {
                    vec![(Family::Detr, classes)]
                }
                _ => Vec::new(),
            }
        }
        [only, ..] => single(only, side),
        [] => Vec::new(),
    }
}

fn single(dims: &[Option<usize>], side: (usize, usize)) -> Vec<(Family, usize)> {
    let cells = cells(side);
    let mut fitting = Vec::new();
    match *dims {
        [_, Some(rows), Some(values)] => {
            if rows == cells && values >= 6 {
                fitting.push((Family::Yolox, values - 5));
            }
            if rows == 3 * cells && values >= 6 {
                fitting.push((Family::Yolov5, values - 5));
            }
            if values == cells && rows >= 5 {
                fitting.push((Family::Yolo, rows - 4));
            }
            if values == 6 {
                fitting.push((Family::EndToEnd, 0));
            }
            // Other grids: many more boxes than values, whichever comes last.
            if rows >= 5 && rows < values && fitting.is_empty() {
                fitting.push((Family::Yolo, rows - 4));
            }
            if values > 4 && rows >= values && rows != cells && rows != 3 * cells {
                fitting.push((Family::RtDetr, values - 4));
            }
        }
        // The number of boxes that NMS leaves is open, and the batch is often dropped.
        [.., _, Some(6)] => fitting.push((Family::EndToEnd, 0)),
        _ => {}
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(outputs: &[&[usize]], side: usize) -> Option<(Family, usize)> {
        let outputs: Vec<Vec<_>> =
            outputs.iter().map(|dims| dims.iter().map(|&dim| Some(dim)).collect()).collect();
        recognise(&outputs, (side, side), None).ok()
    }

    #[test]
    fn families_are_known_by_their_shapes() {
        assert_eq!(one(&[&[1, 3549, 85]], 416), Some((Family::Yolox, 80)));
        assert_eq!(one(&[&[1, 3549, 6]], 416), Some((Family::Yolox, 1)));
        assert_eq!(one(&[&[1, 25200, 85]], 640), Some((Family::Yolov5, 80)));
        assert_eq!(one(&[&[1, 84, 8400]], 640), Some((Family::Yolo, 80)));
        assert_eq!(one(&[&[1, 5, 8400]], 640), Some((Family::Yolo, 1)));
        assert_eq!(one(&[&[1, 84, 34000]], 640), Some((Family::Yolo, 80)));
        // Segmentation: 32 values more, and prototypes.
        assert_eq!(one(&[&[1, 300, 6]], 640), Some((Family::EndToEnd, 0)));
        assert_eq!(one(&[&[1, 300, 84]], 640), Some((Family::RtDetr, 80)));
        assert_eq!(one(&[&[1, 100, 92], &[1, 100, 4]], 800), Some((Family::Detr, 92)));
        assert_eq!(one(&[&[1, 300, 4], &[1, 300, 80]], 640), Some((Family::Detr, 80)));
        let own = [&[1, 300][..], &[1, 300, 4], &[1, 300]];
        assert_eq!(one(&own, 640), Some((Family::Postprocessed, 0)));
    }

    #[test]
    fn other_shapes_are_nobodys() {
        for outputs in [&[&[1, 1000][..]][..], &[&[1, 512, 7, 7]], &[&[1, 3, 4]], &[]] {
            assert_eq!(one(outputs, 224), None, "{outputs:?}");
        }
        assert!(
            recognise(&[vec![Some(1), Some(84), Some(8400)]], (640, 640), Some(Family::Yolox))
                .is_err()
        );
    }
}
