//! Work as resolved: everything checked, nothing loaded.

use std::path::{Path, PathBuf};

use samkit_engine::{DeviceKind, EmbeddingCache, Precision};
use samkit_io::{InputImage, ReadLimits};
use samkit_models::ModelSpec;
use samkit_recipe::Link;

use crate::{error::CliError, shard::Shard, tasks::Task};

/// What to do with which images.
#[derive(Debug)]
pub(crate) struct Job {
    /// The command or recipe, for the run's record.
    pub(crate) name: String,
    pub(crate) images: Vec<InputImage>,
    pub(crate) output: PathBuf,
    pub(crate) model: &'static ModelSpec,
    pub(crate) device: DeviceKind,
    pub(crate) precision: Precision,
    /// Folder that embeddings are kept in from one run to the next.
    pub(crate) cache: Option<PathBuf>,
    /// Threads to compute with; all cores where it is not said.
    pub(crate) threads: Option<usize>,
    /// Whether the network may not be used.
    pub(crate) offline: bool,
    /// Whether to write a page that shows all images.
    pub(crate) report: bool,
    pub(crate) steps: Vec<JobStep>,
    pub(crate) long: LongRun,
}

/// What matters when there are many images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongRun {
    /// Images that are written at once, and that are read ahead.
    pub(crate) jobs: usize,
    /// Whether to go on where an earlier start of the same run stopped.
    pub(crate) resume: bool,
    /// Which part of the images to work on; all where it is not said.
    pub(crate) shard: Option<Shard>,
    /// How large images may be.
    pub(crate) limits: ReadLimits,
}

/// One step, checked.
#[derive(Debug)]
pub(crate) struct JobStep {
    pub(crate) id: String,
    pub(crate) task: Task,
    /// Names of the products to write.
    pub(crate) save: Vec<String>,
    /// What it takes from earlier steps.
    pub(crate) inputs: Vec<Link>,
}

impl JobStep {
    /// A step that takes nothing from others, called after its task.
    pub(crate) fn new(task: Task, save: Vec<String>) -> Self {
        Self { id: task.name().to_owned(), task, save, inputs: Vec::new() }
    }
}

impl Job {
    /// Whether any step needs Segment Anything.
    pub(crate) fn needs_sam(&self) -> bool {
        self.steps.iter().any(|step| step.task.needs_sam())
    }

    /// The images to work on, with their places in the list of all.
    pub(crate) fn own_images(&self) -> impl Iterator<Item = (usize, &InputImage)> {
        let is_own = |place: usize| self.long.shard.is_none_or(|shard| shard.has(place));
        self.images.iter().enumerate().filter(move |(place, _)| is_own(*place))
    }

    /// The folder that a step writes to.
    pub(crate) fn folder(&self, step: &JobStep) -> PathBuf {
        step_folder(&self.output, &step.id, self.steps.iter().map(|step| &step.save))
    }

    /// The files that a step writes for an image, as patterns.
    pub(crate) fn files(&self, step: &JobStep) -> Vec<String> {
        let folder = self.folder(step);
        let file = |name: &String| {
            let product = step.task.product(name)?;
            let file = match product.per_run {
                true => product.suffix,
                false => format!("STEM.{}", product.suffix),
            };
            Some(folder.join(file).display().to_string())
        };
        step.save.iter().filter_map(file).collect()
    }

    /// Makes the output folder and proves that files can be made in it, before any work is done.
    pub(crate) fn prepare_output(&self) -> Result<(), CliError> {
        let path = &self.output;
        if let Some(file) = path.ancestors().find(|above| above.is_file()) {
            let (path, file) = (path.clone(), file.to_owned());
            return Err(CliError::OutputIsFile { path, file });
        }
        std::fs::create_dir_all(path)
            .and_then(|()| tempfile::NamedTempFile::new_in(path))
            .map(drop)
            .map_err(|source| CliError::Output { path: path.clone(), source })
    }

    /// Opens the folder of embeddings, which proves that files can be made in it.
    pub(crate) fn open_cache(&self) -> Result<Option<EmbeddingCache>, CliError> {
        Ok(self.cache.as_deref().map(EmbeddingCache::open).transpose()?)
    }

    /// Starts the threads that everything computes on.
    pub(crate) fn start_threads(&self) -> Result<(), CliError> {
        start_threads(self.thread_count())
    }

    pub(crate) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// The folder that a step writes to: its own only when several steps write. `saves` are those of all.
pub(crate) fn step_folder<'s>(
    output: &Path,
    id: &str,
    saves: impl IntoIterator<Item = &'s Vec<String>>,
) -> PathBuf {
    let writers = saves.into_iter().filter(|save| !save.is_empty()).count();
    if writers > 1 { output.join(id) } else { output.to_owned() }
}

/// Starts the threads that everything computes on.
pub(crate) fn start_threads(threads: usize) -> Result<(), CliError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|source| CliError::Threads { threads, source })
}
