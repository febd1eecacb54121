//! CLIP: embeddings of images and of texts in one space, where the cosine says how well they fit
//! (Radford et al. 2021).
//!
//! - [`ClipModel`] reads a folder in Hugging Face's layout (`config.json`, `model.safetensors`,
//!   `tokenizer.json`) and embeds images and texts.
//! - [`TextImageModel`] is what users of such embeddings need to know of a model.
//! - [`TEMPLATES`] make sentences of the names of things.
//!
//! ```no_run
//! use samkit_clip::{ClipModel, TEMPLATES, TextImageModel, similarity};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = ClipModel::load("clip-vit-b32".as_ref())?;
//! let photo = image::open("photo.jpg")?.to_rgb8();
//! let image = &model.embed_images(&[photo])?[0];
//! let names = ["dog".to_owned(), "bicycle".to_owned()];
//! for (name, text) in names.iter().zip(model.embed_prompts(&names, TEMPLATES)?) {
//!     println!("{name}: {:.3}", similarity(image, &text));
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod cache;
mod config;
mod error;
mod fast;
mod generic;
mod model;
mod prompts;
mod tokenizer;
mod towers;
mod vectors;
mod view;
mod weights;

pub use error::ClipError;
pub use model::ClipModel;
pub use prompts::{TEMPLATES, TextImageModel};
pub use vectors::similarity;
