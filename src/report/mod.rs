//! What was done: the one record behind `run.json`, `--json` and the table.

pub(crate) mod table;

use std::{collections::BTreeMap, time::Duration};

use miette::Diagnostic;
use samkit_engine::Timings;
use samkit_io::Instance;
use samkit_models::LocalModel;
use samkit_scene::Origin;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    commands::Outcome,
    console::counted,
    error::one_line,
    job::{Job, JobStep},
    numbers::short_numbers,
    print::{print_text, say},
    version::VERSION,
};

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct RunReport {
    /// Version of the program.
    pub(crate) samkit: &'static str,
    /// The recipe, or the command.
    pub(crate) run: String,
    /// The weights; null when no image got as far as needing them.
    pub(crate) model: Option<ModelReport>,
    /// Other weights that steps worked with.
    pub(crate) weights: Vec<ModelReport>,
    /// Where the networks ran: `cpu`, `cuda` or `metal`; null likewise.
    pub(crate) device: Option<&'static str>,
    /// In which number format the image encoder computes.
    pub(crate) precision: &'static str,
    pub(crate) threads: usize,
    /// The steps as resolved, every default filled in.
    pub(crate) steps: Vec<Value>,
    pub(crate) output: String,
    /// What was said before the first image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// Files made of all images, relative to the output folder.
    pub(crate) outputs: Vec<String>,
    pub(crate) interrupted: bool,
    pub(crate) images: Vec<ImageReport>,
    pub(crate) seconds: RunSeconds,
    pub(crate) networks: Networks,
}

/// Segment Anything in this run.
pub(crate) struct NetworkRun<'a> {
    pub(crate) local: &'a LocalModel,
    pub(crate) device: &'static str,
    pub(crate) loading: Duration,
    pub(crate) timings: Timings,
}

/// Which weights ran.
#[derive(Debug, Serialize)]
pub(crate) struct ModelReport {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) source_sha256: Vec<String>,
    /// Of the stored file.
    pub(crate) sha256: String,
}

impl ModelReport {
    fn new(local: &LocalModel) -> Self {
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
#[derive(Debug, Serialize)]
pub(crate) struct Networks {
    pub(crate) images_encoded: u64,
    /// Images that were not encoded, because the cache held their embeddings.
    pub(crate) embeddings_from_cache: usize,
    pub(crate) encoder_seconds: f64,
    pub(crate) prompts_decoded: u64,
    pub(crate) decoder_seconds: f64,
}

/// Where the time went, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
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

    fn add(mut self, other: &Self) -> Self {
        self.read += other.read;
        self.encode += other.encode;
        self.decode += other.decode;
        self.post_process += other.post_process;
        self.write += other.write;
        self
    }
}

/// One image.
#[derive(Debug, Serialize)]
pub(crate) struct ImageReport {
    /// Its path below the input.
    pub(crate) image: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Where its embedding came from: `encoded` or `cache`; null when no step asked for it.
    pub(crate) embedding: Option<&'static str>,
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

/// What tasks that find boxes call their number.
const BOXES: &str = "boxes";

/// Origin of an embedding that was not made in this run.
const FROM_CACHE: &str = "cache";

/// Where an embedding came from, as `run.json` says it.
pub(crate) fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Encoded => "encoded",
        Origin::Cache => FROM_CACHE,
    }
}

/// One step on one image.
#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    pub(crate) id: String,
    /// Masks that were found, or that the result is made of.
    pub(crate) masks: usize,
    /// What a plugin counted or measured, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) numbers: BTreeMap<String, f64>,
    /// Files, relative to the output folder.
    pub(crate) outputs: Vec<String>,
    pub(crate) error: Option<Failure>,
    /// What files of all images are made of, until it is taken for them.
    #[serde(skip)]
    pub(crate) instances: Option<Vec<Instance>>,
}

/// An error with its causes, and what to do.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(error: &(impl Diagnostic + 'static)) -> Self {
        Self { message: one_line(error), help: error.help().map(|help| help.to_string()) }
    }
}

impl StepReport {
    pub(crate) fn new(step: &JobStep) -> Self {
        let id = step.id.clone();
        Self {
            id,
            masks: 0,
            numbers: BTreeMap::new(),
            outputs: Vec::new(),
            error: None,
            instances: None,
        }
    }

