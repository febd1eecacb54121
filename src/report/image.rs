//! What was done with one image.

use std::{collections::BTreeMap, time::Duration};

use miette::Diagnostic;
use samkit_engine::Timings;
use samkit_scene::Origin;
use serde::{Deserialize, Serialize};

use crate::{error::one_line, job::JobStep};

/// One image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ImageReport {
    /// Its path below the input.
    pub(crate) image: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Where its embedding came from: `encoded` or `cache`; null when no step asked for it.
    pub(crate) embedding: Option<String>,
    /// What was done to it while reading, such as rotation by EXIF, files of the cache that could not
    /// be used, and what steps warn of.
    pub(crate) notes: Vec<String>,
    /// Those of the notes that everybody should see.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
    pub(crate) steps: Vec<StepReport>,
    /// Why nothing could be done with it.
    pub(crate) error: Option<Failure>,
    pub(crate) seconds: Parts,
}

/// One step on one image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StepReport {
    pub(crate) id: String,
    /// Masks that were found, or that the result is made of.
    pub(crate) masks: usize,
    /// What a plugin counted or measured, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) numbers: BTreeMap<String, f64>,
    /// Files, relative to the output folder.
    pub(crate) outputs: Vec<String>,
    pub(crate) error: Option<Failure>,
}

/// An error with its causes, and what to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Where the time went, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Reading and decoding image files.
    pub(crate) read: f64,
    /// The image encoder.
    pub(crate) encode: f64,
    /// The mask decoder.
    pub(crate) decode: f64,
    /// Everything between the networks and the files.
    pub(crate) post_process: f64,
    /// Encoding and writing files.
    pub(crate) write: f64,
}

/// What tasks that find boxes call their number.
const BOXES: &str = "boxes";

/// Origin of an embedding that was not made in this run.
pub(super) const FROM_CACHE: &str = "cache";

/// Where an embedding came from, as `run.json` says it.
pub(crate) fn origin_name(origin: Origin) -> String {
    match origin {
        Origin::Encoded => "encoded",
        Origin::Cache => FROM_CACHE,
    }
    .to_owned()
}

impl Failure {
    pub(crate) fn new(error: &(impl Diagnostic + 'static)) -> Self {
        Self { message: one_line(error), help: error.help().map(|help| help.to_string()) }
    }

    /// Of something that failed and did not say why.
    pub(crate) fn unknown() -> Self {
        Self { message: "failed".into(), help: None }
    }
}

impl StepReport {
    pub(crate) fn new(step: &JobStep) -> Self {
        let (id, numbers, outputs) = (step.id.clone(), BTreeMap::new(), Vec::new());
        Self { id, masks: 0, numbers, outputs, error: None }
    }

    pub(crate) fn failed(step: &JobStep, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(step) }
    }

    /// How many masks or boxes.
    pub(super) fn found(&self) -> usize {
        self.numbers.get(BOXES).map_or(self.masks, |boxes| *boxes as usize)
    }
}

impl ImageReport {
    pub(crate) fn new(image: String) -> Self {
        Self {
            image,
            width: 0,
            height: 0,
            embedding: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            steps: Vec::new(),
            error: None,
            seconds: Parts::default(),
        }
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.error.iter().chain(self.steps.iter().filter_map(|step| step.error.as_ref()))
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failures().next().is_some()
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().flat_map(|step| &step.outputs)
    }
}

impl Parts {
    pub(crate) fn total(&self) -> f64 {
        self.read + self.encode + self.decode + self.post_process + self.write
    }

    /// Adds a step's time, told apart by what the networks took of it.
    pub(crate) fn add_compute(&mut self, whole: Duration, before: Timings, after: Timings) {
        let encode = (after.encode - before.encode).as_secs_f64();
        let decode = (after.decode - before.decode).as_secs_f64();
        self.encode += encode;
        self.decode += decode;
        self.post_process += (whole.as_secs_f64() - encode - decode).max(0.0);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.encode += other.encode;
        self.decode += other.decode;
        self.post_process += other.post_process;
        self.write += other.write;
    }
}
