//! Flags that the image commands share.

use std::path::{Path, PathBuf};

use clap::Args;
use samkit_engine::{DeviceKind, Precision};
use samkit_io::{Depth, ReadLimits};
use samkit_models::ModelSpec;
use serde::de::DeserializeOwned;

use crate::{
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    inputs::find_images,
    job::{Job, JobStep, LongRun},
    shard::Shard,
    tasks::Task,
};

/// Default output folder.
pub(super) const OUTPUT: &str = "samkit-out";

/// Images in, a folder out.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Images: files, folders (searched all the way down) and globs; - reads paths from standard
    /// input, one a line
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Folder to write to
    #[arg(short, long, value_name = "DIR", default_value = OUTPUT)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) long: LongRunArgs,
}

/// What matters when there are many images.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many and large images")]
pub(crate) struct LongRunArgs {
    /// Go on where the same run stopped, however it did: what is complete and unchanged is not done
    /// again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Work on one part of the images only, such as 3/8 for the third of eight: many machines share a
    /// folder, and `samkit merge` joins their results. auto/8, or auto, takes the number from
    /// SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or PARALLEL_SEQ
    #[arg(long, value_name = "N/COUNT", value_parser = str::parse::<Shard>)]
    pub(crate) shard: Option<Shard>,
    /// Images that are written at once, and that are read ahead; one at a time is computed
    #[arg(long, value_name = "N", value_parser = jobs, default_value_t = 2)]
    pub(crate) jobs: usize,
    /// Refuse images of more pixels than this, in millions
    #[arg(long, value_name = "MILLIONS", value_parser = limit, default_value_t = ReadLimits::default().max_pixels / 1_000_000)]
    pub(crate) max_megapixels: u64,
    /// Refuse images whose file, or whose decoding, takes more than this, in MiB
    #[arg(long, value_name = "MIB", value_parser = limit, default_value_t = ReadLimits::default().max_memory >> 20)]
    pub(crate) max_decode_memory: u64,
}

impl LongRunArgs {
    pub(super) fn resolve(&self) -> LongRun {
        let limits = ReadLimits {
            max_pixels: self.max_megapixels * 1_000_000,
            max_memory: self.max_decode_memory << 20,
        };
        let Self { resume, shard, jobs, .. } = *self;
        LongRun { jobs, resume, shard, limits }
    }
}

/// More would only wait for each other.
const MOST_JOBS: usize = 64;

fn jobs(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_JOBS).contains(number));
    number.ok_or_else(|| format!("expected a whole number from 1 to {MOST_JOBS}"))
}

fn limit(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=1 << 20).contains(number));
    number.ok_or_else(|| format!("expected a whole number from 1 to {}", 1 << 20))
}

/// Segment Anything.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// Weights to use; `samkit models list` names them
    #[arg(long, value_name = "ID", default_value = default_model())]
    pub(crate) model: String,
    /// Where to compute: auto, cpu, cuda or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
    /// Number format of the image encoder: f32, or bf16 (faster, less exact; needs a CPU with
    /// AVX-512 BF16)
    #[arg(long, value_name = "FORMAT", default_value = "f32")]
    pub(crate) precision: String,
    /// Keep embeddings in this folder: an image that a run has encoded is not encoded again
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
}

impl Default for EngineArgs {
    fn default() -> Self {
        let (device, precision) = ("auto".into(), "f32".into());
        Self { model: default_model().into(), device, precision, cache: None }
    }
}

/// What a run says, and how far it goes.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Also write report.html, a page that shows all images and what was found in them
    #[arg(long)]
    pub(crate) report: bool,
    /// Never use the network: weights must be there already
    #[arg(long)]
    pub(crate) offline: bool,
    /// Check everything and list what would be done, without doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also print how long the encoder and the decoder took
    #[arg(long)]
    pub(crate) timings: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Id of the model that is used where nobody says.
pub(super) fn default_model() -> &'static str {
    &samkit_models::registry()[0].id
}

/// Segment Anything's weights of this id.
pub(super) fn model(id: &str) -> Result<&'static ModelSpec, CliError> {
    let spec = samkit_models::find(id)?;
    if spec.is_segment_anything() {
        return Ok(spec);
    }
    let (flag, found) = ("model".into(), format!("`{id}`, which is not Segment Anything"));
    Err(CliError::Flag { flag, found, expected: choice(&sam_models()) })
}

/// Ids of Segment Anything's weights.
pub(super) fn sam_models() -> Vec<&'static str> {
    let known = samkit_models::registry().iter().filter(|spec| spec.is_segment_anything());
    known.map(|spec| spec.id.as_str()).collect()
}

/// The device of this name.
pub(super) fn device(name: &str) -> Result<DeviceKind, CliError> {
    Ok(name.parse()?)
}

/// The precision of this name, if `device` has it.
pub(super) fn precision(name: &str, device: DeviceKind) -> Result<Precision, CliError> {
    let precision: Precision = name.parse()?;
    precision.check(device)?;
    Ok(precision)
}

impl ImageArgs {
    /// A job of these steps, called after the last one.
    pub(super) fn job(
        &self,
        engine: &EngineArgs,
        steps: Vec<JobStep>,
        global: &GlobalArgs,
        console: Console,
    ) -> Result<Job, CliError> {
        steps.iter().try_for_each(|step| step.task.validate())?;
        let device = device(&engine.device)?;
        Ok(Job {
            name: steps.last().expect("a job has a step").id.clone(),
            model: model(&engine.model)?,
            device,
            precision: precision(&engine.precision, device)?,
            cache: engine.cache.clone(),
            images: find_images(
                &self.images,
                Path::new(""),
                Depth::Subfolders,
                &self.output,
                console,
            )?,
            output: self.output.clone(),
            threads: global.threads.map(usize::from),
            offline: self.report.offline,
            report: self.report.report,
            steps,
            long: self.long.resolve(),
        })
    }
}

/// The products that `--save` names.
pub(super) fn saves(names: &[String], task: &Task) -> Result<Vec<String>, CliError> {
    if names.is_empty() {
        return Ok(task.default_saves());
    }
    let products = task.products();
    for name in names {
        let Some(product) = products.iter().find(|product| product.name == *name) else {
            let known: Vec<_> = products.iter().map(|product| product.name.as_str()).collect();
            let (flag, found) = ("save".into(), format!("`{name}`"));
            return Err(CliError::Flag { flag, found, expected: choice(&known) });
        };
        if let Some(parameter) = task.missing_for(product) {
            let (flag, found) = (parameter.replace('_', "-"), "not given".into());
            return Err(CliError::Flag { flag, found, expected: format!("a value for `{name}`") });
        }
    }
    Ok(names.to_vec())
}

/// `` `a`, `b` or `c` ``.
pub(super) fn choice(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("`{}` or `{last}`", first.join("`, `")),
    }
}

/// A flag's value as a whole number; its range is checked with all other parameters.
pub(super) fn whole_number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected a whole number".into())
}

/// A flag's value as a number; its range is checked with all other parameters.
pub(super) fn number(text: &str) -> Result<f32, String> {
    text.parse().map_err(|_| "expected a number".into())
}

/// A flag's value in the words that recipes use for it.
pub(super) fn recipe_word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| {
        // serde's "unknown variant" is no word for people; what it expected is.
        let message = error.to_string();
        message.split_once(", ").map_or(message.clone(), |(_, expected)| expected.to_owned())
    })
}
