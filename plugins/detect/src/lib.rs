//! The task `detect`: boxes around the things in an image, with their classes and scores, by the
//! built-in detector or any that was exported as ONNX (see the crate `samkit-detect`).
#![forbid(unsafe_code)]

mod params;
mod task;
mod vocabulary;

pub use params::{BUILT_IN, DetectParams};
pub use task::{Detect, entry};
pub use vocabulary::{Unknown, classes};
