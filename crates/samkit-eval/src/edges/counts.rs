//! What is right and what is found in one image, threshold by threshold.

use rayon::prelude::*;

use super::{Boundaries, Strengths, matched, thinned};

/// How the benchmark is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Protocol {
    /// How many thresholds, evenly between 0 and 1 and without these.
    pub thresholds: usize,
    /// How far apart matched pixels may be, as a part of the image's diagonal.
    pub distance: f64,
    /// Whether what lies above a threshold is thinned.
    pub thinning: bool,
}

impl Default for Protocol {
    /// That of BSDS500.
    fn default() -> Self {
        Self { thresholds: 99, distance: 0.0075, thinning: true }
    }
}

impl Protocol {
    /// The threshold of an index.
    pub fn threshold(&self, index: usize) -> f64 {
        (index + 1) as f64 / (self.thresholds + 1) as f64
    }
}

/// Pixels at one threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predicted pixels.
    pub predicted: usize,
    /// Predicted pixels that any annotator's pixel matches.
    pub right: usize,
    /// Annotated pixels, over all annotators.
    pub annotated: usize,
    /// Annotated pixels that a predicted one matches, over all annotators.
    pub found: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.right += other.right;
        self.annotated += other.annotated;
        self.found += other.found;
    }
}

impl Counts {
    /// The part of the prediction that is right; 0 where nothing is predicted.
    pub fn precision(&self) -> f64 {
        ratio(self.right, self.predicted)
    }

    /// The part of the annotation that is found; 0 where nothing is annotated.
    pub fn recall(&self) -> f64 {
        ratio(self.found, self.annotated)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Compares one image's strengths with what its annotators drew, at every threshold.
///
/// Panics when a size differs.
pub fn counts(strengths: &Strengths, truths: &[Boundaries], protocol: &Protocol) -> Vec<Counts> {
    let size = strengths.size();
    let distance = protocol.distance * f64::from(size.width).hypot(f64::from(size.height));
    let annotated = truths.iter().map(Boundaries::count).sum();
    let at = |index: usize| {
        let mut predicted = strengths.at_least(protocol.threshold(index) as f32);
        if protocol.thinning {
            predicted = thinned(&predicted);
        }
        let mut right = vec![false; size.area()];
        let mut found = 0;
        for truth in truths {
            let matching = matched(&predicted, truth, distance);
            found += matching.pairs;
            for (right, is_matched) in right.iter_mut().zip(matching.first) {
                *right |= is_matched;
            }
        }
        let right = right.into_iter().filter(|&right| right).count();
        Counts { predicted: predicted.count(), right, annotated, found }
    };
    (0..protocol.thresholds).into_par_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use samkit_core::Size;

    use super::*;

    #[test]
    fn a_pixel_is_right_when_anyone_drew_it_and_is_found_for_each() {
        let size = Size::new(9, 1);
        let truth = |pixels: [u8; 9]| Boundaries::new(size, pixels.map(|p| p > 0).to_vec());
        let truths = [truth([1, 0, 0, 0, 0, 0, 0, 0, 0]), truth([1, 0, 0, 0, 1, 0, 0, 0, 1])];
        let values = vec![0.9, 0.0, 0.0, 0.0, 0.2, 0.0, 0.6, 0.0, 0.0];
        // The diagonal is 9.06 pixels: pixels have to be the same.
        let protocol = Protocol { thresholds: 3, distance: 0.1, thinning: true };
        let got = counts(&Strengths::new(size, values), &truths, &protocol);
        let expected = |predicted, right, found| Counts { predicted, right, annotated: 4, found };
        assert_eq!(got, [expected(2, 1, 2), expected(2, 1, 2), expected(1, 1, 2)]);
        assert_eq!((got[0].precision(), got[0].recall()), (0.5, 0.5));
    }
}
