//! Finds, loads and calls plugins, and holds them to their promises.
//!
//! [`SearchPath`] knows where plugins lie, [`Plugin`] is one that was loaded or linked in, [`Instance`]
//! is its task with parameters. What a plugin asks for during a call it gets from
//! [`HostServices`]; the crate itself knows no network. What it gives back is checked before anybody
//! sees it: [`Output`]s are views of the plugin's memory that are freed by the plugin's own deleter.
//!
//! Libraries stay loaded until the process ends. A plugin is code like any other: this crate catches
//! mistakes, not malice.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code, reason = "the border itself; see each SAFETY comment")]

mod call;
mod callbacks;
mod cancel;
mod check;
mod context;
mod description;
mod error;
mod input;
mod instance;
mod library;
mod output;
mod plugin;
mod search;
mod services;
mod template;

pub use cancel::{Cancel, watched};
pub use check::{CheckLine, check};
pub use description::{Description, SlotDescription};
pub use error::{Breach, Origin, PluginError};
pub use input::Input;
pub use instance::Instance;
pub use output::Output;
pub use plugin::{Plugin, Plugins};
pub use samkit_plugin::artifact::{Malformed, Pixels, View};
pub use samkit_plugin::{
    ClipInfo, EdgeImage, Kind, LogLevel, MaskOutput, Measure, Region, RegionView, Regions, Table,
};
pub use search::SearchPath;
pub use services::{
    ClipService, Extent, HostServices, ModelService, PredictedMask, SamService, ServiceError,
};
pub use template::{Language, ProjectFile, project};
