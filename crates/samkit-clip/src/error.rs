//! What can go wrong with a CLIP model.

use std::path::PathBuf;

/// Why a model cannot be had, or cannot embed something.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ClipError {
    /// A file of the model's folder is not there.
    #[error("{} has no {names}", folder.display())]
    #[diagnostic(help(
        "a CLIP folder holds config.json, model.safetensors and tokenizer.json, or vocab.json with merges.txt in place of the last"
    ))]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file, or the files of which one would do.
        names: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is not one of a CLIP that is known here.
    #[error("{}: {reason}", path.display())]
    #[diagnostic(help("expected the config.json of a CLIPModel of Hugging Face's transformers"))]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An activation function that is not known here.
    #[error("{}: the {tower} tower's hidden_act is `{found}`, which is not supported", path.display())]
    #[diagnostic(help("supported are {}", crate::config::ACTIVATIONS))]
    Activation {
        /// The file.
        path: PathBuf,
        /// `text` or `vision`.
        tower: &'static str,
        /// The value.
        found: String,
    },
    /// The file is not safetensors, or it is damaged or cut off.
    #[error("{} is not a whole safetensors file: {reason}", path.display())]
    #[diagnostic(help("copy or fetch it again"))]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the configuration asks for is not there.
    #[error("{} has no tensor `{name}`, expected with shape {expected:?}", path.display())]
    #[diagnostic(help("config.json and model.safetensors have to belong to the same CLIP model"))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape after the configuration.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{}: tensor `{name}` has shape {found:?}, expected {expected:?}", path.display())]
    #[diagnostic(help("config.json and model.safetensors have to belong to the same CLIP model"))]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// Its shape after the configuration.
        expected: Vec<usize>,
    },
    /// A tensor has numbers of another format.
    #[error("{}: tensor `{name}` is of type {found}, expected F32, F16 or BF16", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type in the file.
        found: String,
    },
    /// The tokenizer is not one that CLIP can use.
    #[error("{}: {reason}", path.display())]
    #[diagnostic(help("expected the tokenizer of the same CLIP model"))]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that cannot be cut into tokens.
    #[error("cannot tokenize the text `{text}`: {reason}")]
    Text {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// A template without a place for the name, or no template at all.
    #[error("{reason}")]
    #[diagnostic(help("a template looks like `a photo of a {{}}.`"))]
    Template {
        /// What is wrong.
        reason: String,
    },
    /// An image without pixels.
    #[error("image {index} is {width}×{height}: it has no pixels")]
    EmptyImage {
        /// Its place in the list, from 0.
        index: usize,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The tensor library failed: memory that is not there.
    #[error("the network could not be computed")]
    Tensor(#[from] candle_core::Error),
}
