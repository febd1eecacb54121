//! Write a samkit task in Rust.
//!
//! Implement [`Task`], name it in [`declare_plugin!`], build a `cdylib` with the feature `export`, and
//! `samkit` finds the task by its id. There is no unsafe code to write: panics, errors and wrong
//! calls are dealt with here.
//!
//! ```
//! use samkit_plugin::{
//!     Descriptor, Host, Inputs, Kind, Outputs, Slot, Task, TaskError, declare_plugin, schemars,
//! };
//! use serde::{Deserialize, Serialize};
//!
//! /// Parameters of the task.
//! #[derive(Default, Serialize, Deserialize, schemars::JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! #[schemars(crate = "samkit_plugin::schemars")]
//! pub struct Params {
//!     /// Added to every value.
//!     #[schemars(range(max = 100))]
//!     amount: u8,
//! }
//!
//! /// Makes images brighter.
//! pub struct Brighter(Params);
//!
//! impl Task for Brighter {
//!     type Params = Params;
//!     const DESCRIPTOR: Descriptor = Descriptor {
//!         id: "brighter",
//!         name: "Brighter",
//!         version: env!("CARGO_PKG_VERSION"),
//!         license: "MIT OR Apache-2.0",
//!         description: "Adds an amount to every value",
//!         inputs: &[Slot::new("image", Kind::Image, "the image")],
//!         outputs: &[Slot::new("image", Kind::Image, "the brighter image").saved_by_default()],
//!         extensions: &[],
//!     };
//!
//!     fn create(params: Params, _host: &Host<'_>) -> Result<Self, TaskError> {
//!         Ok(Self(params))
//!     }
//!
//!     fn run(
//!         &mut self,
//!         inputs: &Inputs<'_>,
//!         _host: &Host<'_>,
//!         outputs: &mut Outputs<'_>,
//!     ) -> Result<(), TaskError> {
//!         let image = inputs.image()?;
//!         let brighter = image.as_raw().iter().map(|v| v.saturating_add(self.0.amount)).collect();
//!         let brighter = image::RgbImage::from_raw(image.width(), image.height(), brighter);
//!         outputs.put("image", brighter.expect("as many values"))
//!     }
//! }
//!
//! declare_plugin!(Brighter);
//! # fn main() { assert!(!entry().descriptor.is_null()); }
//! ```
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code, reason = "the border itself; see each SAFETY comment")]

#[cfg(panic = "abort")]
compile_error!(
    "samkit plugins catch panics at the border, which `panic = \"abort\"` makes impossible; remove it \
     from the profile in Cargo.toml"
);

pub mod artifact;
mod clip;
mod entry;
mod error;
mod guard;
mod host;
mod inputs;
mod outputs;
mod sam;
mod schema;
mod table;
mod task;

pub use artifact::{EdgeImage, EdgeView, Output, Region, RegionView, Regions};
pub use clip::{Clip, ClipInfo, Embeddings};
pub use entry::EntryCell;
pub use error::TaskError;
pub use guard::panic_text;
pub use host::{Host, LogLevel, Signals};
pub use inputs::Inputs;
pub use outputs::Outputs;
pub use sam::{
    AutomaticMasks, Frame, LowRes, MaskOutput, Measure, Picture, Predicted, Predictions, Prompt,
    Sam,
};
pub use schema::params_schema;
pub use table::Table;
pub use task::{Descriptor, Kind, Slot, Task};

pub use samkit_plugin_abi::{self as abi, EXT_CLIP, EXT_MODELS, EXT_SAM};
pub use {image, samkit_core, schemars};
