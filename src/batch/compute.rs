//! One image through all steps, up to files that are not written yet.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use image::RgbImage;
use indicatif::ProgressBar;
use samkit_engine::{EmbeddingCache, Sam};
use samkit_io::InputImage;
use samkit_models::{LocalModel, PullOptions, Store};
use samkit_scene::{Kept, Scene};

use super::{
    record::Stamp,
    source::{Loaded, Room, Source},
};
use crate::{
    console::{Console, Fetching},
    error::{CliError, one_line},
    job::{Job, JobStep},
    print::tell,
    report::{Failure, ImageReport, StepReport, origin_name},
    stop,
    tasks::{Artifact, Given, Named, Subject, Talk, TaskError, Things, dataset},
};

/// What there is to write for an image.
pub(super) struct Computed {
    /// The image's place in the list.
    pub(super) index: usize,
    pub(super) report: ImageReport,
    /// Files of each step of the report.
    pub(super) artifacts: Vec<Vec<Artifact>>,
    /// What each step found, where files of all images are made of it.
    pub(super) found: Vec<Option<Things>>,
    /// The image itself; none where it could not be read.
    pub(super) picture: Option<Picture>,
}

/// An image that was read.
pub(super) struct Picture {
    pub(super) scene: Arc<Scene>,
    pub(super) stamp: Stamp,
    pub(super) bytes: Option<Vec<u8>>,
    /// Held until the image is done with.
    pub(super) _room: Room,
}

/// The network, loaded when the first image is there that can be read, where a step needs it.
pub(super) struct Compute<'j> {
    job: &'j Job,
    cache: Option<Arc<EmbeddingCache>>,
    console: Console,
    pub(super) network: Option<Network>,
}

pub(super) struct Network {
    pub(super) sam: Arc<Sam>,
    pub(super) local: LocalModel,
    pub(super) loading: Duration,
}

impl<'j> Compute<'j> {
    pub(super) fn new(job: &'j Job, cache: Option<Arc<EmbeddingCache>>, console: Console) -> Self {
        Self { job, cache, console, network: None }
    }

    /// One image from pixels to things worth writing; `None` when the user stopped it.
    ///
    /// # Errors
    /// When the weights cannot be had or loaded.
    pub(super) fn image(
        &mut self,
        source: Source,
        line: impl FnOnce() -> ProgressBar,
    ) -> Result<Option<Computed>, CliError> {
        let Source { index, loaded, seconds } = source;
        let input = &self.job.images[index];
        let mut report = ImageReport::new(input.name());
        report.seconds.read = seconds;
        let (artifacts, found) = (Vec::new(), Vec::new());
        let Loaded { image, stamp, bytes, room } = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                report.error = Some(Failure::new(&error));
                return Ok(Some(Computed { index, report, artifacts, found, picture: None }));
            }
        };
        (report.width, report.height) = image.image.dimensions();
        report.notes = image.notes;
        if self.network.is_none() && self.job.needs_sam() {
            self.network = Some(load(self.job, self.console)?);
        }
        stop::defer();
        let scene = Arc::new(self.scene(image.image));
        let picture = Some(Picture { scene: scene.clone(), stamp, bytes, _room: room });
        let mut computed = Computed { index, report, artifacts, found, picture };
        let bar = line();
        let finished = self.steps(&scene, input, &mut computed, &bar);
        bar.finish_and_clear();
        Ok(finished.is_continue().then_some(computed))
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
        computed: &mut Computed,
        bar: &ProgressBar,
    ) -> ControlFlow<()> {
        let talk = Talk { console: self.console, bar: bar.clone(), offline: self.job.offline };
        let mut results: Vec<Arc<Vec<Named>>> = Vec::new();
        for step in &self.job.steps {
            let found =
                match step_on(step, scene, input, computed, &results, (&talk, self.job.report)) {
                    Ok(found) => found,
                    Err(error) if error.is_stop() => return ControlFlow::Break(()),
                    Err(error) => {
                        let failure = Failure::new(&error);
                        if error.is_end() {
                            let name = &computed.report.image;
                            bar.suspend(|| tell!("{name}: {}", failure.message));
                            return ControlFlow::Break(());
                        }
                        computed.report.steps.push(StepReport::failed(step, failure));
                        computed.artifacts.push(Vec::new());
                        computed.found.push(None);
                        Vec::new()
                    }
                };
            results.push(Arc::new(found));
        }
        let report = &mut computed.report;
        report.embedding = scene.origin().map(origin_name);
        report.notes.extend(scene.problems().iter().map(|problem| one_line(problem)));
        ControlFlow::Continue(())
    }
}

fn step_on(
    step: &JobStep,
    scene: &Arc<Scene>,
    input: &InputImage,
    computed: &mut Computed,
    results: &[Arc<Vec<Named>>],
    (talk, for_page): (&Talk, bool),
) -> Result<Vec<Named>, TaskError> {
    let image = &mut computed.report;
    talk.bar.set_message(step.id.clone());
    let given = step.inputs.iter().map(|link| Given {
        input: link.input.clone(),
        output: link.output.clone(),
        found: results[link.step].clone(),
    });
    let given = given.collect();
    let (name, save) = (image.image.as_str(), &step.save[..]);
    let subject = Subject { scene, input, name, given, save, for_page, talk };
    let (start, before) = (Instant::now(), scene.timings());
    let result = step.task.run(&subject);
    image.seconds.add_compute(start.elapsed(), before, scene.timings());
    let mut result = result?;
    let things = result.instances.as_deref().map(Vec::as_slice).unwrap_or_default();
    let zero = dataset::class_zero(save, things);
    result.notes.extend(zero);

    let mut report = StepReport::new(step);
    (report.masks, report.numbers) = (result.masks, result.numbers);
    image.notes.extend(result.notes.iter().cloned());
    image.warnings.extend(result.notes);
    image.steps.push(report);
    computed.artifacts.push(result.artifacts);
    computed.found.push(result.instances);
    Ok(result.found)
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
