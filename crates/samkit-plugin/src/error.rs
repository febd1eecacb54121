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

    /// The same with what to do about it: the host shows it apart, as `help:`.
    ///
    /// At the border it is a line of the text that begins with `help: `; other lines may follow.
    #[must_use]
    pub fn helped(mut self, help: impl std::fmt::Display) -> Self {
        match &mut self {
            Self::Cancelled => {}
            Self::Param(text) | Self::Input(text) | Self::Failed(text) => {
                *text += &format!("\nhelp: {help}");
            }
            Self::Service { reason, .. } => *reason += &format!("\nhelp: {help}"),
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_a_line_of_the_text() {
        let error = TaskError::failed("no such file").helped("look for it");
        assert_eq!(error.to_string(), "no such file\nhelp: look for it");
        assert_eq!(error.status(), abi::FAILED);
        let error = TaskError::Param("`side` is 0".to_owned()).helped("try 1");
        assert_eq!(
            (error.to_string().as_str(), error.status()),
            ("`side` is 0\nhelp: try 1", abi::INVALID_PARAMS)
        );
    }
}
