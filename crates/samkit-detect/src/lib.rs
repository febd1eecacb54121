//! Boxes around the things in an image, with their classes and scores.
//!
//! - [`SsdLite`] is the detector that comes with samkit: small, fast, COCO's 80 classes.
//! - [`OnnxDetector`] runs exports of other detectors: YOLOX, YOLO, DETR and their like.
//! - [`select`] makes detections of what a detector says of every place: threshold, NMS, the best.
//!
//! Boxes are in original-image pixels.
#![forbid(unsafe_code)]

mod bilinear;
mod candidates;
mod error;
mod onnx;
mod ssdlite;

pub use candidates::{Candidate, Selection, select};
pub use error::DetectError;
pub use onnx::{Family, OnnxDetector, OnnxOptions, Pixels, Resize};
pub use ssdlite::{Raw, SsdLite};
