//! Results on their way out: encoded and written while the next image is in the network.

use std::{
    collections::HashSet,
    fs,
    io::{ErrorKind, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::Receiver,
    },
    time::Instant,
};

use samkit_io::{InputImage, OutputNames, WriteError};

use super::{
    card,
    compute::{Computed, Picture},
    files,
    journal::Journal,
    progress::Progress,
    record::{Entry, Line, Thing, WrittenFile},
};
use crate::{
    job::{Job, JobStep},
    report::Failure,
    tasks::{Artifact, Things, dataset},
};

/// What the threads that write share.
pub(super) struct Writing<'j> {
    pub(super) job: &'j Job,
    pub(super) names: &'j OutputNames,
    pub(super) ids: &'j [u64],
    pub(super) journal: Mutex<Journal>,
    pub(super) progress: &'j Progress,
    /// Images that are done with.
    pub(super) done: AtomicUsize,
    /// Why nothing more can be written.
    pub(super) end: OnceLock<Failure>,
}

impl Writing<'_> {
    /// Writes what comes until nothing more does.
    pub(super) fn work(&self, computed: &Mutex<Receiver<Computed>>) {
        loop {
            let next = computed.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(computed) = next else { return };
            if self.is_over() {
                continue;
            }
            // Whoever hands images over would wait for ever for a thread that is gone.
            let name = computed.report.image.clone();
            let written = catch_unwind(AssertUnwindSafe(|| self.image(computed)));
            if written.is_err() {
                self.stop(Failure {
                    message: format!("the program failed while it wrote the files of {name}"),
                    help: Some("this is a mistake of samkit: please report it".into()),
                });
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.get().is_some()
    }

    /// Files first, then the line that says that they are complete.
    fn image(&self, computed: Computed) {
        let Computed { index, mut report, artifacts, found, picture } = computed;
        let input = &self.job.images[index];
        let start = Instant::now();
        let mut files = Vec::new();
        for ((step, report), artifacts) in
            self.job.steps.iter().zip(&mut report.steps).zip(&artifacts)
        {
            match self.step(step, input, artifacts, picture.as_ref()) {
                Ok(written) => {
                    report.outputs = written.iter().map(|file| file.path.clone()).collect();
                    files.extend(written);
                }
                Err(error) => {
                    if is_disk_full(&error) {
                        self.stop(Failure::new(&error));
                    }
                    report.error = Some(Failure::new(&error));
                }
            }
        }
        report.seconds.write += start.elapsed().as_secs_f64();
        let image = picture.as_ref().map(|picture| picture.scene.image());
        let card = self.job.report.then(|| card::of(&report, image, &found, &artifacts));
        drop(artifacts);
        let things = |found: Things| found.iter().map(Thing::new).collect();
        let is_needed = |step: &JobStep| dataset::is_per_run(&step.save);
        let found = self.job.steps.iter().zip(found);
        let found = found.map(|(step, found)| found.filter(|_| is_needed(step)).map(things));
        let entry = Entry {
            index,
            id: self.ids[index],
            stem: shown(&self.names.stem(input)),
            source: picture.map(|picture| picture.stamp),
            files,
            report,
            found: found.collect(),
            card,
        };
        self.record(entry);
    }

    fn step(
        &self,
        step: &JobStep,
        input: &InputImage,
        artifacts: &[Artifact],
        picture: Option<&Picture>,
    ) -> Result<Vec<WrittenFile>, WriteError> {
        // Nothing was done with an image that could not be read.
        let Some(picture) = picture else { return Ok(Vec::new()) };
        let folder = self.job.folder(step);
        let mut written = Vec::new();
        let mut keep = |path: &Path| {
            let name = relative_to(path, &self.job.output);
            let file = WrittenFile::new(&self.job.output, name)
                .map_err(|source| WriteError::file(path, source))?;
            written.push(file);
            Ok::<_, WriteError>(())
        };
        for artifact in artifacts {
            let path = self.names.path(&folder, input, &artifact.suffix);
            files::write(&path, &artifact.content, input, picture.scene.image())?;
            keep(&path)?;
        }
        if let (true, Some(bytes)) = (dataset::copies_images(&step.save), &picture.bytes) {
            let path = dataset::copy_path(&folder, &self.names.stem(input), &input.path);
            samkit_io::write_atomically(&path, |file| file.write_all(bytes))?;
            keep(&path)?;
        }
        for part in dataset::folders(&step.save) {
            let whole = self.names.path(&folder, input, part);
            remove_others(&whole, artifacts, part);
        }
        Ok(written)
    }

    /// Adds the line and tells the user.
    fn record(&self, entry: Entry) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over() {
            return;
        }
        let line = Line::Image(Box::new(entry));
        let added =
            if journal.is_there() { journal.add(&line) } else { Err(ErrorKind::NotFound.into()) };
        let Line::Image(entry) = line else { unreachable!("made just above") };
        match added {
            Ok(()) => {}
            Err(source) if source.kind() == ErrorKind::NotFound => {
                let (folder, image) = (self.job.output.display(), &entry.report.image);
                return self.stop(Failure {
                    message: format!(
                        "the output folder {folder} was removed or replaced while {image} was worked \
                         on"
                    ),
                    help: Some("run it again, and leave the folder alone until the end".into()),
                });
            }
            Err(source) => {
                return self.stop(Failure::new(&WriteError::file(journal.path(), source)));
            }
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.done(&entry.report, done);
    }

    /// Nothing more can be written: the first reason counts.
    fn stop(&self, reason: Failure) {
        let _ = self.end.set(reason);
    }
}

/// Files of an earlier run that found more.
fn remove_others(folder: &Path, artifacts: &[Artifact], part: &str) {
    let own: HashSet<&str> = artifacts
        .iter()
        .filter_map(|artifact| artifact.suffix.strip_prefix(part)?.strip_prefix('/'))
        .collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_numbered = |name: &str| {
            let digits = name.strip_suffix(".png").unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if name.to_str().is_some_and(|name| is_numbered(name) && !own.contains(name)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_disk_full(error: &WriteError) -> bool {
    let (WriteError::Folder { source, .. } | WriteError::File { source, .. }) = error;
    matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A path with `/`, for files that name it.
pub(super) fn shown(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

pub(super) fn relative_to(path: &Path, folder: &Path) -> String {
    shown(path.strip_prefix(folder).unwrap_or(path))
}
