//! The commands, one file each: their flags, and how flags become work.

pub(crate) mod detect;
pub(crate) mod edges;
pub(crate) mod eval;
pub(crate) mod everything;
pub(crate) mod instances;
pub(crate) mod models;
pub(crate) mod plugins;
pub(crate) mod recipe;
pub(crate) mod run;
pub(crate) mod segment;
pub(crate) mod text;

mod options;

use std::sync::Arc;

use indicatif::ProgressBar;

use crate::{
    batch,
    cli::{Cli, Command},
    console::Console,
    error::CliError,
    job::Job,
    report,
    tasks::Talk,
};
use options::ReportArgs;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is done.
    Done,
    /// Some images or steps failed.
    SomeFailed,
    /// The user stopped it.
    Stopped,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::Stopped => crate::stop::EXIT_CODE,
        }
    }
}

/// Does what the command line says.
pub(crate) fn dispatch(cli: Cli, console: Console) -> Result<Outcome, CliError> {
    let global = cli.global;
    match cli.command {
        Command::Run(args) => run::run(&args, &global, console),
        Command::Detect(args) => detect::run(&args, &global, console),
        Command::Edges(args) => edges::run(&args, &global, console),
        Command::Everything(args) => everything::run(&args, &global, console),
        Command::Instances(args) => instances::run(&args, &global, console),
        Command::Segment(args) => segment::run(&args, &global, console),
        Command::Text(args) => text::run(&args, &global, console),
        Command::Models(args) => models::run(args, console),
        Command::Plugins(args) => plugins::run(&args, &global),
        Command::Recipe(args) => recipe::run(&args, &global, console),
        Command::Eval(args) => eval::run(&args, &global, console),
    }
}

/// Makes every step ready, and returns what the user should know.
fn start(job: &Job, console: Console) -> Result<Vec<String>, CliError> {
    let talk = Talk { console, bar: ProgressBar::hidden(), offline: job.offline };
    let mut notes = Vec::new();
    for step in &job.steps {
        notes.extend(step.task.start(&job.images, &talk)?);
    }
    Ok(notes)
}

/// Runs a job, or only says what it would do.
fn execute(job: &Job, args: &ReportArgs, console: Console) -> Result<Outcome, CliError> {
    if args.dry_run {
        report::print_plan(job, args.json);
        return Ok(Outcome::Done);
    }
    let is_new = !job.output.exists();
    job.prepare_output()?;
    let cache = job.open_cache()?.map(Arc::new);
    job.start_threads()?;
    let notes = start(job, console).inspect_err(|_| {
        // Nothing ran, so nothing is left; a folder with anything in it stays.
        if is_new {
            let _ = std::fs::remove_dir(&job.output);
        }
    })?;
    notes.iter().for_each(|note| console.say(note));
    let report = batch::run(job, cache, notes, console)?;
    if args.json {
        report::print_json(&report);
    } else if !console.quiet {
        report::table::print(&report, args.timings);
    }
    Ok(report.outcome())
}
