//! What was found in many images, as the files that other programs read.

mod categories;
mod coco;
mod label_map;
mod labelme;
mod yolo;

use std::path::PathBuf;

use samkit_core::{BBox, Rle, Size};

use categories::Categories;
pub use categories::class_names;
pub use coco::{coco_dataset, coco_results};
pub use label_map::{class_map, label_map};
pub use labelme::labelme;
pub use yolo::write_yolo;

/// A thing in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The box around it, in original-image pixels.
    pub bbox: BBox,
    /// Its class; may be empty.
    pub label: String,
    /// The number that its class has elsewhere, such as COCO's.
    pub category_id: Option<u32>,
    /// How good or how likely it is.
    pub score: Option<f32>,
    /// Its mask, where there is one.
    pub mask: Option<Rle>,
}

/// An image and the things in it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedImage {
    /// The number that data sets know it by.
    pub id: u64,
    /// Its path below the input, with `/`.
    pub file_name: String,
    /// The file itself.
    pub path: PathBuf,
    /// What files that belong to it begin with, different for every image.
    pub stem: PathBuf,
    /// Its size.
    pub size: Size,
    /// What is in it.
    pub instances: Vec<Instance>,
}

/// How far a polygon may lie from the mask's outline, in pixels.
const POLYGON_TOLERANCE: f32 = 1.0;

/// A number with three decimals at most: thousandths of a pixel.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}
