//! Why annotations could not be read.

use std::path::PathBuf;

use miette::Diagnostic;

use super::AnnotationFormat;
use crate::{BoxFileError, FindError, ReadError};

/// Why annotations could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AnnotationError {
    /// An annotation file is not there, cannot be read, or does not have its format's form.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(BoxFileError),
    /// A label map cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] ReadError),
    /// The folder of the images is not there, or has none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Images(#[from] FindError),
    /// Neither the name nor the content says what it is.
    #[error("`{}` is in no format of annotations that is known by its ending or content: {found}", path.display())]
    #[diagnostic(help("name the format with `--from`: {}", AnnotationFormat::NAMES.join(", ")))]
    Unrecognised {
        /// What was to be read.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// A PNG image that is no label map.
    #[error("`{}` is no label map: {found}, expected an 8-bit, 16-bit or palette PNG", path.display())]
    #[diagnostic(help("save it as a grey or palette PNG, a number a thing and 0 for nothing"))]
    LabelMap {
        /// The image.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// Numbers of pixels are needed, and nothing says them.
    #[error(
        "`{}` ({format}) does not say how large its images are, and none of them is beside it",
        path.display()
    )]
    #[diagnostic(help("name the folder of the images with `--images`"))]
    NoSizes {
        /// What was to be read.
        path: PathBuf,
        /// Its format.
        format: AnnotationFormat,
    },
    /// The annotations are of other images than those given.
    #[error(
        "none of the {count} images in `{}` has annotations in `{}`, which are of {entries}",
        images.display(),
        path.display()
    )]
    #[diagnostic(help(
        "name the folder of the images that the annotations are of with `--images`"
    ))]
    NoneFits {
        /// What was read.
        path: PathBuf,
        /// The folder of the images.
        images: PathBuf,
        /// How many are in it.
        count: usize,
        /// Some of the images that there are annotations of.
        entries: String,
    },
    /// A data set was given that nothing asks for.
    #[error("`{}` is in the format `{format}`, which has images of its own", path.display())]
    #[diagnostic(help("a data set with the images is for COCO results only: leave it out"))]
    NoUseForDataSet {
        /// What was to be read.
        path: PathBuf,
        /// Its format.
        format: AnnotationFormat,
    },
    /// Masks that take more memory than the limit.
    #[error("the masks in `{}` take more than {} MiB of memory", path.display(), limit >> 20)]
    #[diagnostic(help("divide the annotations into several files; perhaps this one is damaged"))]
    TooMuchMemory {
        /// What was to be read.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

impl From<BoxFileError> for AnnotationError {
    fn from(error: BoxFileError) -> Self {
        match error {
            // Says more formats than boxes can be in.
            BoxFileError::Unrecognised { path, found } => Self::Unrecognised { path, found },
            other => Self::File(other),
        }
    }
}
