//! Boxes around the things in an image, with their classes and scores.
//!
//! - [`SsdLite`] is the detector that comes with samkit: small, fast, COCO's 80 classes.
//! - [`select`] makes detections of what a detector says of every place: threshold, NMS, the best.
//!
//! Boxes are in original-image pixels.
#![forbid(unsafe_code)]

mod candidates;
mod error;
mod ssdlite;

pub use candidates::{Candidate, Selection, select};
pub use error::DetectError;
pub use ssdlite::{Raw, SsdLite};
