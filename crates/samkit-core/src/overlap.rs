//! Masks that share pixels: each pixel to one mask, or masks that nest.

use std::cmp::Reverse;

use crate::{BBox, MaskRecord, Rle};

/// Which masks may share pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overlap {
    /// All: masks stay as they are.
    #[default]
    Allowed,
    /// Masks that nest: of any two, either one contains the other or they have no pixel in common.
    /// Each mask, from the largest to the smallest, is compared with every larger one that stayed. If
    /// at least half of it lies in that one, the rest is cut off; otherwise what lies in it is. A mask
    /// that keeps less than half of its pixels is dropped.
    ///
    /// (Why this suffices: a cut leaves the mask inside the larger one or apart from it, and later
    /// cuts only take pixels away, which changes neither; the larger one is not cut any more.)
    Nested,
    /// None: every pixel belongs to one mask. Smaller masks lie on top of larger ones, and of equal
    /// ones the later, as a label map shows them: from each mask is cut off what those above it
    /// cover. A mask that is covered is dropped.
    ///
    /// (Why this suffices: of two masks one is above the other, and what it covers is cut off the
    /// lower one whether it shows there or something on top of it does.)
    None,
}

impl Overlap {
    /// The masks with overlaps removed, in the same order; areas and boxes are those of what is left.
    ///
    /// # Panics
    /// When masks are cut and differ in size.
    pub(crate) fn removed(self, records: Vec<MaskRecord>) -> Vec<MaskRecord> {
        let mut order: Vec<usize> = (0..records.len()).collect();
        // Stable: of equal masks the first counts as the largest.
        order.sort_by_key(|&index| Reverse(records[index].segmentation.area()));
        let left = match self {
            Self::Allowed => return records,
            Self::Nested => nested(&records, &order),
            Self::None => uncovered(&records, &order),
        };
        let cut = records.into_iter().zip(left).filter_map(|(record, left)| {
            let segmentation = left?;
            let (area, bbox) = (segmentation.area(), segmentation.inclusive_bbox());
            Some(MaskRecord { segmentation, area, bbox, ..record })
        });
        cut.collect()
    }
}

/// What each mask shows when they are painted in `order`; nothing for those that are covered.
fn uncovered(records: &[MaskRecord], order: &[usize]) -> Vec<Option<Rle>> {
    let mut left = vec![None; records.len()];
    let mut covered: Option<Rle> = None;
    for &index in order.iter().rev() {
        let mask = &records[index].segmentation;
        let (shown, both) = match &covered {
            Some(above) => (mask.difference(above), mask.union(above)),
            None => (mask.clone(), mask.clone()),
        };
        left[index] = (shown.area() > 0).then_some(shown);
        covered = Some(both);
    }
    left
}

/// What each mask keeps when it has to nest with those before it in `order`; nothing for those that
/// keep too little.
fn nested(records: &[MaskRecord], order: &[usize]) -> Vec<Option<Rle>> {
    let mut left = vec![None; records.len()];
    let mut larger: Vec<(Rle, BBox)> = Vec::new();
    for &index in order {
        let mask = &records[index].segmentation;
        let (whole, bbox) = (mask.area(), mask.inclusive_bbox());
        let near = larger.iter().filter(|(_, other)| other.shares_pixels(&bbox));
        if let Some(kept) = nesting_part(mask.clone(), whole, near.map(|(other, _)| other)) {
            larger.push((kept.clone(), kept.inclusive_bbox()));
            left[index] = Some(kept);
        }
    }
    left
}

/// The part of a mask of `whole` pixels that nests with `larger` masks; nothing when it is less than
/// half.
fn nesting_part<'a>(
    mut mask: Rle,
    whole: u64,
    larger: impl Iterator<Item = &'a Rle>,
) -> Option<Rle> {
    let mut area = whole;
    for other in larger {
        let shared = mask.intersection_area(other);
        if shared == 0 || shared == area {
            continue;
        }
        (mask, area) = if 2 * shared >= area {
            (mask.intersection(other), shared)
        } else {
            (mask.difference(other), area - shared)
        };
        if 2 * area < whole {
            return None;
        }
    }
    (area > 0).then_some(mask)
}
