//! What a file says of one image.

use std::path::PathBuf;

use samkit_core::Size;

use super::resolve::BoxProblem;

/// How an entry says which image it means. Paths have `/`, and neither `.` nor `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageKey {
    /// A file, with its ending.
    File(String),
    /// A file, without its ending.
    Stem(String),
    /// The number that is the file's name.
    Number(u64),
}

/// A box as it was read. Many are kept, so it is small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stored {
    /// Left, top, right and bottom, in the unit of its file.
    pub(super) corners: [f32; 4],
    /// NaN for none.
    pub(super) score: f32,
    /// Its place among [`super::classes::Classes`].
    pub(super) class: u32,
    /// The line, the annotation's id, or the shape's number: see [`Unit::place`].
    pub(super) place: u64,
}

/// What is at a box's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceKind {
    Line,
    Annotation,
    Result,
    Shape,
}

impl PlaceKind {
    /// `, line 7`, `, annotation 7`, …
    pub(super) fn said(self, place: u64) -> String {
        let what = match self {
            Self::Line => "line",
            Self::Annotation => "annotation",
            Self::Result => "result",
            Self::Shape => "shape",
        };
        format!(", {what} {place}")
    }
}

/// Boxes that were kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeptOut {
    pub(super) count: usize,
    pub(super) first: (u64, BoxProblem),
}

/// What a file says of one image.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// What to call it in reports.
    pub(super) name: String,
    /// What its image may be called, the best first.
    pub(super) keys: Vec<ImageKey>,
    /// The file that it is from, where that is not the one that was named.
    pub(super) file: Option<PathBuf>,
    /// The image's size, where the file states it.
    pub(super) size: Option<Size>,
    pub(super) boxes: Vec<Stored>,
    pub(super) kept_out: Option<KeptOut>,
    /// Named by the list of images only: nobody misses it.
    pub(super) is_listed_only: bool,
}

impl Entry {
    /// Adds a box with corners in any numbers, or keeps it out.
    pub(super) fn add(&mut self, corners: [f64; 4], score: Option<f64>, class: u32, place: u64) {
        let corners = corners.map(|corner| corner as f32);
        match BoxProblem::of(corners) {
            Some(problem) => self.keep_out(place, problem),
            None => {
                let score = score.map_or(f32::NAN, |score| score as f32);
                self.boxes.push(Stored { corners, score, class, place });
            }
        }
    }

    /// Counts a box that is none.
    pub(super) fn keep_out(&mut self, place: u64, problem: BoxProblem) {
        let kept_out = self.kept_out.get_or_insert(KeptOut { count: 0, first: (place, problem) });
        kept_out.count += 1;
    }
}

/// Corners from a corner and the sides.
pub(super) fn from_xywh([x, y, w, h]: [f64; 4]) -> [f64; 4] {
    [x, y, x + w, y + h]
}

/// The smallest box around points: x and y in turn. Without points there is none.
pub(super) fn around(numbers: &[f64]) -> Option<[f64; 4]> {
    if numbers.len() < 2 {
        return None;
    }
    let mut corners = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for point in numbers.chunks_exact(2) {
        // A number that is none makes the box one that is none.
        if point.iter().any(|number| !number.is_finite()) {
            return Some([f64::NAN; 4]);
        }
        corners = joined(corners, [point[0], point[1], point[0], point[1]]);
    }
    Some(corners)
}

/// The smallest box around two.
pub(super) fn joined(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// A stated size, where it is one.
pub(super) fn size_of(width: Option<u64>, height: Option<u64>) -> Option<Size> {
    let side = |side: Option<u64>| side?.try_into().ok().filter(|&side: &u32| side > 0);
    Some(Size::new(side(width)?, side(height)?))
}
