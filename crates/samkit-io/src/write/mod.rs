//! Writing results. Every file appears complete, by renaming.

mod atomic;
mod error;
mod json;
mod lines;
mod logits;
mod masks;
mod npy;
mod png;

pub use atomic::write_atomically;
pub use error::WriteError;
pub use json::write_json;
pub(crate) use lines::Lines;
pub use logits::{write_logits, write_logits_npz};
pub use masks::write_masks;
pub(crate) use png::png_bytes;
pub use png::{
    Gray16Image, GrayMap, to_gray8, to_gray16, write_gray8, write_gray16, write_rgb, write_rgba,
};
