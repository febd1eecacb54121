//! What can go wrong with a detector.

use std::path::PathBuf;

/// Why a detector cannot be had, or cannot look at an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DetectError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file does not hold the weights of the built-in detector.
    #[error("{} does not hold the weights of ssdlite-mobilenet-v2: {reason}", path.display())]
    #[diagnostic(help("fetch them again with `samkit models pull ssdlite-mobilenet-v2 --force`"))]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
}
