//! The vocabulary of samkit: sizes, points and boxes, prompts, masks and their run-length codes.
//!
//! Everything here is in **original-image pixels** unless a name says otherwise. The crate touches
//! neither a network nor the file system, so any program can use it to read or check results.
//!
//! ```
//! use samkit_core::{Mask, Rle, Size};
//!
//! let mut mask = Mask::empty(Size::new(4, 3));
//! mask.set(1, 2, true);
//! let rle = Rle::from_mask(&mask);
//! assert_eq!(rle.area(), 1);
//! assert_eq!(rle.to_mask(), mask);
//! ```
#![forbid(unsafe_code)]

mod choice;
mod coco;
mod geometry;
mod grid;
mod mask;
mod nms;
mod outline;
mod overlap;
mod param;
mod parts;
mod polygon;
mod prompt;
mod record;
mod regions;
mod rle;
mod rle_ops;
mod rle_string;
mod topology;

pub use choice::MaskChoice;
pub use coco::{COCO_CATEGORIES, coco_id, coco_name};
pub use geometry::{BBox, Point, Size};
pub use grid::{point_grid, points_inside};
pub use mask::Mask;
pub use nms::nms;
pub use outline::{joined, outlines, simplified};
pub use overlap::Overlap;
pub use param::ParamError;
pub use parts::{Part, parts, polygons};
pub use prompt::{LOW_RES_SIDE, LowResLogits, PointLabel, PointPrompt, Prompt};
pub use record::MaskRecord;
pub use regions::{RegionMode, remove_small_regions};
pub use rle::{Rle, RleError};
