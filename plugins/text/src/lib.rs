//! The task `text`: every segment of an image that fits a description.
//!
//! Segment Anything has no published way from words to masks, so masks for everything are made first
//! and CLIP says which of them fit: a crop of each ([`view`]) is compared with the queries and with
//! what it may be instead ([`shares`]), so that nothing is found where nothing fits. Of masks that lie
//! in each other one is taken ([`without_nested`]). [`Looker`] does what the task `semantic` needs too.
#![forbid(unsafe_code)]

mod looker;
mod params;
mod parts;
mod proposals;
mod relevance;
mod scores;
mod task;
mod views;

pub use looker::Looker;
pub use params::{
    BACKGROUND, DEFAULT_MODEL, Looking, NAME_TEMPLATES, TEMPLATES, TextParams, Unknown,
    check_names, check_unknown,
};
pub use parts::{Prefer, Scored, containment, without_nested};
pub use proposals::{Proposal, proposals};
pub use scores::{cosines, mean, shares};
pub use task::{Text, entry};
pub use views::{Outside, view};
