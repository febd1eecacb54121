//! All images through all steps: one image in the network at a time, one failure never the end.

use std::{
    io::Write,
    ops::ControlFlow,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use image::RgbImage;
use indicatif::ProgressBar;
use samkit_core::Size;
use samkit_engine::{EmbeddingCache, Sam};
use samkit_io::{AnnotatedImage, InputImage, OutputNames, ReadLimits, WriteError};
use samkit_models::{LocalModel, PullOptions, Store};
use samkit_scene::{Kept, Scene};

use crate::{
    console::{Console, Fetching, counted, duration},
    error::{CliError, one_line},
    job::{Job, JobStep},
    report::{Failure, ImageReport, NetworkRun, RunReport, StepReport, origin_name},
    stop,
    tasks::{Artifact, Content, Given, Named, Subject, Talk, TaskError, dataset},
};

/// Works through the job and writes `run.json`; `notes` are for the record.
///
/// # Errors
/// When the weights cannot be had or loaded: then nothing was written.
pub(crate) fn run(
    job: &Job,
    cache: Option<Arc<EmbeddingCache>>,
    notes: Vec<String>,
    console: Console,
) -> Result<RunReport, CliError> {
    let start = Instant::now();
    let names = OutputNames::new(&job.images);
    let ids = dataset::image_ids(&job.images);
    let found = job.steps.iter().map(|_| Vec::new()).collect();
    let mut batch = Batch { job, cache, console, names, network: None, found };
    let mut images = Vec::new();
    for (index, input) in job.images.iter().enumerate() {
        match batch.image(input, index + 1)? {
            Some(mut report) => {
                batch.keep(&mut report, input, ids[index]);
                batch.announce(&report, index + 1);
                images.push(report);
            }
            None => break,
        }
    }
    let outputs = batch.write_all()?;
    let network = batch.network.as_ref().map(|network| NetworkRun {
        local: &network.local,
        device: network.sam.device(),
        loading: network.loading,
        timings: network.sam.timings(),
    });
    let report = RunReport::new(job, notes, outputs, network, images, start.elapsed());
    samkit_io::write_json(&job.output.join("run.json"), &report)?;
    Ok(report)
}

struct Batch<'j> {
    job: &'j Job,
    cache: Option<Arc<EmbeddingCache>>,
    console: Console,
    names: OutputNames,
    /// Loaded when the first image is there that can be read, where a step needs it.
    network: Option<Network>,
    /// What each step found in all images, where it writes files of all.
    found: Vec<Vec<AnnotatedImage>>,
}

