//! The task `instances`: a mask for every box, by Segment Anything as the host lends it.
//!
//! Boxes come from a detector or from a file. Each is asked about once, and by default once more with
//! the best of the first answers going back in as a mask: the refinement of *Segment Anything* (§D.4,
//! where it precedes the comparison with ViTDet).
#![forbid(unsafe_code)]

mod boxes;
mod masks;
mod params;
mod task;

pub use params::{Choice, InstanceParams, Rank};
pub use task::{Instances, entry};
