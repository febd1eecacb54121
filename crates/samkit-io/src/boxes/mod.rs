//! Boxes that others made, out of their annotation files.
//!
//! [`BoxFile::read`] reads a file or a folder whole, without looking at any image. Then
//! [`BoxFile::matched`] finds out which of its entries belong to which images, and
//! [`Matched::boxes`] gives an image's boxes in pixels. A box that cannot be one is kept out and
//! reported with its image; a file that does not have its format's form is an error that says where.

pub(crate) mod class_names;
pub(crate) mod classes;
mod coco;
pub(crate) mod coco_objects;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod folder;
mod format;
pub(crate) mod json;
mod labelme;
pub(crate) mod matching;
mod nan;
pub(crate) mod paths;
pub(crate) mod resolve;
mod results;
pub(crate) mod scalar;
mod table;
pub(crate) mod text;
mod voc;
mod yolo;

use std::path::PathBuf;

use samkit_core::BBox;

pub use class_names::read_class_names;
pub use error::{BoxFileError, Place};
pub use file::BoxFile;
pub use format::BoxFormat;
pub use matching::{AmbiguousEntry, Matched};
pub use resolve::{BoxProblem, ResolvedBoxes, UnusableBoxes};

/// A box from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenBox {
    /// Its corners in the image's pixels, as the file has them: it may reach over the image's sides.
    pub bbox: BBox,
    /// The class; empty where the file names none. A class that has a number but no name is called
    /// `class 7`.
    pub label: String,
    /// The class's number in the file.
    pub category_id: Option<u32>,
    /// How certain whoever made the box was.
    pub score: Option<f32>,
}

/// How a file is to be read.
#[derive(Clone, Debug, Default)]
pub struct BoxOptions {
    /// The format; recognised from the content where there is none.
    pub format: Option<BoxFormat>,
    /// Names of the classes 0, 1, …, for YOLO and for COCO without categories. They go before names
    /// found beside YOLO's files.
    pub class_names: Vec<String>,
    /// A COCO data set that says what the image ids and categories of COCO results mean.
    pub images: Option<PathBuf>,
}
