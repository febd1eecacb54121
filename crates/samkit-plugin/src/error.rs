//! Why a task failed.

use samkit_core::ParamError;
use samkit_plugin_abi as abi;

use crate::artifact::Malformed;

/// Why a task failed, as it tells the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The host asked to stop, and the task did.
    #[error("stopped on request")]
    Cancelled,
    /// A parameter is not allowed.
    #[error("{0}")]
    Param(String),
    /// An input is not what the task can work on.
    #[error("{0}")]
    Input(String),
    /// A service of the host failed.
    #[error("{service}: {reason}")]
    Service {
        /// Which one, e.g. `samkit.sam/1 predict`.
        service: &'static str,
        /// What the host said.
        reason: String,
    },
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl TaskError {
    /// A failure in the task's own words: lower-case, no full stop.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    pub(crate) fn status(&self) -> abi::Status {
        match self {
            Self::Cancelled => abi::CANCELLED,
            Self::Param(_) => abi::INVALID_PARAMS,
            Self::Input(_) => abi::INVALID_INPUT,
            Self::Service { .. } | Self::Failed(_) => abi::FAILED,
        }
    }
}

impl From<ParamError> for TaskError {
    fn from(error: ParamError) -> Self {
        Self::Param(error.to_string())
    }
}

impl From<Malformed> for TaskError {
    fn from(error: Malformed) -> Self {
        Self::Input(error.to_string())
    }
}
