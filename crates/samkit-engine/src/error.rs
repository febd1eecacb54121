//! What can go wrong in the engine.

use std::path::PathBuf;

use samkit_core::ParamError;

use crate::precision::Precision;

/// An error of the engine.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum EngineError {
    /// A weights file that cannot be read.
    #[error("cannot read weights from {path}")]
    #[diagnostic(help(
        "expected a safetensors state dict with Segment Anything's names; `samkit models pull` fetches one"
    ))]
    Weights {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Weights of a network that is not known here.
    #[error("these weights are not a Segment Anything network that samkit knows: {reason}")]
    #[diagnostic(help(
        "known: MobileSAM (TinyViT) and SAM ViT-B, ViT-L, ViT-H, by their checkpoint names"
    ))]
    UnknownArchitecture {
        /// What was looked for and not found.
        reason: String,
    },
    /// A device that this program or machine does not have.
    #[error("device `{device}` cannot be used: {reason}")]
    #[diagnostic(help("use `cpu` or `auto`"))]
    Device {
        /// The device as it was asked for.
        device: &'static str,
        /// Why not.
        reason: String,
    },
    /// A precision that this machine or network does not have.
    #[error("precision `{precision}` cannot be used: {reason}")]
    #[diagnostic(help("use `f32`, or leave the precision out"))]
    Precision {
        /// The precision as it was asked for.
        precision: Precision,
        /// What it needs, and what is not there.
        reason: String,
    },
    /// Work that needs the network, where it was not loaded.
    #[error("Segment Anything was not loaded for this work")]
    NoNetwork,
    /// An image without pixels.
    #[error("the image is {width}×{height}: it has no pixels")]
    EmptyImage {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A prompt that asks nothing or is not finite.
    #[error("prompt {index} {reason}")]
    #[diagnostic(help(
        "a prompt has at least one point, a box or a mask, with finite coordinates"
    ))]
    Prompt {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file that holds no embedding, or a damaged one.
    #[error("{path} holds no image embedding: {reason}")]
    #[diagnostic(help("expected a file written by `Embedding::save`"))]
    EmbeddingFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder that embeddings cannot be kept in.
    #[error("cannot keep embeddings in the folder {}", path.display())]
    #[diagnostic(help("name a folder that you may write to as the cache, or leave the cache out"))]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An embedding made by another network.
    #[error("the embedding was made by {found}, but the model is {expected}")]
    #[diagnostic(help("encode the image again with this model"))]
    EmbeddingModel {
        /// The network that made it.
        found: String,
        /// The network that was to use it.
        expected: String,
    },
    /// A parameter outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The tensor library failed: a shape that does not fit, or memory that is not there.
    #[error("the network could not be computed")]
    Tensor(#[from] candle_core::Error),
}

/// The engine's results.
pub(crate) type Result<T, E = EngineError> = std::result::Result<T, E>;
