//! Going on where a run stopped: what is complete, unchanged and of the same run is not done again.

use std::{fs, io, path::Path};

use rayon::prelude::*;
use samkit_io::OutputNames;
use serde_json::{Map, Value, json};
use walkdir::WalkDir;

use super::{
    journal::{self, FORMAT, Journal, Records},
    record::{Entry, Header, Line, sha256},
    writing::shown,
};
use crate::{error::CliError, job::Job, report::step_json, version::VERSION};

/// What this run is of.
fn header(job: &Job, names: &OutputNames) -> Header {
    let mut list = String::new();
    for image in &job.images {
        list += &format!("{}\n{}\n", image.name(), shown(&names.stem(image)));
    }
    Header {
        format: FORMAT,
        samkit: VERSION.into(),
        run: job.name.clone(),
        plan: plan(job),
        shard: job.long.shard,
        images: job.images.len(),
        list: sha256(list.as_bytes()),
        report: job.report,
    }
}

/// All that results depend on beside the images.
fn plan(job: &Job) -> Value {
    let steps: Vec<_> = job.steps.iter().map(step_json).collect();
    let mut files = Map::new();
    steps.iter().for_each(|step| named_files(&step["params"], &mut files));
    let plugins: Map<String, Value> = job
        .steps
        .iter()
        .filter_map(|step| Some((step.task.name().to_owned(), step.task.version()?.into())))
        .collect();
    let model = job.needs_sam().then_some(&job.model.id);
    json!({
        "model": model,
        "precision": job.precision.name(),
        "steps": steps,
        "plugins": plugins,
        "files": files,
    })
}