struct Network {
    sam: Arc<Sam>,
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
        (report.width, report.height) = loaded.image.dimensions();
        report.notes = loaded.notes.iter().map(ToString::to_string).collect();
        if self.network.is_none() && self.job.needs_sam() {
            self.network = Some(load(self.job, self.console)?);
        }
        stop::defer();
        let bar = self.console.step_line(self.title(&report, number));
        let scene = Arc::new(self.scene(loaded.image));
        let finished = self.steps(&scene, input, &mut report, &bar);
        bar.finish_and_clear();
        Ok(finished.is_continue().then_some(report))
    }

    /// Takes what files of all images are made of.
    fn keep(&mut self, report: &mut ImageReport, input: &InputImage, id: u64) {
        for (found, step) in self.found.iter_mut().zip(&mut report.steps) {
            if let Some(instances) = step.instances.take() {
                found.push(AnnotatedImage {
                    id,
                    file_name: report.image.clone(),
                    path: input.path.clone(),
                    stem: self.names.stem(input),
                    size: Size::new(report.width, report.height),
                    instances,
                });
            }
        }
    }

    /// Writes what is made of all images, and returns the files below the output folder.
    fn write_all(&self) -> Result<Vec<String>, CliError> {
        let mut written = Vec::new();
        for (step, images) in self.job.steps.iter().zip(&self.found) {
            let folder = self.job.folder(step);
            for file in dataset::write(&folder, &step.save, images)? {
                written.push(relative_to(&folder.join(file), &self.job.output));
            }
        }
        Ok(written)
    }

    fn title(&self, report: &ImageReport, number: usize) -> String {
        format!("[{number}/{}] {}", self.job.images.len(), report.image)
    }

    /// What became of an image, on stderr.
    fn announce(&self, report: &ImageReport, number: usize) {
        let title = self.title(report, number);
        for note in &report.notes {
            let line = format!("{title}: {note}");
            match report.warnings.contains(note) {
                true => self.console.say(&line),
                false => self.console.detail(&line),
            }
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

    fn scene(&self, image: RgbImage) -> Scene {
        let Some(network) = &self.network else { return Scene::without_sam(image) };
        let kept = self
            .cache
            .clone()
            .map(|cache| Kept { cache, weights: network.local.sha256.as_str().into() });
        Scene::new(network.sam.clone(), image, kept)
    }

    fn steps(
        &self,
        scene: &Arc<Scene>,
        input: &InputImage,
        report: &mut ImageReport,
        bar: &ProgressBar,
    ) -> ControlFlow<()> {
        let talk = Talk { console: self.console, bar: bar.clone(), offline: self.job.offline };
        let mut results: Vec<Arc<Vec<Named>>> = Vec::new();
        for step in &self.job.steps {
            let found = match self.step(step, scene, input, report, &results, &talk) {
                Ok(found) => found,
                Err(error) if error.is_stop() => return ControlFlow::Break(()),
                Err(error) => {
                    let failure = Failure::new(&error);
                    if error.is_end() {
                        bar.suspend(|| eprintln!("{}: {}", report.image, failure.message));
                        return ControlFlow::Break(());
                    }
                    report.steps.push(StepReport::failed(step, failure));
                    Vec::new()
                }
            };
            results.push(Arc::new(found));
        }
        report.embedding = scene.origin().map(origin_name);
        report.notes.extend(scene.problems().iter().map(|problem| one_line(problem)));
        ControlFlow::Continue(())
    }

    fn step(
        &self,
        step: &JobStep,
        scene: &Arc<Scene>,
        input: &InputImage,
        image: &mut ImageReport,
        results: &[Arc<Vec<Named>>],
        talk: &Talk,
    ) -> Result<Vec<Named>, TaskError> {
        talk.bar.set_message(step.id.clone());
        let given = step.inputs.iter().map(|link| Given {
            input: link.input.clone(),
            output: link.output.clone(),
            found: results[link.step].clone(),
        });
        let given = given.collect();
        let subject = Subject { scene, input, name: &image.image, given, save: &step.save, talk };
        let (start, before) = (Instant::now(), scene.timings());
        let result = step.task.run(&subject);
        image.seconds.add_compute(start.elapsed(), before, scene.timings());
        let result = result?;

        let start = Instant::now();
        let mut report = StepReport::new(step);
        (report.masks, report.numbers) = (result.masks, result.numbers);
        report.instances = result.instances;
        image.notes.extend(result.notes.iter().cloned());
        image.warnings.extend(result.notes);
        let folder = self.job.folder(step);
        let size = scene.image().dimensions().into();
        for artifact in &result.artifacts {
            let path = self.names.path(&folder, input, &artifact.suffix);
            match write(&path, artifact, input, size) {
                Ok(()) => report.outputs.push(relative_to(&path, &self.job.output)),
                Err(error) => {
                    report.error = Some(Failure::new(&error));
                    break;
                }
            }
        }
        image.seconds.write += start.elapsed().as_secs_f64();
        image.steps.push(report);
        Ok(result.found)
    }
}

fn relative_to(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn write(
    path: &Path,
    artifact: &Artifact,
    input: &InputImage,
    size: Size,
) -> Result<(), WriteError> {
    match &artifact.content {
        Content::Gray8(image) => samkit_io::write_gray8(path, image),
        Content::Gray16(image) => samkit_io::write_gray16(path, image),
        Content::Rgb(image) => samkit_io::write_rgb(path, image),
        Content::Rgba(image) => samkit_io::write_rgba(path, image),
        Content::Masks(records) => samkit_io::write_masks(path, records),
        Content::Json(value) => samkit_io::write_json(path, value),
        Content::Text(text) => {
            samkit_io::write_atomically(path, |file| file.write_all(text.as_bytes()))
        }
        Content::Labelme(instances) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let image = dataset::way(folder, &input.path);
            samkit_io::write_json(path, &samkit_io::labelme(size, instances, &image))
        }
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
    Ok(Network { sam: Arc::new(sam), local, loading: start.elapsed() })
}
