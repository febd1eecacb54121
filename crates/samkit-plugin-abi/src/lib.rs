//! The border between samkit and task plugins, in C terms: `#[repr(C)]` structs, function pointers
//! and numbers, and nothing of Rust's own. No dependencies, no `std`.
//!
//! Rust authors use the crate `samkit-plugin`, which wraps all of this; C authors include
//! `samkit_plugin.h`, which is generated from these files.
//!
//! # How it works
//! A shared library exports one function, [`ENTRY_SYMBOL`], which returns a static [`Entry`]. The
//! entry points to a [`Descriptor`], which the host reads before it creates anything, and holds the
//! functions that create, run and destroy an instance of the task.
//!
//! # Growth
//! Every struct that may get more fields begins with a [`Header`]. New fields are only ever added
//! at its end; the reader takes what both sides know ([`read`]) and sees zeros for the rest. Structs
//! without a header never change. New abilities of the host come as named extensions
//! ([`Host::get_extension`]). What breaks these rules gets a new major version, and with it another
//! exported name.
//!
//! # Threads
//! Calls into one instance never overlap, but may come from different threads. Every function of
//! the host says which threads may call it:
//!
//! - *call thread*: the thread on which the host called `create` or `run`, until that call returns;
//! - *any thread*: also threads of the plugin's own, until that call returns.
//!
//! The host refuses other calls with [`WRONG_CALL`] and fails the step.
//!
//! # Ownership
//! Everything passed as an argument belongs to the caller and is valid until the call returns,
//! unless the function says otherwise. Outputs that a plugin hands over carry their own deleter
//! ([`Owner`]).
//!
//! # Errors
//! Functions return a status ([`OK`], [`FAILED`], …). No exception and no panic may cross.
#![no_std]
#![allow(unsafe_code, reason = "reads structs that the other side wrote; see each SAFETY comment")]

mod clip;
mod descriptor;
mod header;
mod host;
mod sam;
mod values;

pub use clip::*;
pub use descriptor::*;
pub use header::*;
pub use host::*;
pub use sam::*;
pub use values::*;

/// Name of the exported function, an [`EntryFn`]. The major version is part of it.
pub const ENTRY_SYMBOL: &str = "samkit_plugin_entry_v1";

/// The C header with all of this.
pub const C_HEADER: &str = include_str!("../include/samkit_plugin.h");
