//! What a job would do.

use serde_json::{Value, json};

use super::print_json;
use crate::{
    console::counted,
    job::{Job, JobStep},
    numbers::short_numbers,
    print::say,
    version::VERSION,
};

/// A step as it was resolved.
pub(crate) fn step_json(step: &JobStep) -> Value {
    let params = short_numbers(step.task.params_json());
    json!({
        "id": step.id,
        "task": step.task.name(),
        "params": params,
        "inputs": step.inputs,
        "save": step.save,
    })
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
    let images = job.own_images().map(|(_, image)| image.path.display().to_string());
    let images: Vec<_> = images.collect();
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
