//! Weights for samkit: where they come from, how they are verified, converted
//! and kept.
//!
//! The [`registry`] names every model with its licence and its sources. A
//! [`Store`] is the folder that holds what was fetched: one safetensors file
//! a model, `f32`, under the tensor names of the reference implementation,
//! whatever format the source was in. A CLIP is a folder instead: weights,
//! configuration and tokenizer, as their repository has them. Nothing
//! unverified gets that far: each source file is checked against a pinned size
//! and SHA-256 before it is opened (or, where none is known, against those that
//! the hub names, see [`Hash::FromHub`]), and the result appears by rename.
//!
//! ```no_run
//! use samkit_models::{PullOptions, Silent, Store, find};
//!
//! # fn main() -> Result<(), samkit_models::ModelError> {
//! let store = Store::open_default()?;
//! let local = store.ensure(find("mobile-sam")?, &PullOptions::default(), &Silent)?;
//! println!("{} from {}", local.path.display(), local.source);
//! # Ok(())
//! # }
//! ```
//!
//! # Formats
//! Sources may be PyTorch `.pt`/`.pth` state dicts (read by a small unpickler
//! that knows tensors and dictionaries and refuses every other callable),
//! safetensors, or, for MobileSAM, the pair of ONNX graphs that the model was
//! exported to. See [`Conversion`] for what is done to each.
//!
//! # Adding a model
//! Add a [`ModelSpec`] to `registry.rs`: an id of lower-case letters, digits
//! and dashes, the licence of the weights, and for each source its files with
//! exact size and SHA-256. ([`Hash::FromHub`] is for hubs, and only where no
//! hash can be known beforehand.) If an existing [`Conversion`] fits its tensors,
//! nothing else is needed; otherwise add a variant, and in `convert` the list
//! of tensors (names and shapes) that the network needs, so that a wrong file
//! is refused with the name of the first tensor that is not as expected.
#![forbid(unsafe_code)]

mod convert;
mod error;
mod fetch;
mod folder;
mod format;
mod hash;
mod import;
mod lock;
mod manifest;
mod progress;
mod pull;
mod registry;
mod store;
mod tensor;
pub mod testing;

pub use error::{Attempt, ModelError, Needs};
pub use import::ImportOptions;
pub use manifest::{HashFrom, LocalFile, LocalModel};
pub use progress::{Progress, Silent};
pub use pull::PullOptions;
pub use registry::{Conversion, FileSpec, Hash, ModelSpec, Source, SourceKind, find, registry};
pub use store::{MODELS_DIR_VARIABLE, Status, Store};
