//! Edges out of a photograph, without ever having been taught what an edge is, after the zero-shot
//! recipe of *Segment Anything* (§7.2 and appendix D.2), which is [`Preset::Paper`].
//!
//! A regular grid of clicks makes Segment Anything outline whatever lies under each of them; where
//! the mask probabilities fall off steeply at the rim of a mask, there is an edge. In order:
//!
//! 1. a click at every point of a 16×16 grid, three masks each, box NMS at 0.7 ([`detect_edges`]);
//! 2. per mask, the Sobel magnitude of its probability map, kept only along its rim
//!    ([`rim_gradients`]);
//! 3. the pixel-wise maximum over the masks, stretched linearly to \[0, 1\] ([`EdgeMap`]); by default
//!    also how many masks have an edge there ([`Combination::Votes`]), and where wanted the mean over
//!    several views of the image ([`Views`]);
//! 4. edge NMS, which thins the bands to lines ([`thin`]).
//!
//! The whole is the task `edges` behind samkit's plugin border ([`entry`]): it knows Segment Anything
//! only as the host lends it. Programs that are not samkit run it like any other task:
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use samkit_engine::{DeviceKind, Sam};
//! use samkit_plugin_host::{Cancel, Input, Plugin, View};
//! use samkit_scene::Scene;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let photo = image::RgbImage::new(480, 320);
//! let sam = Arc::new(Sam::load(Path::new("mobile-sam.safetensors"), DeviceKind::Auto)?);
//! let scene = Scene::new(sam, photo, None);
//! let edges = Plugin::linked_in(samkit_edges::entry())?;
//! let mut task = edges.create(&serde_json::json!({ "points_per_side": 32 }), &scene)?;
//! let outputs = task.run(&[Input::image("image", scene.image())], &scene, &Cancel::default())?;
//! if let View::EdgeMap(thinned) = outputs[0].view() {
//!     println!("strength {}", thinned.get_pixel(240, 160)[0]);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod binary;
mod candidates;
mod detect;
mod lines;
mod map;
mod params;
mod ridge;
mod rim;
mod task;
mod thinning;
mod views;
mod votes;

pub use detect::{EdgeMaps, detect_edges};
pub use lines::{Line, geojson, lines, svg};
pub use map::{EdgeMap, stretched};
pub use params::{Border, Combination, EdgeParams, Preset, Thinning, Views};
pub use rim::{RimPixel, rim_gradients};
pub use samkit_plugin::EdgeImage;
pub use task::{Edges, entry};
pub use thinning::thin;
