//! Results drawn over the photograph, to be looked at.

mod depth;
mod edges;
mod ids;
mod instances;
mod masks;
mod paint;
pub(crate) mod palette;
mod prompt;
mod text;

pub use edges::edge_overlay;
pub use instances::instance_overlay;
pub use masks::{mask_overlay, mask_overlay_with_ids};
pub use prompt::draw_prompt;