/// Files that parameters name, such as boxes or a detector, with their size and time: a run whose boxes
/// have changed is another run.
fn named_files(params: &Value, files: &mut Map<String, Value>) {
    match params {
        Value::String(path) => {
            let Ok(known) = fs::metadata(path) else { return };
            if known.is_file() {
                let time = known.modified().ok();
                let time = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                let seconds = time.map_or(0, |time| time.as_secs());
                files.insert(path.clone(), json!({ "bytes": known.len(), "modified": seconds }));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| named_files(value, files)),
        Value::Object(values) => values.values().for_each(|value| named_files(value, files)),
        _ => {}
    }
}

/// The journal to go on with.
pub(super) struct Begun {
    /// What the run is of, as it was when it began.
    pub(super) header: Header,
    pub(super) journal: Journal,
    /// Images that are done already, by their place in the list.
    pub(super) done: Vec<bool>,
    /// What the user should know.
    pub(super) note: Option<String>,
}

/// Begins the journal, or with `--resume` takes over what an earlier start of the same run has done.
///
/// # Errors
/// When the journal cannot be written, or that of another run is to be resumed.
pub(super) fn begin(job: &Job, names: &OutputNames, ids: &[u64]) -> Result<Begun, CliError> {
    let path = journal::path(&job.output, job.long.shard);
    let header = header(job, names);
    let failed = |source| CliError::Output { path: job.output.clone(), source };
    let earlier = match Records::open(vec![path.clone()]) {
        Ok(opened) => Some(opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // Not of this version, or cut in its first line: nothing can be taken from it.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) => return Err(failed(error)),
    };
    // A run that was killed at its first image has only begun its journal.
    let has_begun = path.with_extension("new").exists();
    if (earlier.is_some() || has_begun) && job.long.shard.is_none() {
        remove_unfinished(&job.output);
    }
    if job.long.shard.is_some() {
        fit_in(job, &path, &header)?;
    }
    let mut done = vec![false; job.images.len()];
    if !job.long.resume {
        let note = earlier.and_then(|(_, records)| unfinished(&records, job));
        let journal = Journal::create(&path, header.clone()).map_err(failed)?;
        return Ok(Begun { header, journal, done, note });
    }
    let Some((headers, records)) = earlier else {
        let note = "nothing to resume: no earlier run here, so all images are worked on";
        let journal = Journal::create(&path, header.clone()).map_err(failed)?;
        return Ok(Begun { header, journal, done, note: Some(note.into()) });
    };
    let changes = differences(&headers[0], &header);
    if !changes.is_empty() {
        return Err(CliError::OtherRun { path: job.output.clone(), changes: changes.join("; ") });
    }
    // Written anew beside the old one, which stays valid until the new one is complete.
    let mut journal = Journal::create(&path, header.clone()).map_err(failed)?;
    let places: std::collections::HashMap<String, usize> =
        job.own_images().map(|(place, image)| (shown(&names.stem(image)), place)).collect();
    let before = records.count();
    let mut entries = records.entries::<Entry>().map_err(failed)?;
    loop {
        // A few at a time: hashing files is worth all cores, memory is not.
        let part: Vec<Entry> =
            entries.by_ref().take(256).collect::<io::Result<_>>().map_err(failed)?;
        if part.is_empty() {
            break;
        }
        let kept = part.into_par_iter().filter_map(|entry| {
            let &place = places.get(&entry.stem)?;
            is_done(&entry, job, place).then_some((place, entry))
        });
        for (place, entry) in kept.collect::<Vec<_>>() {
            let entry = Entry { index: place, id: ids[place], ..entry };
            journal.append(&Line::Image(Box::new(entry))).map_err(failed)?;
            done[place] = true;
        }
    }
    drop(entries);
    for session in records.sessions {
        journal.append(&Line::End(session)).map_err(failed)?;
    }
    journal.settle().map_err(failed)?;
    let (whole, own) = (done.iter().filter(|done| **done).count(), job.own_images().count());
    let again = before.saturating_sub(whole);
    let note = format!("resuming: {whole} of {own} images are complete and unchanged");
    let note = match again {
        0 => note,
        again => format!("{note}; {again} that failed or changed are worked on again"),
    };
    Ok(Begun { header, journal, done, note: Some(note) })
}

/// A shard whose neighbours are of another run could never be merged with them.
fn fit_in(job: &Job, own: &Path, header: &Header) -> Result<(), CliError> {
    for path in journal::of_shards(&job.output).into_iter().flatten() {
        // One that is being begun, or damaged, says nothing.
        let Ok(other) = Records::header(&path) else { continue };
        let changes = differences(&other, header);
        if path != own && !changes.is_empty() {
            let changes = changes.join("; ");
            return Err(CliError::OtherShards { path, changes });
        }
    }
    Ok(())
}

/// Whether nothing is left to do for an image: it went well, its file is the same, and so are all
/// that were written.
fn is_done(entry: &Entry, job: &Job, place: usize) -> bool {
    let input = &job.images[place];
    entry.report.image == input.name()
        && !entry.report.is_failed()
        && (entry.card.is_some() || !job.report)
        && entry.source.as_ref().is_some_and(|source| source.fits(&input.path))
        && entry.files.iter().all(|file| file.is_whole(&job.output))
}

/// That a run stopped early here and begins anew.
fn unfinished(records: &Records, job: &Job) -> Option<String> {
    let (count, own) = (records.count(), job.own_images().count());
    (count < own && count > 0).then(|| {
        format!(
            "an earlier run here stopped after {count} images and is begun anew (--resume would \
             have gone on)"
        )
    })
}

/// What is different in another run, place by place.
pub(crate) fn differences(old: &Header, new: &Header) -> Vec<String> {
    let mut changes = Vec::new();
    if old.samkit != new.samkit {
        changes.push(format!("version of samkit: was {}, is {}", old.samkit, new.samkit));
    }
    compare("", &old.plan, &new.plan, &mut changes);
    let count = |header: &Header| header.shard.map(|shard| shard.count);
    if let (Some(old), Some(new)) = (count(old), count(new))
        && old != new
    {
        changes.push(format!("parts: were {old}, are {new}"));
    }
    // Without shards new images are welcome.
    if new.shard.is_some() && old.list != new.list {
        changes.push(format!("images: were {}, are {} or others", old.images, new.images));
    }
    changes
}

/// Names the places where two values differ; steps go by their ids.
fn compare(place: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
    let null = Value::Null;
    match (old, new) {
        _ if old == new => {}
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                let (old, new) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                compare(&place, old, new, changes);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (old, new)) in a.iter().zip(b).enumerate() {
                let name = match old["id"].as_str().filter(|id| new["id"] == *id) {
                    Some(id) => id.to_owned(),
                    None => index.to_string(),
                };
                compare(&format!("{place}.{name}"), old, new, changes);
            }
        }
        _ => changes.push(format!("{place}: was {old}, is {new}")),
    }
}

/// Removes temporary files that a run left which was killed. Nobody else writes here: the folder is
/// locked.
pub(crate) fn remove_unfinished(output: &Path) {
    let is_temporary = |name: &str| name.starts_with(".samkit-") && name.ends_with(".part");
    for entry in WalkDir::new(output).into_iter().flatten() {
        if entry.file_type().is_file() && entry.file_name().to_str().is_some_and(is_temporary) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_place_and_both_values() {
        let plan = |points: u32, save: &[&str]| json!({ "steps": [{ "id": "edges", "params": { "points_per_side": points }, "save": save }] });
        let mut changes = Vec::new();
        compare("", &plan(16, &["thinned"]), &plan(32, &["thinned", "raw"]), &mut changes);
        assert_eq!(
            changes,
            [
                "steps.edges.params.points_per_side: was 16, is 32",
                r#"steps.edges.save: was ["thinned"], is ["thinned","raw"]"#
            ]
        );
    }
}
