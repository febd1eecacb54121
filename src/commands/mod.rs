//! The commands, one file each: their flags, and how flags become work.

pub(crate) mod convert;
pub(crate) mod detect;
pub(crate) mod edges;
pub(crate) mod eval;
pub(crate) mod everything;
pub(crate) mod instances;
pub(crate) mod merge;
pub(crate) mod models;
pub(crate) mod plugins;
pub(crate) mod recipe;
pub(crate) mod run;
pub(crate) mod segment;
pub(crate) mod text;

mod options;

use std::{path::Path, sync::Arc};

use indicatif::ProgressBar;

use crate::{
    batch::{self, Done, Ending, Header, Lock, Records},
    cli::{Cli, Command},
    console::Console,
    error::CliError,
    job::Job,
    print::{print_file, tell},
    report::{self, Failure},
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
        Command::Convert(args) => convert::run(&args, console),
        Command::Detect(args) => detect::run(&args, &global, console),
        Command::Edges(args) => edges::run(&args, &global, console),
        Command::Everything(args) => everything::run(&args, &global, console),
        Command::Instances(args) => instances::run(&args, &global, console),
        Command::Segment(args) => segment::run(&args, &global, console),
        Command::Text(args) => text::run(&args, &global, console),
        Command::Merge(args) => merge::run(&args, console),
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
    let lock = Lock::take(&job.output, job.long.shard, &format!("samkit {}", job.name))?;
    let cache = job.open_cache()?.map(Arc::new);
    job.start_threads()?;
    let ready = start(job, console).and_then(|notes| {
        notes.iter().for_each(|note| console.say(note));
        batch::run(job, cache, notes, console)
    });
    let done = match ready {
        Ok(done) => done,
        Err(error) => {
            drop(lock);
            if is_new {
                remove_new(&job.output);
            }
            return Err(error);
        }
    };
    let Some(Done { header, records, ending }) = done else {
        console.say("stopped before the first image: nothing was changed");
        return Ok(Outcome::Stopped);
    };
    finish(&header, &job.output, &records, ending, (args.json, args.timings), console)
}

/// Writes what is made of all images, and tells how it went.
fn finish(
    header: &Header,
    output: &Path,
    records: &Records,
    ending: Ending,
    (as_json, timings): (bool, bool),
    console: Console,
) -> Result<Outcome, CliError> {
    let stopped = ending.stopped.clone();
    if let Some(Failure { message, help }) = &stopped {
        let help = help.as_deref().map(|help| format!(" (hint: {help})")).unwrap_or_default();
        tell!("stopped: {message}{help}");
    }
    let report = match batch::finish(header, output, records, ending) {
        Ok(report) => report,
        // The images' own files are there: it is not as if nothing had been done.
        Err(error) => {
            // Of one cause both are; the first was told.
            if stopped.is_none() {
                tell!("{:?}", miette::Report::new(error));
            }
            return Ok(Outcome::SomeFailed);
        }
    };
    if as_json {
        print_file(&output.join(batch::report_name(header)));
    } else if !console.quiet {
        let failed = |source| CliError::Journal { path: output.to_owned(), source };
        report::table::print(&report, timings).map_err(failed)?;
    }
    Ok(report.outcome())
}

/// Nothing ran, so nothing is left; a folder with anything in it stays.
fn remove_new(output: &Path) {
    let own = output.join(batch::FOLDER);
    for entry in std::fs::read_dir(&own).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
    let _ = std::fs::remove_dir(own);
    let _ = std::fs::remove_dir(output);
}