    /// How many masks or boxes, for people.
    fn found(&self) -> String {
        match self.numbers.get(BOXES) {
            Some(boxes) => boxes.to_string(),
            None => self.masks.to_string(),
        }
    }

    pub(crate) fn failed(step: &JobStep, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(step) }
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

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().flat_map(|step| &step.outputs)
    }
}

impl RunReport {
    pub(crate) fn new(
        job: &Job,
        notes: Vec<String>,
        outputs: Vec<String>,
        network: Option<NetworkRun<'_>>,
        images: Vec<ImageReport>,
        elapsed: Duration,
    ) -> Self {
        let from_cache = |image: &&ImageReport| image.embedding == Some(FROM_CACHE);
        let embeddings_from_cache = images.iter().filter(from_cache).count();
        let timings = network.as_ref().map_or(Timings::default(), |network| network.timings);
        let parts = images.iter().fold(Parts::default(), |sum, image| sum.add(&image.seconds));
        Self {
            samkit: VERSION,
            run: job.name.clone(),
            model: network.as_ref().map(|network| ModelReport::new(network.local)),
            weights: job
                .steps
                .iter()
                .flat_map(|step| step.task.weights())
                .map(|local| ModelReport::new(&local))
                .collect(),
            device: network.as_ref().map(|network| network.device),
            precision: job.precision.name(),
            threads: job.thread_count(),
            steps: job.steps.iter().map(step_json).collect(),
            output: job.output.display().to_string(),
            notes,
            outputs,
            interrupted: images.len() < job.images.len(),
            images,
            seconds: RunSeconds {
                load: network.as_ref().map_or(0.0, |network| network.loading.as_secs_f64()),
                parts,
                total: elapsed.as_secs_f64(),
            },
            networks: Networks {
                images_encoded: timings.images_encoded,
                embeddings_from_cache,
                encoder_seconds: timings.encode.as_secs_f64(),
                prompts_decoded: timings.prompts_decoded,
                decoder_seconds: timings.decode.as_secs_f64(),
            },
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if self.interrupted {
            Outcome::Stopped
        } else if self.images.iter().any(|image| image.failures().next().is_some()) {
            Outcome::SomeFailed
        } else {
            Outcome::Done
        }
    }
}

/// A step as it was resolved.
fn step_json(step: &JobStep) -> Value {
    let params = short_numbers(step.task.params_json());
    json!({
        "id": step.id,
        "task": step.task.name(),
        "params": params,
        "inputs": step.inputs,
        "save": step.save,
    })
}

/// The report as one document on stdout.
pub(crate) fn print_json(report: &impl Serialize) {
    let text = serde_json::to_string_pretty(report).expect("a report is plain data");
    print_text(&(text + "\n"));
}

/// What a job would do, for `--dry-run`.
pub(crate) fn print_plan(job: &Job, as_json: bool) {
    let steps: Vec<_> = job
        .steps
        .iter()
        .map(|step| {
            let mut planned = step_json(step);
            planned["files"] = json!(job.files(step));
            planned
        })
        .collect();
    let images: Vec<_> = job.images.iter().map(|image| image.path.display().to_string()).collect();
    let weights = samkit_models::Store::open_default()
        .is_ok_and(|store| matches!(store.status(job.model), samkit_models::Status::Present(_)));
    if as_json {
        print_json(&json!({
            "samkit": VERSION,
            "run": job.name,
            "model": job.model.id,
            "weights_present": weights,
            "precision": job.precision.name(),
            "threads": job.thread_count(),
            "steps": steps,
            "output": job.output,
            "images": images,
        }));
        return;
    }
    say!("{} would run on {}:", job.name, counted(images.len(), "image"));
    images.iter().for_each(|image| say!("  {image}"));
    say!("steps:");
    for step in &job.steps {
        say!("  {} ({})", step.id, step.task.name());
        for link in &step.inputs {
            say!("    takes {}: {} of {}", link.input, link.output, job.steps[link.step].id);
        }
        let params = short_numbers(step.task.params_json());
        for (name, value) in params.as_object().into_iter().flatten() {
            say!("    {name}: {value}");
        }
        let files = job.files(step);
        let files = if files.is_empty() { "nothing".into() } else { files.join(", ") };
        say!("    writes {files}");
    }
    if job.needs_sam() {
        let there = if weights { "present" } else { "to be fetched" };
        say!("weights: {}, {there}", job.model.id);
    }
}
