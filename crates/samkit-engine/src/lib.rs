//! Segment Anything on candle: encode an image once, then ask for as many masks as you like.
//!
//! - [`Sam`] holds the weights: [`Sam::encode`] turns an image into an [`Embedding`],
//!   [`Sam::predict`] answers [prompts](samkit_core::Prompt) on it.
//! - [`Frame`] knows the way between the image's pixels and the network's.
//! - [`generate_masks`] finds masks for everything in an image.
//! - [`layers`] lends the fast path's kernels to other networks.
//! - [`EmbeddingCache`] keeps embeddings in a folder from one run to the next.
//!
//! Coordinates that cross this crate's border are original-image pixels.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use samkit_engine::{DeviceKind, GeneratorParams, Sam, generate_masks};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sam = Sam::load("mobile-sam.safetensors".as_ref(), DeviceKind::Cpu)?;
//! let image = image::open("photo.jpg")?.to_rgb8();
//! let params = GeneratorParams { points_per_side: 16, ..GeneratorParams::default() };
//! let masks = generate_masks(&sam, &image, None, &params, &|_, _| ControlFlow::Continue(()))?;
//! println!("{} masks, the largest of {:?} pixels", masks.len(), masks.iter().map(|m| m.area).max());
//! # Ok(())
//! # }
//! ```

mod cache;
mod contour;
mod cpu;
mod device;
mod embedding;
mod error;
mod frame;
mod generator;
mod network;
mod precision;
mod prediction;
mod preprocess;
mod resample;
mod resize;
mod sam;
mod timings;

pub use cache::{CachedEmbedding, EmbeddingCache};
#[cfg(feature = "kernels")]
#[doc(hidden)]
pub use cpu::kernels;
pub use cpu::layers;
pub use device::DeviceKind;
pub use embedding::Embedding;
pub use error::EngineError;
pub use frame::{Frame, INPUT_SIDE, MaskMeasure};
pub use generator::{GeneratorParams, Progress, generate_masks};
pub use precision::Precision;
pub use prediction::{MaskOutput, MaskPrediction, Prediction};
pub use resize::{Filter, resize_part};
pub use sam::Sam;
pub use timings::Timings;
