//! `samkit merge`: the shards of a run as one.

use std::{fs, io, path::PathBuf};

use clap::Args;

use super::{Outcome, finish, options::OUTPUT};
use crate::{
    batch::{self, Ending, Header, Lock, Records},
    console::{Console, counted},
    error::CliError,
};

/// Join what the shards of a run have done
///
/// Reads what every shard recorded and writes what one run would have written: run.json, and the files
/// of all images, such as coco.json. The images' own files stay where they are.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MergeArgs {
    /// Output folders of the shards; one where they share it
    #[arg(value_name = "DIR", default_value = OUTPUT)]
    folders: Vec<PathBuf>,
    /// Folder to write to [default: the shards' own, where there is one]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Join what there is, although images are missing
    #[arg(long)]
    partial: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit everything photos -o out --save coco --shard 1/2   on one machine,
  samkit everything photos -o out --save coco --shard 2/2   on another, then
  samkit merge out
  samkit merge part-1 part-2 --output whole                 where they share no disk";

pub(super) fn run(args: &MergeArgs, console: Console) -> Result<Outcome, CliError> {
    let output = match (&args.output, &args.folders[..]) {
        (Some(output), _) => output.clone(),
        (None, [only]) => only.clone(),
        (None, _) => {
            return Err(fault(
                "several folders, and nothing says where their results go".into(),
                "name a folder with `--output`",
            ));
        }
    };
    let journals = journals(&args.folders)?;
    fs::create_dir_all(&output)
        .map_err(|source| CliError::Output { path: output.clone(), source })?;
    let _lock = Lock::take(&output, None, "samkit merge")?;
    // What shards left that were killed: none is at work now.
    batch::remove_unfinished(&output);
    let (headers, records) = Records::open(journals.clone())
        .map_err(|source| CliError::Journal { path: args.folders[0].clone(), source })?;
    let header = joined(&journals, &headers)?;
    let missing = missing(&headers, &records);
    if !missing.is_empty() && !args.partial {
        return Err(fault(
            format!("the run is not complete: {}", missing.join("; ")),
            "finish those shards with `--resume`, or join what there is with `--partial`",
        ));
    }
    missing.iter().for_each(|line| console.say(line));
    let ending = Ending { notes: missing, ..Ending::default() };
    finish(&header, &output, &records, ending, (args.json, false), console)
}

fn fault(reason: String, help: &str) -> CliError {
    CliError::Merge { reason, help: help.into() }
}

/// The journals of shards in these folders.
fn journals(folders: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut found = Vec::new();
    for folder in folders {
        let own = batch::of_shards(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fault(
                format!("{} is not the output folder of a run", folder.display()),
                "name the folder that the shards wrote to",
            ),
            _ => CliError::Journal { path: folder.clone(), source: error },
        })?;
        if own.is_empty() {
            return Err(fault(
                format!("no shard has written to {}", folder.display()),
                "start runs with `--shard`; a run without it is whole as it is",
            ));
        }
        found.extend(own);
    }
    Ok(found)
}

/// The header of the run that these are shards of.
fn joined(journals: &[PathBuf], headers: &[Header]) -> Result<Header, CliError> {
    let first = Header { shard: None, ..headers[0].clone() };
    for (path, header) in journals.iter().zip(headers) {
        if (Header { shard: None, ..header.clone() }) != first {
            let (one, other) = (journals[0].display(), path.display());
            let changes = batch::differences(&headers[0], header).join("; ");
            return Err(fault(
                format!("{one} and {other} are of different runs: {changes}"),
                "all shards need the same samkit, images, steps and settings: remove the journal \
                 that does not belong, and run its shard again",
            ));
        }
        let twin = headers.iter().filter(|other| other.shard == header.shard).count();
        let count = |header: &Header| header.shard.map(|shard| shard.count);
        if twin > 1 || count(header) != count(&headers[0]) {
            return Err(fault(
                format!("{} does not fit the other shards", path.display()),
                "every shard must be there once, and all must be parts of the same number: remove the \
                 journal that does not belong",
            ));
        }
    }
    Ok(first)
}

/// What is not done, a line a shard.
fn missing(headers: &[Header], records: &Records) -> Vec<String> {
    let Some(count) = headers[0].shard.map(|shard| shard.count) else { return Vec::new() };
    let images = headers[0].images;
    let mut lines = Vec::new();
    for number in 1..=count {
        let shard = crate::shard::Shard { number, count };
        let left = (0..images).filter(|&place| shard.has(place) && !records.has(place)).count();
        let state = match headers.iter().any(|header| header.shard == Some(shard)) {
            true => "stopped early",
            false => "was not started",
        };
        if left > 0 {
            lines.push(format!("shard {number}/{count} {state}, {} left", counted(left, "image")));
        }
    }
    lines
}
