//! The task `semantic`: every mask gets the name that fits it best, out of a vocabulary.
//!
//! Masks are shown to CLIP as the task `text` does it ([`samkit_task_text::Looker`]). A mask that nothing
//! in the vocabulary fits well enough stays without a name.
#![forbid(unsafe_code)]

mod areas;
mod params;
mod task;
mod vocabulary;

pub use params::{SemanticParams, Set};
pub use task::{Semantic, entry};
