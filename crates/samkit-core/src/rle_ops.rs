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
        self.check_same_size(other);
        // Over runs of the masks only, which is twice as fast as a walk that knows the background:
        // this is asked for every pair of masks.
        let (mut ours, mut theirs) = (self.spans().peekable(), other.spans().peekable());
        let mut shared = 0;
        while let (Some(&a), Some(&b)) = (ours.peek(), theirs.peek()) {
            shared += u64::from(a.1.min(b.1).saturating_sub(a.0.max(b.0)));
            if a.1 <= b.1 {
                ours.next()
            } else {
                theirs.next()
            };
        }
        shared
    }

    /// The mask of the pixels for which `holds(in this mask, in the other)`.
    fn combined(&self, other: &Self, holds: impl Fn(bool, bool) -> bool) -> Self {
        self.check_same_size(other);
        let [mut ours, mut theirs] = [self, other].map(Run::first);
        let total = self.size().area() as u32;
        let (mut position, mut inside) = (0, false);
        let mut changes = Vec::new();
        while position < total {
            if holds(ours.inside, theirs.inside) != inside {
                inside = !inside;
                changes.push(position);
            }
            position = ours.end.min(theirs.end);
            ours.pass(position);
            theirs.pass(position);
        }
        Self::from_changes(self.size(), changes)
    }

    fn check_same_size(&self, other: &Self) {
        let (ours, theirs) = (self.size(), other.size());
        assert!(ours == theirs, "masks of {ours} and {theirs} have no pixels in common");
    }
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
