//! What can go wrong with a detector.

use std::path::PathBuf;

/// Why a detector cannot be had, or cannot look at an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DetectError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(help(
        "expected a detector's file: check that the path is spelled right, is no folder, and may be read"
    ))]
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
    /// The file is not an ONNX graph, or not all of it is there.
    #[error("{} is not an ONNX graph, or it is damaged or cut off", path.display())]
    #[diagnostic(help(
        "a detector is an ONNX file as exporters write it; copy or export it again"
    ))]
    NotOnnx {
        /// The file.
        path: PathBuf,
    },
    /// The graph uses operators that the runtime does not have.
    #[error("{} uses operators that are not supported: {}", path.display(), operators.join(", "))]
    #[diagnostic(help(
        "export it with the standard operators of ONNX (opset 9 to 18), without NMS plugins"
    ))]
    Operators {
        /// The file.
        path: PathBuf,
        /// Their names.
        operators: Vec<String>,
    },
    /// The graph's inputs are not an image.
    #[error("{}: {reason}", path.display())]
    #[diagnostic(help(
        "a detector takes one image as F32 (1, 3, height, width), and at most `orig_target_sizes` or `pixel_mask` beside it"
    ))]
    Input {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The graph's outputs are not a detector's.
    #[error("{} has outputs {}: {reason}", path.display(), outputs.join(" and "))]
    #[diagnostic(help("{LAYOUTS}"))]
    Layout {
        /// The file.
        path: PathBuf,
        /// Their shapes.
        outputs: Vec<String>,
        /// What is wrong with them.
        reason: String,
    },
    /// The runtime fails on the graph.
    #[error("{} cannot be run: {reason}", path.display())]
    #[diagnostic(help("export it for a fixed input size and with opset 9 to 18"))]
    Graph {
        /// The file.
        path: PathBuf,
        /// What the runtime says.
        reason: String,
    },
}

/// What is supported, N boxes and C classes.
const LAYOUTS: &str = "supported are 1×N×(5+C) (`yolox`, `yolov5`), 1×(4+C)×N (`yolo`), 1×N×6 \
    (`end-to-end`), 1×N×C with 1×N×4 (`detr`), 1×N×(4+C) (`rt-detr`), and labels, boxes and scores \
    (`postprocessed`)";
