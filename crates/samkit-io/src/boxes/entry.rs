//! What a file says of one image.

use std::path::PathBuf;

use samkit_core::Size;

use super::resolve::BoxProblem;
use crate::annotations::Shape;

/// How an entry says which image it means. Paths have `/`, and neither `.` nor `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageKey {
    /// A file, with its ending.
    File(String),
    /// A file, without its ending.
    Stem(String),
    /// The number that is the file's name.
    Number(u64),
}

/// A box as it was read. Many are kept, so it is small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stored {
    /// Left, top, right and bottom, in the unit of its file.
    pub(crate) corners: [f32; 4],
    /// NaN for none.
    pub(crate) score: f32,
    /// Its place among [`super::classes::Classes`].
    pub(crate) class: u32,
    /// The line, the annotation's id, or the shape's number: see [`Unit::place`].
    pub(crate) place: u64,
}

/// What is at a box's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    Line,
    Annotation,
    Result,
    Shape,
    Value,
    Record,
    Feature,
}

impl PlaceKind {
    /// `, line 7`, `, annotation 7`, …
    pub(crate) fn said(self, place: u64) -> String {
        let what = match self {
            Self::Line => "line",
            Self::Annotation => "annotation",
            Self::Result => "result",
            Self::Shape => "shape",
            Self::Value => "value",
            Self::Record => "record",
            Self::Feature => "feature",
        };
        format!(", {what} {place}")
    }
}

/// Boxes that were kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptOut {
    pub(crate) count: usize,
    pub(crate) first: (u64, BoxProblem),
}

/// What a file says of one image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// What to call it in reports.
    pub(crate) name: String,
    /// What its image may be called, the best first.
    pub(crate) keys: Vec<ImageKey>,
    /// The file that it is from, where that is not the one that was named.
    pub(crate) file: Option<PathBuf>,
    /// The image's size, where the file states it.
    pub(crate) size: Option<Size>,
    pub(crate) boxes: Vec<Stored>,
    /// Shapes of some of the boxes, with the places of those, ascending. Empty where only boxes are
    /// wanted.
    pub(crate) shapes: Vec<(usize, Shape)>,
    /// The image's number, where the file has one.
    pub(crate) id: Option<u64>,
    pub(crate) kept_out: Option<KeptOut>,
    /// Named by the list of images only: nobody misses it.
    pub(crate) is_listed_only: bool,
}

impl Entry {
    /// Adds a box with corners in any numbers, or keeps it out.
    pub(crate) fn add(&mut self, corners: [f64; 4], score: Option<f64>, class: u32, place: u64) {
        let corners = corners.map(|corner| corner as f32);
        match BoxProblem::of(corners) {
            Some(problem) => self.keep_out(place, problem),
            None => {
                let score = score.map_or(f32::NAN, |score| score as f32);
                self.boxes.push(Stored { corners, score, class, place });
            }
        }
    }

    /// Adds a thing with a shape, a box or both. With a shape the box may be none.
    pub(crate) fn add_thing(
        &mut self,
        corners: Option<[f64; 4]>,
        score: Option<f64>,
        class: u32,
        place: u64,
        shape: Option<Shape>,
    ) {
        match (shape, corners) {
            (Some(shape), corners) => {
                self.shapes.push((self.boxes.len(), shape));
                let corners = corners.unwrap_or([f64::NAN; 4]).map(|corner| corner as f32);
                let score = score.map_or(f32::NAN, |score| score as f32);
                self.boxes.push(Stored { corners, score, class, place });
            }
            (None, Some(corners)) => self.add(corners, score, class, place),
            (None, None) => self.keep_out(place, BoxProblem::Missing),
        }
    }

    /// Counts a box that is none.
    pub(crate) fn keep_out(&mut self, place: u64, problem: BoxProblem) {
        let kept_out = self.kept_out.get_or_insert(KeptOut { count: 0, first: (place, problem) });
        kept_out.count += 1;
    }
}

/// Corners from a corner and the sides.
pub(crate) fn from_xywh([x, y, w, h]: [f64; 4]) -> [f64; 4] {
    [x, y, x + w, y + h]
}

/// The smallest box around points: x and y in turn. Without points there is none.
pub(crate) fn around(numbers: &[f64]) -> Option<[f64; 4]> {
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
pub(crate) fn joined(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// A stated size, where it is one.
pub(crate) fn size_of(width: Option<u64>, height: Option<u64>) -> Option<Size> {
    let side = |side: Option<u64>| side?.try_into().ok().filter(|&side: &u32| side > 0);
    Some(Size::new(side(width)?, side(height)?))
}
