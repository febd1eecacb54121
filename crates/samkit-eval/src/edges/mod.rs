//! The boundary benchmark of BSDS500: precision and recall of edge maps against what several people
//! drew.
//!
//! Martin, Fowlkes and Malik, *Learning to Detect Natural Image Boundaries Using Local Brightness,
//! Color, and Texture Cues* (2004); Arbelaez, Maire, Fowlkes and Malik, *Contour Detection and
//! Hierarchical Image Segmentation* (2011).
//!
//! A map of strengths is cut at many thresholds; what remains is thinned to lines of one pixel
//! ([`thinned`]), and its pixels are matched with each annotator's, one to one and no farther apart
//! than a small part of the image's diagonal ([`matched`]). A pixel that anyone's matches is right; of
//! each annotator's pixels those that are matched are found ([`counts`]). From the sums over images
//! come the scores ([`Scores`]):
//!
//! - **ODS**, the best F measure with one threshold for all images;
//! - **OIS**, with the best threshold for each;
//! - **AP**, the area under the curve of precision over recall;
//! - **R50**, recall where precision is one half.

mod counts;
mod matching;
mod plot;
mod read;
mod scores;
mod thinning;

pub use counts::{Counts, Protocol, counts};
pub use matching::{Matching, matched};
pub use plot::{Published, plot};
pub use read::{ReadError, prediction, truths};
pub use scores::{Best, Point, Scores, scores};
pub use thinning::thinned;

use samkit_core::Size;

/// Which pixels of an image are boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundaries {
    size: Size,
    pixels: Vec<bool>,
}

impl Boundaries {
    /// Row by row. Panics unless there is one value a pixel.
    pub fn new(size: Size, pixels: Vec<bool>) -> Self {
        assert_eq!(pixels.len(), size.area(), "one value a pixel of {size}");
        Self { size, pixels }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Row by row.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// How many pixels are boundaries.
    pub fn count(&self) -> usize {
        self.pixels.iter().filter(|&&is_boundary| is_boundary).count()
    }
}

/// Strengths of edges in an image, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Strengths {
    size: Size,
    values: Vec<f32>,
}

impl Strengths {
    /// Row by row. Panics unless there is one value a pixel.
    pub fn new(size: Size, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), size.area(), "one value a pixel of {size}");
        Self { size, values }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The pixels of at least `threshold`.
    pub fn at_least(&self, threshold: f32) -> Boundaries {
        let pixels = self.values.iter().map(|&strength| strength >= threshold).collect();
        Boundaries { size: self.size, pixels }
    }
}
