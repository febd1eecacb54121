//! What is made of all images at the end, out of the journal.

use std::{io, path::Path, time::Duration};

use samkit_core::Size;
use samkit_io::AnnotatedImage;
use samkit_report::Card;
use serde::Deserialize;
use serde_json::Value;

use super::{
    journal::Records,
    record::{Header, Session, Thing},
    writing::relative_to,
};
use crate::{
    console::duration,
    error::CliError,
    job::step_folder,
    report::{Failure, ImageReport, Images, Networks, RunReport, RunSeconds, Totals},
    tasks::dataset,
};

/// The page's file.
const PAGE: &str = "report.html";

/// How a run, or the start of it that has just ended, went.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) notes: Vec<String>,
    pub(crate) threads: Option<usize>,
    /// Images that were done before.
    pub(crate) resumed: usize,
    /// Why it could not go on.
    pub(crate) stopped: Option<Failure>,
    /// What this start of the program did; none for a merge.
    pub(crate) session: Option<Session>,
}

/// Writes the files of all images and `run.json`, and returns what that says.
///
/// # Errors
/// When the journal cannot be read or a file not be written.
pub(crate) fn finish<'r>(
    header: &Header,
    output: &Path,
    records: &'r Records,
    ending: Ending,
) -> Result<RunReport<'r>, CliError> {
    let failed = |source| CliError::Journal { path: output.to_owned(), source };
    let images = Images(records);
    let totals = Totals::of(&images).map_err(failed)?;
    let mut outputs = Vec::new();
    if header.shard.is_none() && ending.stopped.is_none() {
        outputs = write_all(&header.plan["steps"], output, records)?;
        if header.report {
            outputs.push(write_page(header, output, records, &ending, &totals)?);
        }
    }
    let Ending { notes, threads, resumed, stopped, session } = ending;
    let before = &records.sessions;
    let model = session.iter().chain(before).find_map(|session| session.model.clone());
    let device = session.iter().chain(before).find_map(|session| session.device.clone());
    let weights = session.iter().chain(before).map(|session| session.weights.clone());
    let weights = weights.max_by_key(Vec::len).unwrap_or_default();
    // Of this start where there is one, as the times are; else of all that were merged.
    let counted: Vec<&Session> = match &session {
        Some(session) => vec![session],
        None => before.iter().collect(),
    };
    let mut networks = Networks::default();
    counted.iter().for_each(|session| networks.add(&session.networks));
    networks.embeddings_from_cache = totals.from_cache;
    let own = header.shard.map_or(header.images, |shard| shard.share(header.images));
    let report = RunReport {
        samkit: header.samkit.clone(),
        run: header.run.clone(),
        shard: header.shard,
        model,
        weights,
        device,
        precision: header.plan["precision"].clone(),
        threads,
        steps: header.plan["steps"].clone(),
        output: output.display().to_string(),
        notes,
        outputs,
        interrupted: totals.images < own,
        stopped,
        resumed,
        images,
        seconds: RunSeconds {
            load: counted.iter().map(|session| session.load_seconds).sum(),
            parts: totals.parts,
            total: counted.iter().map(|session| session.total_seconds).sum(),
        },
        networks,
        totals,
    };
    samkit_io::write_json(&output.join(report_name(header)), &report)?;
    Ok(report)
}

/// `run.json`, or a shard's own.
pub(crate) fn report_name(header: &Header) -> String {
    header.shard.map_or("run.json".into(), |shard| format!("run.{shard}.json"))
}

/// The page that shows all images.
fn write_page(
    header: &Header,
    output: &Path,
    records: &Records,
    ending: &Ending,
    totals: &Totals,
) -> Result<String, CliError> {
    let setting = |step: &Value| {
        let id = step["id"].as_str().unwrap_or_default().to_owned();
        (id, step["params"].clone())
    };
    let steps = header.plan["steps"].as_array().into_iter().flatten();
    let took = ending.session.as_ref().map(|session| session.total_seconds);
    let page = samkit_report::Run {
        title: header.run.clone(),
        version: format!("samkit {}", header.samkit),
        started: String::new(),
        took: took.map_or(String::new(), |took| duration(Duration::from_secs_f64(took))),
        output: output.display().to_string(),
        totals: samkit_report::Totals {
            images: totals.images,
            failed: totals.failed,
            objects: totals.objects,
            files: totals.files,
        },
        settings: steps.map(setting).collect(),
        notes: ending.notes.clone(),
    };
    let failed = |source| CliError::Journal { path: output.to_owned(), source };
    let cards = records.entries::<Shown>().map_err(failed)?;
    let cards = cards.filter_map(|entry| entry.map(|entry| entry.card).transpose());
    samkit_report::write_report(&output.join(PAGE), &page, cards)?;
    Ok(PAGE.into())
}

/// What is needed of a line for the page.
#[derive(Deserialize)]
struct Shown {
    card: Option<Card>,
}

/// Writes what steps make of all images, and returns the files below the output folder.
fn write_all(steps: &Value, output: &Path, records: &Records) -> Result<Vec<String>, CliError> {
    let steps: Vec<Value> = steps.as_array().cloned().unwrap_or_default();
    let saves: Vec<Vec<String>> =
        steps.iter().map(|step| Vec::deserialize(&step["save"]).unwrap_or_default()).collect();
    let mut written = Vec::new();
    for (number, (step, save)) in steps.iter().zip(&saves).enumerate() {
        if !dataset::is_per_run(save) {
            continue;
        }
        let folder = step_folder(output, step["id"].as_str().unwrap_or_default(), &saves);
        let found = Found { records, step: number };
        for file in dataset::write(&folder, save, &found)? {
            written.push(relative_to(&folder.join(file), output));
        }
    }
    Ok(written)
}

/// What a step found in all images, read from the journal.
struct Found<'r> {
    records: &'r Records,
    step: usize,
}

/// What is needed of a line.
#[derive(Deserialize)]
struct Annotated {
    id: u64,
    stem: String,
    report: ImageReport,
    found: Vec<Option<Vec<Thing>>>,
}

impl samkit_io::AnnotatedImages for Found<'_> {
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()> {
        for entry in self.records.entries::<Annotated>()? {
            let Annotated { id, stem, report, mut found } = entry?;
            let Some(things) = found.get_mut(self.step).and_then(Option::take) else { continue };
            let size = Size::new(report.width, report.height);
            let instances = things.into_iter().map(|thing| thing.instance(size));
            each(&AnnotatedImage {
                id,
                path: report.image.clone().into(),
                file_name: report.image,
                stem: stem.into(),
                size,
                instances: instances.collect::<io::Result<_>>()?,
            })?;
        }
        Ok(())
    }
}
