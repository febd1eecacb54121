//! What was done: the one record behind `run.json`, `--json` and the table.

mod image;
mod plan;
pub(crate) mod table;

use std::{cell::RefCell, io};

use samkit_models::LocalModel;
use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::Value;

pub(crate) use image::{Failure, ImageReport, Parts, StepReport, origin_name};
pub(crate) use plan::{print_plan, step_json};

use image::FROM_CACHE;

use crate::{batch::Records, commands::Outcome, print::print_text, shard::Shard};

/// One run. Its images are read from the journal while it is written.
#[derive(Debug, Serialize)]
pub(crate) struct RunReport<'r> {
    /// Version of the program.
    pub(crate) samkit: String,
    /// The recipe, or the command.
    pub(crate) run: String,
    /// Which part of the images this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<Shard>,
    /// The weights; null when no image got as far as needing them.
    pub(crate) model: Option<ModelReport>,
    /// Other weights that steps worked with.
    pub(crate) weights: Vec<ModelReport>,
    /// Where the networks ran: `cpu`, `cuda` or `metal`; null likewise.
    pub(crate) device: Option<String>,
    /// In which number format the image encoder computes.
    pub(crate) precision: Value,
    /// Threads that computed; null for a run that was merged from others.
    pub(crate) threads: Option<usize>,
    /// The steps as resolved, every default filled in.
    pub(crate) steps: Value,
    pub(crate) output: String,
    /// What was said before the first image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// Files made of all images, relative to the output folder.
    pub(crate) outputs: Vec<String>,
    /// Whether images are missing.
    pub(crate) interrupted: bool,
    /// Why the run could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<Failure>,
    /// Images that were done before this start of the run.
    pub(crate) resumed: usize,
    pub(crate) images: Images<'r>,
    pub(crate) seconds: RunSeconds,
    pub(crate) networks: Networks,
    #[serde(skip)]
    pub(crate) totals: Totals,
}

/// Which weights ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelReport {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) source_sha256: Vec<String>,
    /// Of the stored file.
    pub(crate) sha256: String,
}

impl ModelReport {
    pub(crate) fn new(local: &LocalModel) -> Self {
        Self {
            id: local.id.clone(),
            source: local.source.clone(),
            source_sha256: local.source_sha256.clone(),
            sha256: local.sha256.clone(),
        }
    }
}

/// Time of a whole run, in seconds.
#[derive(Debug, Serialize)]
pub(crate) struct RunSeconds {
    /// Fetching and loading the weights.
    pub(crate) load: f64,
    /// All images together.
    #[serde(flatten)]
    pub(crate) parts: Parts,
    pub(crate) total: f64,
}

/// How often and how long the networks ran.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Networks {
    pub(crate) images_encoded: u64,
    /// Images that were not encoded, because the cache held their embeddings.
    pub(crate) embeddings_from_cache: usize,
    pub(crate) encoder_seconds: f64,
    pub(crate) prompts_decoded: u64,
    pub(crate) decoder_seconds: f64,
}

impl Networks {
    pub(crate) fn add(&mut self, other: &Self) {
        self.images_encoded += other.images_encoded;
        self.encoder_seconds += other.encoder_seconds;
        self.prompts_decoded += other.prompts_decoded;
        self.decoder_seconds += other.decoder_seconds;
    }
}

/// Sums over all images.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) images: usize,
    pub(crate) failed: usize,
    pub(crate) files: usize,
    /// Masks and boxes.
    pub(crate) objects: usize,
    pub(crate) from_cache: usize,
    pub(crate) parts: Parts,
}

impl Totals {
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn of(images: &Images<'_>) -> io::Result<Self> {
        let mut totals = Self::default();
        images.each(|image| {
            totals.images += 1;
            totals.failed += usize::from(image.is_failed());
            totals.files += image.outputs().count();
            totals.objects += image.steps.iter().map(StepReport::found).sum::<usize>();
            totals.from_cache += usize::from(image.embedding.as_deref() == Some(FROM_CACHE));
            totals.parts.add(&image.seconds);
        })?;
        Ok(totals)
    }
}

/// The images of a run, where the journal has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Images<'r>(pub(crate) &'r Records);

/// What is needed of a line.
#[derive(Deserialize)]
struct Reported {
    report: ImageReport,
}

impl Images<'_> {
    /// Calls `f` with one image after the other.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn each(&self, mut f: impl FnMut(ImageReport)) -> io::Result<()> {
        self.0.entries::<Reported>()?.try_for_each(|entry| {
            f(entry?.report);
            Ok(())
        })
    }
}

impl Serialize for Images<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries::<Reported>().map_err(S::Error::custom)?;
        // A line that cannot be read ends the list, and is the whole's error then.
        let failed = RefCell::new(None);
        let reports = entries.map_while(|entry| match entry {
            Ok(entry) => Some(entry.report),
            Err(error) => {
                *failed.borrow_mut() = Some(error);
                None
            }
        });
        let done = serializer.collect_seq(reports)?;
        match failed.into_inner() {
            Some(error) => Err(S::Error::custom(error)),
            None => Ok(done),
        }
    }
}

impl RunReport<'_> {
    pub(crate) fn outcome(&self) -> Outcome {
        // Nobody stopped a merge of shards that are not complete.
        let is_merged = self.threads.is_none();
        if self.stopped.is_some() || (self.interrupted && is_merged) {
            Outcome::SomeFailed
        } else if self.interrupted {
            Outcome::Stopped
        } else if self.totals.failed > 0 {
            Outcome::SomeFailed
        } else {
            Outcome::Done
        }
    }
}

/// The report as one document on stdout.
pub(crate) fn print_json(report: &impl Serialize) {
    let text = serde_json::to_string_pretty(report).expect("a report is plain data");
    print_text(&(text + "\n"));
}
