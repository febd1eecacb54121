//! samkit: masks, edges and segments out of images with Segment Anything, on ordinary machines.
//!
//! The program `samkit` runs recipes from the command line; this crate gathers the libraries it is
//! made of, so that a program can depend on one name. Encode an image once, then ask for as many
//! masks as needed:
//!
//! ```no_run
//! use samkit::{core::Prompt, engine, io, models};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = models::Store::open_default()?;
//! let spec = models::find("mobile-sam")?;
//! let weights = store.ensure(spec, &models::PullOptions::default(), &models::Silent)?;
//! let sam = engine::Sam::load(&weights.path, engine::DeviceKind::Auto)?;
//!
//! let photo = io::read_image("photo.jpg".as_ref(), &io::ReadLimits::default())?.image;
//! let embedding = sam.encode(&photo)?;
//! let prompts = [Prompt::point(320.0, 200.0)];
//! let answers = sam.predict(&embedding, &prompts, engine::MaskOutput::Multi)?;
//! let mask = embedding.frame().mask(&answers[0].best().logits);
//! println!("{} of {} pixels", mask.area(), mask.size().area());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use samkit_clip as clip;
pub use samkit_core as core;
pub use samkit_detect as detect;
pub use samkit_edges as edges;
pub use samkit_engine as engine;
pub use samkit_eval as eval;
pub use samkit_io as io;
pub use samkit_models as models;
pub use samkit_plugin_host as plugins;
pub use samkit_recipe as recipe;
pub use samkit_scene as scene;
