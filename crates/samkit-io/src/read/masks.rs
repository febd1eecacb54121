//! Masks from `STEM.masks.json`.

use std::path::Path;

use samkit_core::{BBox, MaskRecord, Point, Rle, Size};
use serde::Deserialize;

use super::{ReadError, read_bytes};

const MAX_BYTES: u64 = 1 << 30;

/// Reads masks as [`crate::write_masks`] writes them: an array of the reference's records.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_masks(path: &Path) -> Result<Vec<MaskRecord>, ReadError> {
    let bytes = read_bytes(path, MAX_BYTES)?;
    let wrong = |reason| ReadError::Content { path: path.into(), expected: "masks", reason };
    let records: Vec<Record> =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let numbered = (0..).zip(records);
    numbered
        .map(|(index, record)| {
            record.decode().map_err(|error| wrong(format!("mask {index}: {error}")))
        })
        .collect()
}

#[derive(Deserialize)]
struct Record {
    segmentation: Segmentation,
    area: u64,
    bbox: [f32; 4],
    predicted_iou: f32,
    point_coords: [[f32; 2]; 1],
    stability_score: f32,
    crop_box: [f32; 4],
}

#[derive(Deserialize)]
struct Segmentation {
    size: [u32; 2],
    counts: String,
}

impl Record {
    fn decode(self) -> Result<MaskRecord, samkit_core::RleError> {
        let [height, width] = self.segmentation.size;
        let [[x, y]] = self.point_coords;
        Ok(MaskRecord {
            segmentation: Rle::from_counts_string(
                Size::new(width, height),
                &self.segmentation.counts,
            )?,
            area: self.area,
            bbox: from_xywh(self.bbox),
            predicted_iou: self.predicted_iou,
            point: Point::new(x, y),
            stability_score: self.stability_score,
            crop: from_xywh(self.crop_box),
            logits: None,
        })
    }
}

fn from_xywh([x, y, width, height]: [f32; 4]) -> BBox {
    BBox::new(x, y, x + width, y + height)
}
