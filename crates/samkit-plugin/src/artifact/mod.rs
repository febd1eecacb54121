//! What crosses the border, from both sides: [`Region`] and [`Built`] for who gives, [`View`] for who
//! takes. Tasks meet these through [`Inputs`](crate::Inputs) and [`Outputs`](crate::Outputs); hosts
//! use them the other way round.

mod build;
mod raw;
mod region;
mod view;

pub use build::{Built, Output};
pub use raw::{Malformed, slice, text};
pub use region::{Region, RegionView, Regions};
pub use view::{Pixels, View, view};

pub(crate) use build::hand_over;
pub(crate) use view::{MAX_SIDE, low_res};

/// Edge strengths at every pixel of an image.
pub type EdgeImage = image::ImageBuffer<image::Luma<f32>, Vec<f32>>;
/// The same, borrowed.
pub type EdgeView<'a> = image::ImageBuffer<image::Luma<f32>, &'a [f32]>;
