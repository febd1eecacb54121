//! What the page needs of one image.

use image::{GrayImage, RgbImage};
use samkit_io::Instance;
use serde::{Deserialize, Serialize};

use crate::{
    object::{Object, rounded},
    picture::Picture,
};

/// What a step has to show for an image.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Things in it, with or without masks.
    Objects(&'a [Instance]),
    /// A picture of any size, such as an overlay.
    Picture(&'a RgbImage),
    /// A picture in greys, such as an edge map.
    Gray(&'a GrayImage),
    /// Nothing to look at.
    Nothing,
    /// Why the step failed.
    Failed {
        /// What went wrong.
        message: &'a str,
        /// What to do.
        help: Option<&'a str>,
    },
}

/// What a step made of an image. A step that has several things to show gets several views, told
/// apart by their names.
#[derive(Clone, Copy, Debug)]
pub struct ResultView<'a> {
    /// The step's name.
    pub step: &'a str,
    /// What is to be seen.
    pub shown: Shown<'a>,
    /// What it counted or measured, by name.
    pub numbers: &'a [(&'a str, f64)],
    /// What everybody should see.
    pub warnings: &'a [String],
    /// The files it wrote, relative to the page's folder, with `/`. The page links to them.
    pub files: &'a [String],
}

impl<'a> ResultView<'a> {
    /// A view without numbers, warnings and files.
    pub fn new(step: &'a str, shown: Shown<'a>) -> Self {
        Self { step, shown, numbers: &[], warnings: &[], files: &[] }
    }
}

/// What the page needs of one image, as one value of JSON.
///
/// It holds a JPEG of at most 880 pixels a side, so that it takes about 80 kB whatever the image's
/// size, and grows with the number and the outlines of objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub(crate) name: String,
    /// Width and height of the image itself.
    pub(crate) size: Option<[u32; 2]>,
    pub(crate) seconds: Option<f64>,
    pub(crate) picture: Option<Picture>,
    pub(crate) results: Vec<StepResult>,
    pub(crate) warnings: Vec<String>,
    pub(crate) failure: Option<Failure>,
}

/// A [`ResultView`], kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepResult {
    pub(crate) step: String,
    /// `None` where the step shows no things at all; empty where it found none.
    pub(crate) objects: Option<Vec<Object>>,
    pub(crate) picture: Option<Picture>,
    /// `None` for numbers that JSON cannot say.
    numbers: Vec<(String, Option<f64>)>,
    pub(crate) warnings: Vec<String>,
    files: Vec<String>,
    pub(crate) failure: Option<Failure>,
}

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
}

impl Card {
    /// The card of an image and what steps made of it, in their order. `name` is what people know it
    /// by, such as its path below the input. Masks may have another size than the image: they are
    /// scaled.
    pub fn new(name: &str, image: &RgbImage, results: &[ResultView<'_>]) -> Self {
        let picture = Picture::of_input(image);
        let of_picture = picture.as_ref().map_or((1, 1), |shown| (shown.width, shown.height));
        let sizes = (image.dimensions(), of_picture);
        Self {
            size: Some(image.dimensions().into()),
            results: results.iter().map(|view| StepResult::new(view, sizes)).collect(),
            picture,
            ..Self::empty(name)
        }
    }

    /// The card of an image that nothing could be done with.
    pub fn failed(name: &str, message: &str, help: Option<&str>) -> Self {
        Self { failure: Some(Failure::new(message, help)), ..Self::empty(name) }
    }

    /// How long the image took, in seconds.
    #[must_use]
    pub fn with_seconds(mut self, seconds: f64) -> Self {
        self.seconds = rounded(seconds);
        self
    }

    /// What everybody should know of the image itself.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    fn empty(name: &str) -> Self {
        Self {
            name: name.into(),
            size: None,
            seconds: None,
            picture: None,
            results: Vec::new(),
            warnings: Vec::new(),
            failure: None,
        }
    }
}

impl StepResult {
    fn new(view: &ResultView<'_>, (image, picture): ((u32, u32), (u32, u32))) -> Self {
        let numbers = view.numbers.iter();
        let mut result = Self {
            step: view.step.into(),
            objects: None,
            picture: None,
            numbers: numbers.map(|&(name, number)| (name.into(), rounded(number))).collect(),
            warnings: view.warnings.into(),
            files: view.files.into(),
            failure: None,
        };
        match view.shown {
            Shown::Objects(things) => result.objects = Some(Object::all(things, image, picture)),
            Shown::Picture(shown) => result.picture = Picture::of_result(shown),
            Shown::Gray(shown) => result.picture = Picture::of_gray(shown),
            Shown::Nothing => {}
            Shown::Failed { message, help } => result.failure = Some(Failure::new(message, help)),
        }
        result
    }
}

impl Failure {
    fn new(message: &str, help: Option<&str>) -> Self {
        Self { message: message.into(), help: help.map(Into::into) }
    }
}
