//! Edges out of a photograph, without ever having been taught what an edge is: the zero-shot
//! recipe of *Segment Anything* (§7.2 and appendix D.2).
//!
//! A regular grid of clicks makes Segment Anything outline whatever lies under each of them; where
//! the mask probabilities fall off steeply at the rim of a mask, there is an edge. In order:
//!
//! 1. a click at every point of a 16×16 grid, three masks each, box NMS at 0.7 ([`detect_edges`]);
//! 2. per mask, the Sobel magnitude of its probability map, kept only along its rim
//!    ([`rim_gradients`]);
//! 3. the pixel-wise maximum over the masks, stretched linearly to \[0, 1\] ([`EdgeMap`]);
//! 4. edge NMS, which thins the bands to lines ([`thin`]).
//!
//! ```no_run
//! use std::{ops::ControlFlow, path::Path};
//! use samkit_edges::{EdgeParams, detect_edges};
//! use samkit_engine::{DeviceKind, Sam};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let photo = image::RgbImage::new(480, 320);
//! let sam = Sam::load(Path::new("mobile-sam.safetensors"), DeviceKind::Auto)?;
//! let embedding = sam.encode(&photo)?;
//! let maps = detect_edges(&sam, &embedding, &EdgeParams::default(), &|_, _| {
//!     ControlFlow::Continue(())
//! })?;
//! println!("{} masks, strength {}", maps.masks, maps.thinned.get_pixel(240, 160)[0]);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod candidates;
mod detect;
mod error;
mod map;
mod params;
mod rim;
mod thinning;

pub use detect::{EdgeMaps, detect_edges};
pub use error::EdgeError;
pub use map::{EdgeImage, EdgeMap};
pub use params::{Border, EdgeParams, Thinning};
pub use rim::{RimPixel, rim_gradients};
pub use thinning::thin;
