//! From a file's numbers to an image's boxes.

use std::fmt;

use samkit_core::{BBox, Size};

use super::{GivenBox, entry::Stored};

/// The boxes of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedBoxes {
    /// The boxes, in the order of the file.
    pub boxes: Vec<GivenBox>,
    /// Those that were kept out.
    pub unusable: Option<UnusableBoxes>,
    /// The image's size by the file, where that is another one: its boxes are perhaps meant for a
    /// smaller or larger copy of the image.
    pub stated_size: Option<Size>,
}

/// Boxes of an image that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableBoxes {
    /// How many.
    pub count: usize,
    /// The file and the line, annotation or shape of the first one.
    pub place: String,
    /// What is wrong with that one.
    pub problem: BoxProblem,
}

impl fmt::Display for UnusableBoxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "1 box cannot be used: {}: {}", self.place, self.problem),
            count => write!(
                f,
                "{count} boxes cannot be used, the first of them: {}: {}",
                self.place, self.problem
            ),
        }
    }
}

/// Why a box is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxProblem {
    /// There is an annotation without a box.
    Missing,
    /// A number is NaN, infinite, or too large for one.
    NotFinite,
    /// The right side is left of the left side, or the bottom above the top.
    Inverted,
    /// It has no area.
    Empty,
    /// No part of it is in the image.
    Outside,
}

impl fmt::Display for BoxProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it has no box",
            Self::NotFinite => "a number is not finite",
            Self::Inverted => "its sides are the wrong way round",
            Self::Empty => "its area is 0",
            Self::Outside => "it lies outside the image",
        })
    }
}

impl BoxProblem {
    /// What is wrong with a box of these corners, of whatever image.
    pub(crate) fn of(corners: [f32; 4]) -> Option<Self> {
        let [x0, y0, x1, y1] = corners;
        if corners.iter().any(|corner| !corner.is_finite()) {
            Some(Self::NotFinite)
        } else if x1 < x0 || y1 < y0 {
            Some(Self::Inverted)
        } else if x1 == x0 || y1 == y0 {
            Some(Self::Empty)
        } else {
            None
        }
    }
}

/// What the numbers of a file count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    #[default]
    Pixels,
    /// Fractions of the image's sides.
    Fractions,
}

/// The box in the pixels of an image of `size`.
pub(crate) fn in_pixels(stored: &Stored, unit: Unit, size: Size) -> Result<BBox, BoxProblem> {
    let (width, height) = (size.width as f32, size.height as f32);
    let [x0, y0, x1, y1] = stored.corners;
    let bbox = match unit {
        Unit::Pixels => BBox::new(x0, y0, x1, y1),
        Unit::Fractions => BBox::new(x0 * width, y0 * height, x1 * width, y1 * height),
    };
    if let Some(problem) = BoxProblem::of([bbox.x0, bbox.y0, bbox.x1, bbox.y1]) {
        return Err(problem);
    }
    let is_outside = bbox.x0 >= width || bbox.y0 >= height || bbox.x1 <= 0.0 || bbox.y1 <= 0.0;
    if is_outside { Err(BoxProblem::Outside) } else { Ok(bbox) }
}
