//! Masks of polygons, filled as COCO's reference fills them (`rleFrPoly` and `rleMerge` in
//! `common/maskApi.c` of the COCO API), to the pixel.
//!
//! The reference rounds corners to fifths of a pixel and walks along every side in steps of a fifth.
//! Where the way passes the middle of a column of pixels, the column changes between outside and
//! inside, from the row on whose middle lies at the way or below it. The walk itself is not done here:
//! the few steps that pass a column's middle are computed, so that a side may be as long as it likes.

use crate::{Rle, Size, rle::check_countable};

/// Steps a pixel.
const SCALE: i64 = 5;
/// The step before the middle of column 0.
const MIDDLE: i64 = 2;
/// Corners beyond this many steps are moved here. The reference's numbers overflow at twice as many.
const FAR: f64 = (1 << 30) as f64;
/// Changes, or spans, that are collected before those that belong together are put together.
const BATCH: usize = 1 << 16;

impl Rle {
    /// The mask of closed `polygons` in pixels, united. Each is filled by the even-odd rule, as
    /// pycocotools' `frPyObjects` and `merge` do it, with the same pixels. What lies outside the
    /// image is cut off; numbers that are none count as 0.
    ///
    /// # Panics
    /// When `size` has 2³² pixels or more, which the format cannot count.
    pub fn from_polygons<P: AsRef<[[f64; 2]]>>(size: Size, polygons: &[P]) -> Self {
        match polygons {
            [polygon] => Self::from_rings(size, &[polygon]),
            _ => {
                let masks = polygons.iter().map(|polygon| Self::from_rings(size, &[polygon]));
                Self::united(size, masks)
            }
        }
    }

    /// The mask of one polygon with holes: all its `rings` together are filled by the even-odd rule,
    /// each otherwise as in [`Self::from_polygons`].
    ///
    /// # Panics
    /// When `size` has 2³² pixels or more, which the format cannot count.
    pub fn from_rings<R: AsRef<[[f64; 2]]>>(size: Size, rings: &[R]) -> Self {
        check_countable(size);
        let mut changes = Changes { size, places: Vec::new(), most: BATCH };
        for ring in rings {
            let ring = ring.as_ref();
            let next = ring.iter().skip(1).chain(ring.first());
            for (&from, &to) in ring.iter().zip(next) {
                changes.add_side(from.map(steps), to.map(steps));
            }
        }
        changes.cancel();
        let total = size.width * size.height;
        changes.places.pop_if(|last| *last == total);
        Self::from_changes(size, changes.places)
    }

    /// The pixels that are in any of `masks`, which must all have this size; those of another size
    /// are passed over.
    pub fn united(size: Size, masks: impl IntoIterator<Item = Self>) -> Self {
        let mut spans: Vec<(u32, u32)> = Vec::new();
        let mut most = BATCH;
        for mask in masks.into_iter().filter(|mask| mask.size() == size) {
            spans.extend(mask.spans());
            if spans.len() > most {
                join(&mut spans);
                most = BATCH.max(2 * spans.len());
            }
        }
        join(&mut spans);
        let total = size.width * size.height;
        let changes = spans.into_iter().flat_map(|(start, end)| [start, end]);
        Self::from_changes(size, changes.filter(|&change| change < total).collect())
    }
}

/// Sorts spans, and makes one of those that touch.
fn join(spans: &mut Vec<(u32, u32)>) {
    spans.sort_unstable();
    spans.dedup_by(|next, span| {
        let touches = next.0 <= span.1;
        if touches {
            span.1 = span.1.max(next.1);
        }
        touches
    });
}

/// A coordinate in steps; the reference rounds by adding a half and cutting off.
fn steps(pixels: f64) -> i64 {
    (SCALE as f64 * pixels + 0.5).clamp(-FAR, FAR) as i64
}

/// The places, column after column, from which on inside and outside are exchanged.
struct Changes {
    size: Size,
    places: Vec<u32>,
    most: usize,
}

impl Changes {
    /// Adds those along a side.
    fn add_side(&mut self, from: [i64; 2], to: [i64; 2]) {
        let (dx, dy) = ((to[0] - from[0]).abs(), (to[1] - from[1]).abs());
        // The way is the same whichever end it begins at.
        let is_flat = dx >= dy;
        let axis = usize::from(!is_flat);
        let (start, end) = if from[axis] > to[axis] { (to, from) } else { (from, to) };
        let (across, length) = (1 - axis, dx.max(dy));
        if dx == 0 {
            return;
        }
        let slope = (end[across] - start[across]) as f64 / length as f64;
        let beside = |step: i64| (start[across] as f64 + slope * step as f64 + 0.5) as i64;
        let (left, right) = match is_flat {
            true => (start[0], end[0]),
            false => (beside(0).min(beside(length)), beside(0).max(beside(length))),
        };
        // A column is passed between the step before its middle and the next one.
        let first = (left - MIDDLE + SCALE - 1).div_euclid(SCALE).max(0);
        let last = (right - MIDDLE - 1).div_euclid(SCALE).min(i64::from(self.size.width) - 1);
        for column in first..=last {
            let before = column * SCALE + MIDDLE;
            let upper = if is_flat {
                let step = before - start[0];
                beside(step).min(beside(step + 1))
            } else {
                let is_before = |step| match slope > 0.0 {
                    true => beside(step) <= before,
                    false => beside(step) > before,
                };
                start[1] + last_step(length, is_before)
            };
            self.add(column as u32, upper);
        }
    }

    fn add(&mut self, column: u32, upper: i64) {
        let height = self.size.height;
        let row = (upper as f64 + 0.5) / SCALE as f64 - 0.5;
        let row = row.clamp(0.0, f64::from(height)).ceil() as u32;
        self.places.push(column * height + row);
        // A mask has no more places than pixels, however often polygons pass them.
        if self.places.len() > self.most {
            self.cancel();
            self.most = BATCH.max(2 * self.places.len());
        }
    }

    /// Sorts the places. Two changes at one are none.
    fn cancel(&mut self) {
        self.places.sort_unstable();
        let mut kept = 0;
        for index in 0..self.places.len() {
            if kept > 0 && self.places[kept - 1] == self.places[index] {
                kept -= 1;
            } else {
                self.places[kept] = self.places[index];
                kept += 1;
            }
        }
        self.places.truncate(kept);
    }
}

/// The last of the steps from 0 up for which `holds`, as it does for the first of them, but not for
/// `length`.
fn last_step(length: i64, holds: impl Fn(i64) -> bool) -> i64 {
    let (mut yes, mut no) = (0, length);
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if holds(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}
