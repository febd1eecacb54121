//! Runs on ordinary and extreme inputs, from several threads, and under a request to stop.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{Report, sample::Sample, stand_in::StandIn};
use crate::{Cancel, Instance, Output, Plugin, PluginError, View, watched};

/// How long a plugin may go on after it was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

pub(super) fn check(plugin: &Plugin, report: &mut Report) {
    let ordinary = || Sample::new(96, 64);
    let plain = |sample: &Sample| run(plugin, sample, true).map(|_| ());
    report.line("an ordinary image", plain(&ordinary()));
    report.line("without what may be left out", run(plugin, &ordinary(), false).map(|_| ()));
    report.line("an image of one pixel", plain(&Sample::new(1, 1)));
    report.line("an image of one row", plain(&Sample::new(3000, 1)));
    report.line("a large image", plain(&Sample::new(2400, 1600)));
    report.line("lists and text with nothing in them", plain(&ordinary().emptied()));
    report.line("the same input gives the same output", repeats(plugin));
    report.line("outputs outlive the instance", outlives(plugin));
    report.line("calls from one thread after another", migrates(plugin));
    report.line("two instances at once", side_by_side(plugin));
    report.line("a request to stop is heard", stops(plugin));
    if !plugin.description().extensions.is_empty() {
        report.line("services that fail", survives_failure(plugin));
    }
    if let Some(outcome) = frees(plugin) {
        report.line("outputs are freed", outcome);
    }
}

fn create(plugin: &Plugin) -> Result<Instance, String> {
    plugin.create(&json!({}), &StandIn::default()).map_err(said)
}

fn run_on(
    instance: &mut Instance,
    sample: &Sample,
    with_optional: bool,
) -> Result<Vec<Output>, PluginError> {
    let plugin = instance.plugin().clone();
    let inputs = sample.inputs(plugin.description(), with_optional);
    instance.run(&inputs, &StandIn::new(sample.size), &Cancel::default())
}

fn run(plugin: &Plugin, sample: &Sample, with_optional: bool) -> Result<Vec<Output>, String> {
    run_on(&mut create(plugin)?, sample, with_optional).map_err(said)
}

fn repeats(plugin: &Plugin) -> Result<(), String> {
    let sample = Sample::new(96, 64);
    let mut instance = create(plugin)?;
    let mut once = || run_on(&mut instance, &sample, true).map(|o| fingerprint(&o)).map_err(said);
    let (first, second) = (once()?, once()?);
    match (first == second, fingerprint(&run(plugin, &sample, true)?) == first) {
        (true, true) => Ok(()),
        (false, _) => Err("a second run of one instance gave something else".to_owned()),
        (true, false) => Err("a second instance gave something else".to_owned()),
    }
}

fn outlives(plugin: &Plugin) -> Result<(), String> {
    let mut instance = create(plugin)?;
    let outputs = run_on(&mut instance, &Sample::new(96, 64), true).map_err(said)?;
    let before = fingerprint(&outputs);
    drop(instance);
    match fingerprint(&outputs) == before {
        true => Ok(()),
        false => Err("they changed when the instance was destroyed".to_owned()),
    }
}

fn migrates(plugin: &Plugin) -> Result<(), String> {
    let mut instance = elsewhere(|| create(plugin))?;
    let sample = Sample::new(96, 64);
    elsewhere(|| run_on(&mut instance, &sample, true).map(drop).map_err(said))?;
    elsewhere(move || drop(instance));
    Ok(())
}

fn side_by_side(plugin: &Plugin) -> Result<(), String> {
    let work = || run(plugin, &Sample::new(96, 64), true).map(|outputs| fingerprint(&outputs));
    let (first, second) = thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let [first, second] = threads.map(|thread| thread.join().expect("plugins do not unwind"));
        (first, second)
    });
    match first? == second? {
        true => Ok(()),
        false => Err("they gave different outputs".to_owned()),
    }
}

fn elsewhere<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(work).join().expect("plugins do not unwind"))
}

fn stops(plugin: &Plugin) -> Result<(), String> {
    let cancel = Cancel::default();
    cancel.request();
    let work = {
        let (plugin, cancel) = (plugin.clone(), cancel.clone());
        move || {
            let (mut instance, sample) = (create(&plugin)?, Sample::new(2400, 1600));
            let inputs = sample.inputs(plugin.description(), true);
            match instance.run(&inputs, &StandIn::new(sample.size), &cancel) {
                Ok(_) | Err(PluginError::Cancelled { .. }) => Ok(()),
                Err(error) => Err(said(error)),
            }
        }
    };
    watched(&plugin.description().id, &cancel, GRACE, work).map_err(said)?
}

fn survives_failure(plugin: &Plugin) -> Result<(), String> {
    let sample = Sample::new(96, 64);
    let mut services = StandIn::new(sample.size);
    let mut instance = create(plugin)?;
    services.is_broken = true;
    match plugin.create(&json!({}), &services) {
        Ok(_) | Err(PluginError::Failed { .. }) => {}
        Err(error) => return Err(said(error)),
    }
    let inputs = sample.inputs(plugin.description(), true);
    match instance.run(&inputs, &services, &Cancel::default()) {
        Ok(_) | Err(PluginError::Failed { .. }) => Ok(()),
        Err(error) => Err(said(error)),
    }
}

/// Whether the process grows while outputs are made and dropped; `None` where its size is unknown.
fn frees(plugin: &Plugin) -> Option<Result<(), String>> {
    const RUNS: usize = 100;
    const ALLOWED: usize = 8 << 20;
    let sample = Sample::new(512, 512);
    let runs = |count: usize| -> Result<(), String> {
        let mut instance = create(plugin)?;
        (0..count).try_for_each(|_| run_on(&mut instance, &sample, true).map(drop).map_err(said))
    };
    resident()?;
    let outcome = runs(RUNS / 4).and_then(|()| {
        let before = resident().unwrap_or_default();
        runs(RUNS)?;
        match resident().unwrap_or_default().saturating_sub(before) {
            grown if grown <= ALLOWED => Ok(()),
            grown => Err(format!("the process grew by {} KiB in {RUNS} runs", grown >> 10)),
        }
    });
    Some(outcome)
}

/// Bytes of memory that the process uses.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kib| kib << 10)
}

/// A number that changes with anything in the outputs.
fn fingerprint(outputs: &[Output]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for output in outputs {
        output.name().hash(&mut hasher);
        match output.view() {
            View::Image(pixels) => pixels.data.hash(&mut hasher),
            View::EdgeMap(map) => map.iter().for_each(|v| v.to_bits().hash(&mut hasher)),
            View::Boxes(regions) | View::Masks(regions) => {
                regions.iter().for_each(|r| format!("{:?}", r.to_region()).hash(&mut hasher));
            }
            View::Text(text) => text.hash(&mut hasher),
            View::Table(table) => format!("{table:?}").hash(&mut hasher),
        }
    }
    hasher.finish()
}

fn said(error: PluginError) -> String {
    error.to_string()
}
