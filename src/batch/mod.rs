//! All images through all steps: read ahead by one thread, computed one at a time, written by others,
//! and kept in a journal. One failure is never the end.

mod card;
mod compute;
mod files;
mod finish;
mod journal;
mod lock;
mod progress;
mod record;
mod resume;
mod source;
mod writing;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::AtomicUsize,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use samkit_engine::{EmbeddingCache, Timings};
use samkit_io::OutputNames;

pub(crate) use finish::{Ending, finish, report_name};
pub(crate) use journal::{FOLDER, Records, of_shards};
pub(crate) use lock::Lock;
pub(crate) use record::Header;
pub(crate) use resume::{differences, remove_unfinished};

use self::{
    compute::{Compute, Computed},
    progress::Progress,
    record::{Line, Session},
    source::{Memory, Source},
    writing::Writing,
};
use crate::{
    console::Console,
    error::CliError,
    job::Job,
    report::{Failure, ModelReport, Networks},
    stop,
    tasks::dataset,
};

/// A run that is over, but for what is made of all images.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) header: Header,
    pub(crate) records: Records,
    pub(crate) ending: Ending,
}

/// Works through the job; `notes` are for the record. The output folder is locked. Gives nothing when it
/// was stopped before the first image where an earlier run has left something: that stays as it is.
///
/// # Errors
/// When the journal cannot be begun, or the weights cannot be had or loaded.
pub(crate) fn run(
    job: &Job,
    cache: Option<Arc<EmbeddingCache>>,
    mut notes: Vec<String>,
    console: Console,
) -> Result<Option<Done>, CliError> {
    let start = Instant::now();
    let names = OutputNames::new(&job.images);
    let ids = dataset::image_ids(&job.images);
    let begun = resume::begin(job, &names, &ids)?;
    if let Some(note) = begun.note {
        console.say(&note);
        notes.push(note);
    }
    let resumed = begun.done.iter().filter(|done| **done).count();
    let places: Vec<usize> =
        job.own_images().map(|(place, _)| place).filter(|&place| !begun.done[place]).collect();
    let progress = Progress::new(console, resumed + places.len(), resumed);
    let writing = Writing {
        job,
        names: &names,
        ids: &ids,
        journal: Mutex::new(begun.journal),
        progress: &progress,
        done: AtomicUsize::new(resumed),
        end: OnceLock::new(),
    };
    let mut compute = Compute::new(job, cache, console);
    let worked = work(&places, &writing, &mut compute);
    progress.end();
    let end = writing.end.into_inner();
    let mut journal = writing.journal.into_inner().unwrap_or_else(PoisonError::into_inner);
    worked?;
    if journal.is_idle() {
        // Stopped before its first image: what an earlier run has done is worth more.
        journal.discard();
        return Ok(None);
    }
    let session = session(job, &compute, start);
    let stopped = end.or_else(|| {
        // What is made of all images is made of the journal, whether or not this line is in it.
        let added = journal.add(&Line::End(session.clone()));
        let failed = |source| Failure::new(&CliError::Journal { path: job.output.clone(), source });
        added.err().map(failed)
    });
    let mut records = journal.into_records();
    // This one is told apart from those before.
    if stopped.is_none() {
        records.sessions.pop();
    }
    let threads = Some(job.thread_count());
    let ending = Ending { notes, threads, resumed, stopped, session: Some(session) };
    Ok(Some(Done { header: begun.header, records, ending }))
}

/// One thread reads, this one computes, and as many as the job says write.
fn work(
    places: &[usize],
    writing: &Writing<'_>,
    compute: &mut Compute<'_>,
) -> Result<(), CliError> {
    let job = writing.job;
    let keep_bytes = job.steps.iter().any(|step| dataset::copies_images(&step.save));
    let memory = Arc::new(Memory::default());
    let (ready, sources) = sync_channel(job.long.jobs);
    let (hand, computed) = sync_channel(0);
    let computed = Mutex::new(computed);
    thread::scope(|scope| {
        let is_over = || writing.is_over();
        let memory = &memory;
        scope.spawn(move || source::read_ahead(job, places, keep_bytes, memory, &ready, is_over));
        for _ in 0..job.long.jobs {
            scope.spawn(|| writing.work(&computed));
        }
        // Taken by value, so that both ends are gone when it returns, however it does.
        compute_all(sources, hand, writing, compute)
    })
}

fn compute_all(
    sources: Receiver<Source>,
    hand: SyncSender<Computed>,
    writing: &Writing<'_>,
    compute: &mut Compute<'_>,
) -> Result<(), CliError> {
    for source in sources {
        if stop::requested() || writing.is_over() {
            break;
        }
        let name = writing.job.images[source.index].name();
        let Some(computed) = compute.image(source, || writing.progress.line(&name))? else { break };
        if hand.send(computed).is_err() {
            break;
        }
    }
    Ok(())
}

/// What this start of the program did.
fn session(job: &Job, compute: &Compute<'_>, start: Instant) -> Session {
    let network = compute.network.as_ref();
    let timings = network.map_or(Timings::default(), |network| network.sam.timings());
    let weights = job.steps.iter().flat_map(|step| step.task.weights());
    Session {
        model: network.map(|network| ModelReport::new(&network.local)),
        weights: weights.map(|local| ModelReport::new(&local)).collect(),
        device: network.map(|network| network.sam.device().to_owned()),
        load_seconds: network.map_or(0.0, |network| network.loading.as_secs_f64()),
        total_seconds: start.elapsed().as_secs_f64(),
        networks: Networks {
            images_encoded: timings.images_encoded,
            embeddings_from_cache: 0,
            encoder_seconds: timings.encode.as_secs_f64(),
            prompts_decoded: timings.prompts_decoded,
            decoder_seconds: timings.decode.as_secs_f64(),
        },
    }
}
