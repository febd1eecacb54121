//! Masks as `STEM.masks.json`.

use std::{io::Write, path::Path};

use samkit_core::{BBox, MaskRecord};
use serde::{Serialize, Serializer};

use super::{Lines, WriteError, write_atomically};

/// Writes masks as an array with the keys of the reference's records
/// (`segment_anything/automatic_mask_generator.py`, output mode `coco_rle`), one record a line:
/// `segmentation` (COCO RLE), `area`, `bbox` (XYWH of the reference's inclusive box),
/// `predicted_iou`, `point_coords`, `stability_score`, `crop_box` (XYWH). Code written for the
/// reference's results reads it as it is.
///
/// # Errors
/// When the file cannot be written.
pub fn write_masks(path: &Path, records: &[MaskRecord]) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        let mut lines = Lines::begin(&mut *file)?;
        records.iter().try_for_each(|record| lines.push(&Record::new(record)))?;
        lines.end()?;
        file.write_all(b"\n")
    })
}

#[derive(Serialize)]
struct Record {
    segmentation: Segmentation,
    area: u64,
    bbox: [Number; 4],
    predicted_iou: f32,
    point_coords: [[Number; 2]; 1],
    stability_score: f32,
    crop_box: [Number; 4],
}

#[derive(Serialize)]
struct Segmentation {
    size: [u32; 2],
    counts: String,
}

impl Record {
    fn new(record: &MaskRecord) -> Self {
        let size = record.segmentation.size();
        let xywh = |bbox: &BBox| bbox.to_xywh().map(Number);
        Self {
            segmentation: Segmentation {
                size: [size.height, size.width],
                counts: record.segmentation.counts_string(),
            },
            area: record.area,
            bbox: xywh(&record.bbox),
            predicted_iou: record.predicted_iou,
            point_coords: [[record.point.x, record.point.y].map(Number)],
            stability_score: record.stability_score,
            crop_box: xywh(&record.crop),
        }
    }
}

/// Written without a decimal point when it is whole, as pixel numbers are.
struct Number(f32);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f32(self.0)
        }
    }
}
