//! Masks as sets of pixels: union, intersection and difference of run-length codes.
//!
//! Everything walks along the runs and never decodes a pixel. Results are the codes that
//! [`Rle::from_mask`] makes, also when an operand has runs of length 0.

use std::slice;

use crate::Rle;

impl Rle {
    /// The pixels that are in either mask.
    ///
    /// # Panics
    /// When the masks differ in size.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combined(other, |ours, theirs| ours | theirs)
    }

    /// The pixels that are in both masks.
    ///
    /// # Panics
    /// When the masks differ in size.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |ours, theirs| ours & theirs)
    }

    /// The pixels of this mask that are not in the other.
    ///
    /// # Panics
    /// When the masks differ in size.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combined(other, |ours, theirs| ours & !theirs)
    }

    /// Number of pixels that are in both masks.
    ///
    /// # Panics
    /// When the masks differ in size.
    pub fn intersection_area(&self, other: &Self) -> u64 {
        let shared = self.stretches(other).filter(|stretch| stretch.ours & stretch.theirs);
        shared.map(|stretch| u64::from(stretch.end - stretch.start)).sum()
    }

    /// The mask of the pixels for which `holds(in this mask, in the other)`, which must be false
    /// for pixels that are in neither.
    fn combined(&self, other: &Self, holds: impl Fn(bool, bool) -> bool) -> Self {
        let mut inside = false;
        let changes = self.stretches(other).filter_map(|stretch| {
            let before = std::mem::replace(&mut inside, holds(stretch.ours, stretch.theirs));
            (before != inside).then_some(stretch.start)
        });
        Self::from_changes(self.size(), changes.collect())
    }

    /// The pixels in order, cut wherever one of the masks changes.
    fn stretches<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Stretch> + 'a {
        assert_eq!(self.size(), other.size(), "masks of two sizes have no pixels in common");
        let [mut ours, mut theirs] = [self, other].map(Run::first);
        let total = self.size().area() as u32;
        let mut start = 0;
        std::iter::from_fn(move || {
            if start == total {
                return None;
            }
            let end = ours.end.min(theirs.end);
            let stretch = Stretch { start, end, ours: ours.inside, theirs: theirs.inside };
            ours.pass(end);
            theirs.pass(end);
            start = end;
            Some(stretch)
        })
    }
}

/// Pixels, in column-major numbers, over which two masks stay what they are.
struct Stretch {
    start: u32,
    /// After the last pixel.
    end: u32,
    ours: bool,
    theirs: bool,
}

/// The run of a code that a walk has come to.
struct Run<'a> {
    /// After the last pixel, in column-major numbers.
    end: u32,
    inside: bool,
    later: slice::Iter<'a, u32>,
}

impl<'a> Run<'a> {
    fn first(rle: &'a Rle) -> Self {
        let mut run = Self { end: 0, inside: true, later: rle.counts().iter() };
        run.pass(0);
        run
    }

    /// On to the run with the pixel `position`, if there is one.
    fn pass(&mut self, position: u32) {
        while self.end == position
            && let Some(length) = self.later.next()
        {
            self.end += length;
            self.inside = !self.inside;
        }
    }
}
