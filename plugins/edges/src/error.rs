//! What can go wrong on the way to an edge map.

use samkit_core::ParamError;
use samkit_engine::EngineError;

/// Why there is no edge map.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum EdgeError {
    /// The network failed, or the caller stopped it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A parameter is outside its range.
    #[error(transparent)]
    #[diagnostic(help("leave the parameter out to get the paper's value"))]
    Param(#[from] ParamError),
}
