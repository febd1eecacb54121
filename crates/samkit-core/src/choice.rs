//! Which of the masks that were found are wanted.

use crate::{BBox, MaskRecord, Overlap, ParamError, Size};

/// What masks have to be like. The default keeps every mask as it is.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct MaskChoice {
    /// Fewest pixels of a mask; 0 keeps all.
    pub min_area: u64,
    /// Most pixels of a mask.
    pub max_area: Option<u64>,
    /// How many masks are kept: those with the highest predicted IoU, and of equal ones the first.
    pub max_masks: Option<usize>,
    /// Whether masks with a pixel in the first or last column or row of the image are dropped.
    pub drop_border: bool,
    /// Masks must lie in this box, in original-image pixels, with all their pixels. The box of the
    /// whole image is (0, 0, width, height).
    pub inside: Option<BBox>,
    /// Which masks may share pixels.
    pub overlap: Overlap,
}

impl MaskChoice {
    /// Checks every parameter's range.
    ///
    /// # Errors
    /// The first parameter that is outside its range.
    pub fn validate(&self) -> Result<(), ParamError> {
        if let Some(most) = self.max_area.filter(|&most| most == 0 || most < self.min_area) {
            let expected = match self.min_area {
                0 => "a number from 1 on".into(),
                least => format!("a number from `min_area` ({least}) on"),
            };
            return Err(ParamError::new("max_area", most, expected));
        }
        if self.max_masks == Some(0) {
            return Err(ParamError::new("max_masks", 0, "a number from 1 on"));
        }
        match self.inside {
            Some(BBox { x0, y0, x1, y1 }) if !is_proper([x0, y0, x1, y1]) => {
                let expected = "[x0, y0, x1, y1] with x0 below x1 and y0 below y1";
                Err(ParamError::new("inside", format!("[{x0}, {y0}, {x1}, {y1}]"), expected))
            }
            _ => Ok(()),
        }
    }

    /// The masks that are wanted, in the order in which they come, out of those of one `image`.
    ///
    /// The rules apply one after the other: `inside`, `drop_border`, areas, `max_masks`, `overlap`.
    /// Where overlaps were removed, `segmentation`, `area` and `bbox` are those of what is left, and
    /// masks that are now below `min_area` are dropped too; scores and points stay what they were.
    ///
    /// # Panics
    /// When overlaps are removed and the masks differ in size.
    pub fn apply(&self, mut records: Vec<MaskRecord>, image: Size) -> Vec<MaskRecord> {
        records.retain(|record| {
            self.inside.is_none_or(|bbox| bbox.holds_pixels(&record.bbox))
                && !(self.drop_border && is_at_border(record, image))
                && record.area >= self.min_area
                && self.max_area.is_none_or(|most| record.area <= most)
        });
        if let Some(most) = self.max_masks {
            keep_best(&mut records, most);
        }
        if self.overlap != Overlap::Allowed {
            records = self.overlap.removed(records);
            records.retain(|record| record.area >= self.min_area);
        }
        records
    }
}

fn is_proper([x0, y0, x1, y1]: [f32; 4]) -> bool {
    [x0, y0, x1, y1].iter().all(|side| side.is_finite()) && x0 < x1 && y0 < y1
}

/// Whether the mask has a pixel in the image's first or last column or row.
fn is_at_border(MaskRecord { bbox, .. }: &MaskRecord, image: Size) -> bool {
    let last = |pixels: u32| pixels.saturating_sub(1) as f32;
    bbox.x0 <= 0.0
        || bbox.y0 <= 0.0
        || bbox.x1 >= last(image.width)
        || bbox.y1 >= last(image.height)
}

/// Keeps the masks with the highest predicted IoU, in the order in which they are.
fn keep_best(records: &mut Vec<MaskRecord>, most: usize) {
    let mut ranks: Vec<usize> = (0..records.len()).collect();
    ranks.sort_by(|&a, &b| records[b].predicted_iou.total_cmp(&records[a].predicted_iou));
    let mut is_kept = vec![false; records.len()];
    ranks.iter().take(most).for_each(|&index| is_kept[index] = true);
    let mut is_kept = is_kept.into_iter();
    records.retain(|_| is_kept.next() == Some(true));
}
