//! All images through all steps: one image in the network at a time, one failure never the end.

use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use samkit_engine::{EmbeddingCache, Sam, Timings};
use samkit_io::{InputImage, LoadedImage, OutputNames, ReadLimits, WriteError};
use samkit_models::{LocalModel, PullOptions, Store};

use crate::{
    console::{Console, Fetching, counted, duration, known_length},
    error::CliError,
    job::{Job, JobStep},
    report::{Failure, ImageReport, Parts, RunReport, StepReport},
    stop,
    tasks::{Artifact, Content, Kept, Scene, TaskError},
};

/// Works through the job and writes `run.json`.
///
/// # Errors
/// When the weights cannot be had or loaded: then nothing was written.
pub(crate) fn run(
    job: &Job,
    cache: Option<&EmbeddingCache>,
    console: Console,
) -> Result<RunReport, CliError> {
    let start = Instant::now();
    let names = OutputNames::new(&job.images);
    let mut batch = Batch { job, cache, console, names, network: None };
    let mut images = Vec::new();
    for (index, input) in job.images.iter().enumerate() {
        match batch.image(input, index + 1)? {
            Some(report) => {
                batch.announce(&report, index + 1);
                images.push(report);
            }
            None => break,
        }
    }
    let network = batch.network.as_ref();
    let report = RunReport::new(
        job,
        network.map(|network| &network.local),
        network.map(|network| network.sam.device()),
        network.map_or(Duration::ZERO, |network| network.loading),
        network.map_or(Timings::default(), |network| network.sam.timings()),
        images,
        start.elapsed(),
    );
    samkit_io::write_json(&job.output.join("run.json"), &report)?;
    Ok(report)
}

struct Batch<'j> {
    job: &'j Job,
    cache: Option<&'j EmbeddingCache>,
    console: Console,
    names: OutputNames,
    /// Loaded when the first image is there that can be read.
    network: Option<Network>,
}

struct Network {
    sam: Sam,
    local: LocalModel,
    loading: Duration,
}

impl Batch<'_> {
    /// One image from file to files; `None` when the user stopped it.
    fn image(
        &mut self,
        input: &InputImage,
        number: usize,
    ) -> Result<Option<ImageReport>, CliError> {
        if stop::requested() {
            return Ok(None);
        }
        let mut report = ImageReport::new(input.name());
        let start = Instant::now();
        let loaded = samkit_io::read_image(&input.path, &ReadLimits::default());
        report.seconds.read = start.elapsed().as_secs_f64();
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                report.error = Some(Failure::new(&error));
                return Ok(Some(report));
            }
        };
        if self.network.is_none() {
            self.network = Some(load(self.job, self.console)?);
            stop::defer();
        }
        let network = self.network.as_ref().expect("loaded just above");
        let bar = self.console.step_line(self.title(&report, number));
        let finished = self.steps(network, input, &loaded, &mut report, &bar);
        bar.finish_and_clear();
        Ok(finished.is_continue().then_some(report))
    }

    fn title(&self, report: &ImageReport, number: usize) -> String {
        format!("[{number}/{}] {}", self.job.images.len(), report.image)
    }

    /// What became of an image, on stderr.
    fn announce(&self, report: &ImageReport, number: usize) {
        let title = self.title(report, number);
        for note in &report.notes {
            self.console.detail(&format!("{title}: {note}"));
        }
        for failure in report.failures() {
            let help = failure.help.as_deref().map(|help| format!(" (hint: {help})"));
            // Errors are for everybody, also for those who asked for quiet.
            eprintln!("{title}: failed: {}{}", failure.message, help.unwrap_or_default());
        }
        let files = report.outputs().count();
        if files > 0 {
            let time = duration(Duration::from_secs_f64(report.seconds.total()));
            self.console.say(&format!("{title}: {} in {time}", counted(files, "file")));
        }
    }

    fn steps(
        &self,
        network: &Network,
        input: &InputImage,
        loaded: &LoadedImage,
        report: &mut ImageReport,
        bar: &ProgressBar,
    ) -> ControlFlow<()> {
        (report.width, report.height) = loaded.image.dimensions();
        report.notes = loaded.notes.iter().map(ToString::to_string).collect();
        let kept = self.cache.map(|cache| Kept { cache, weights: &network.local.sha256 });
        let scene = Scene::new(&network.sam, &loaded.image, &report.image, kept);
        let mut steps = Vec::new();
        let mut parts = report.seconds;
        for step in &self.job.steps {
            match self.step(step, &scene, input, &mut parts, bar) {
                Ok(done) => steps.push(done),
                Err(error) if error.is_stop() => return ControlFlow::Break(()),
                Err(error) => steps.push(StepReport::failed(step, Failure::new(&error))),
            }
        }
        (report.embedding, report.steps) = (scene.origin(), steps);
        report.notes.extend(scene.notes());
        report.seconds = parts;
        ControlFlow::Continue(())
    }

    fn step(
        &self,
        step: &JobStep,
        scene: &Scene<'_>,
        input: &InputImage,
        parts: &mut Parts,
        bar: &ProgressBar,
    ) -> Result<StepReport, TaskError> {
        bar.set_message(step.id.clone());
        let progress = |done: usize, total: usize| {
            known_length(bar, total);
            bar.set_position(done as u64);
            stop::flow()
        };
        let (start, before) = (Instant::now(), scene.sam.timings());
        let result = step.task.run(scene, &step.save, &progress);
        parts.add_compute(start.elapsed(), before, scene.sam.timings());
        let result = result?;

        let start = Instant::now();
        let mut report = StepReport::new(step, result.masks);
        let folder = self.job.folder(step);
        for artifact in &result.artifacts {
            let path = self.names.path(&folder, input, &artifact.suffix);
            match write(&path, artifact) {
                Ok(()) => report.outputs.push(relative_to(&path, &self.job.output)),
                Err(error) => {
                    report.error = Some(Failure::new(&error));
                    break;
                }
            }
        }
        parts.write += start.elapsed().as_secs_f64();
        Ok(report)
    }
}

fn relative_to(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn write(path: &Path, artifact: &Artifact) -> Result<(), WriteError> {
    match &artifact.content {
        Content::Gray8(image) => samkit_io::write_gray8(path, image),
        Content::Gray16(image) => samkit_io::write_gray16(path, image),
        Content::Rgb(image) => samkit_io::write_rgb(path, image),
        Content::Masks(records) => samkit_io::write_masks(path, records),
        Content::Json(value) => samkit_io::write_json(path, value),
        Content::Logits(logits) => samkit_io::write_logits(path, logits),
    }
}

/// Gets the weights, fetching them where need be, and builds the network.
fn load(job: &Job, console: Console) -> Result<Network, CliError> {
    let start = Instant::now();
    let options = PullOptions { offline: job.offline, ..PullOptions::default() };
    let local = Store::open_default()?.ensure(job.model, &options, &Fetching::new(console))?;
    console.detail(&format!("weights: {}", local.path.display()));
    let sam = Sam::load_with(&local.path, job.device, job.precision)?;
    Ok(Network { sam, local, loading: start.elapsed() })
}
