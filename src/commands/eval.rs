//! `samkit eval`: results against what people drew.

mod instances;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use miette::Diagnostic;
use samkit_core::Size;
use samkit_eval::edges::{self, Protocol, Scores};
use samkit_io::{Depth, InputImage, ReadLimits, find_images, read_image, write_atomically};

use super::{
    Outcome,
    options::{number, whole_number},
};
use crate::{
    cli::GlobalArgs,
    console::{Console, counted, known_length},
    error::{CliError, one_line},
    print::{print_text, tell},
    report::{self, table::aligned},
    stop,
};

/// Measure results against annotations
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    command: EvalCommand,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    Edges(EvalEdgesArgs),
    Instances(instances::EvalInstancesArgs),
}

/// Score edge maps with the boundary benchmark of BSDS500
///
/// Every map is cut at many thresholds and thinned; its pixels are matched with each annotator's, one
/// to one. ODS is the best F measure with one threshold for all images, OIS with the best for each, AP
/// the area under the curve of precision over recall, R50 the recall at a precision of one half.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct EvalEdgesArgs {
    /// Folder of the images
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Folder of the annotations: NAME.mat as BSDS500 has them, NAME.png, or a folder NAME of PNG
    /// files, one a person
    #[arg(long, value_name = "DIR")]
    gt: PathBuf,
    /// Folder of the edge maps: NAME.png or NAME.edges.png, grey, 8 or 16 bits
    #[arg(long, value_name = "DIR")]
    pred: PathBuf,
    /// How many thresholds, 1 to 999
    #[arg(long, value_name = "N", value_parser = whole_number, default_value_t = 99)]
    thresholds: u32,
    /// How far apart matched pixels may be, as a part of the image's diagonal, 0 to 0.1
    #[arg(long, value_name = "PART", value_parser = number, default_value_t = 0.0075)]
    max_distance: f32,
    /// Take what lies above a threshold as it is, without thinning it
    #[arg(long)]
    no_thinning: bool,
    /// Also list every image with its own best threshold
    #[arg(long)]
    per_image: bool,
    /// Draw precision over recall, with the published methods' lines, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write the curve as CSV: threshold, recall, precision, F
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print everything as JSON on stdout, instead of tables
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit edges BSDS500/images/val --output maps
  samkit eval edges --images BSDS500/images/val --gt BSDS500/groundTruth/val --pred maps
  samkit eval edges --images val --gt truth --pred maps --plot curve.svg --per-image

Exit codes: 0 all scored, 1 some files could not be read, 2 the request was wrong or files are missing.";

pub(super) fn run(
    args: &EvalArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let args = match &args.command {
        EvalCommand::Edges(args) => args,
        EvalCommand::Instances(args) => return instances::run(args, global, console),
    };
    let protocol = Protocol {
        thresholds: in_range("thresholds", args.thresholds, 1..=999)? as usize,
        distance: f64::from(in_range("max-distance", args.max_distance, 0.0..=0.1)?),
        thinning: !args.no_thinning,
    };
    if let Some(threads) = global.threads {
        crate::job::start_threads(threads.get())?;
    }
    let entries = entries(args)?;
    let line = console.step_line("scoring".to_owned());
    known_length(&line, entries.len());
    let (mut names, mut counts, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &entries {
        if stop::requested() {
            line.finish_and_clear();
            return Ok(Outcome::Stopped);
        }
        match entry.counts(&protocol) {
            Ok(found) => {
                counts.push(found);
                names.push(entry.name.clone());
            }
            Err(reason) => failures.push(Failure { image: entry.name.clone(), reason }),
        }
        line.inc(1);
    }
    line.finish_and_clear();
    let scores = edges::scores(&counts, &protocol);
    if let Some(path) = &args.plot {
        let title = format!("{}, {}", args.pred.display(), counted(names.len(), "image"));
        write_atomically(path, |file| file.write_all(edges::plot(&scores, &title).as_bytes()))?;
    }
    if let Some(path) = &args.csv {
        write_atomically(path, |file| file.write_all(curve(&scores).as_bytes()))?;
    }
    if args.json {
        report::print_json(&json(&scores, &names, &failures, &protocol));
    } else if !console.quiet {
        print_text(&text(&scores, &names, &protocol, args.per_image));
    }
    for Failure { image, reason } in &failures {
        tell!("{image} was not scored: {reason}");
    }
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

fn in_range<T: PartialOrd + std::fmt::Display + Copy>(
    flag: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, CliError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(CliError::Flag { flag: flag.to_owned(), found: value.to_string(), expected })
}

/// An image that could not be scored.
#[derive(serde::Serialize)]
struct Failure {
    image: String,
    reason: String,
}

/// The files that belong to one image.
struct Entry {
    name: String,
    image: PathBuf,
    truth: PathBuf,
    prediction: PathBuf,
}

impl Entry {
    fn counts(&self, protocol: &Protocol) -> Result<Vec<edges::Counts>, String> {
        let said = |error: edges::ReadError| match error.help() {
            Some(help) => format!("{}; {help}", one_line(&error)),
            None => one_line(&error),
        };
        let image = read_image(&self.image, &ReadLimits::default());
        let image = image.map_err(|error| one_line(&error))?.image;
        let size = Size::new(image.width(), image.height());
        let truths = edges::truths(&self.truth, size).map_err(said)?;
        let strengths = edges::prediction(&self.prediction, size).map_err(said)?;
        Ok(edges::counts(&strengths, &truths, protocol))
    }
}

/// The images with their files. Every file that is missing is named at once.
fn entries(args: &EvalEdgesArgs) -> Result<Vec<Entry>, CliError> {
    for (flag, folder) in [("images", &args.images), ("gt", &args.gt), ("pred", &args.pred)] {
        if !folder.is_dir() {
            let reason =
                if folder.exists() { "it is not a folder" } else { "there is no such folder" };
            return Err(CliError::FlagFile {
                flag,
                path: folder.clone(),
                reason: reason.to_owned(),
                help: "name a folder; see `samkit eval edges --help`".to_owned(),
            });
        }
    }
    let folder = args.images.display().to_string();
    let images = find_images(&[folder], Path::new("."), Depth::Folder, None).map_err(|fault| {
        CliError::NoInput {
            reason: one_line(&fault.error),
            help: fault.error.help().map(|help| help.to_string()).unwrap_or_default(),
        }
    })?;
    let mut missing = Vec::new();
    let mut entries = Vec::new();
    for image in &images {
        let stem = image.relative.with_extension("");
        let truth = first_of(&args.gt, &stem, &[".mat", ".png", ""]);
        let prediction = first_of(&args.pred, &stem, &[".png", ".edges.png"]);
        match (truth, prediction) {
            (Some(truth), Some(prediction)) => {
                let name = InputImage::name(image);
                entries.push(Entry { name, image: image.path.clone(), truth, prediction });
            }
            (truth, prediction) => {
                for (what, found) in [("annotation", truth), ("edge map", prediction)] {
                    if found.is_none() {
                        missing.push(format!("{} has no {what}", image.name()));
                    }
                }
            }
        }
    }
    if missing.is_empty() { Ok(entries) } else { Err(Missing::from(missing).into()) }
}

/// The first of `stem` with one of the endings that is there.
fn first_of(folder: &Path, stem: &Path, endings: &[&str]) -> Option<PathBuf> {
    endings
        .iter()
        .map(|ending| {
            let mut path = folder.join(stem).into_os_string();
            path.push(ending);
            PathBuf::from(path)
        })
        .find(|path| path.exists())
}

/// What an evaluation lacks.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("missing: {}", counted(list.len(), "file"))]
pub(crate) struct Missing {
    list: Vec<String>,
    #[help]
    help: String,
}

impl From<Vec<String>> for Missing {
    fn from(list: Vec<String>) -> Self {
        const SHOWN: usize = 20;
        let mut lines: Vec<String> = list.iter().take(SHOWN).cloned().collect();
        if list.len() > SHOWN {
            lines.push(format!("and {} more", list.len() - SHOWN));
        }
        lines.push(
            "for an image a.jpg, `--gt` has a.mat, a.png or a folder a, `--pred` a.png or a.edges.png"
                .to_owned(),
        );
        Self { help: lines.join("\n"), list }
    }
}

fn curve(scores: &Scores) -> String {
    let mut text = "threshold,recall,precision,f\n".to_owned();
    for point in &scores.curve {
        let edges::Point { threshold, recall, precision } = point;
        text += &format!("{threshold:.4},{recall:.6},{precision:.6},{:.6}\n", point.f());
    }
    text
}

fn json(
    scores: &Scores,
    names: &[String],
    failures: &[Failure],
    protocol: &Protocol,
) -> serde_json::Value {
    let images = names.iter().zip(&scores.images);
    let images: Vec<_> = images
        .map(|(name, best)| {
            let mut value = serde_json::json!(best);
            value["image"] = serde_json::json!(name);
            value
        })
        .collect();
    serde_json::json!({
        "ods": scores.ods,
        "ois": scores.ois,
        "ap": scores.ap,
        "r50": scores.r50,
        "thresholds": protocol.thresholds,
        "max_distance": protocol.distance,
        "thinning": protocol.thinning,
        "curve": scores.curve,
        "images": images,
        "failures": failures,
    })
}

fn text(scores: &Scores, names: &[String], protocol: &Protocol, per_image: bool) -> String {
    let columns = |best: &edges::Best| {
        let edges::Point { threshold, recall, precision } = best.point;
        [threshold, precision, recall].map(|value| format!("{value:.3}"))
    };
    let mut text = String::new();
    if per_image {
        let mut rows = vec![["image", "F", "threshold", "precision", "recall"].map(String::from)];
        for (name, best) in names.iter().zip(&scores.images) {
            let [threshold, precision, recall] = columns(best);
            rows.push([name.clone(), format!("{:.3}", best.f), threshold, precision, recall]);
        }
        text += &aligned(&rows);
        text += "\n";
    }
    let [threshold, precision, recall] = columns(&scores.ods);
    let none = String::new;
    let row =
        |name: &str, value: f64| [name.to_owned(), format!("{value:.3}"), none(), none(), none()];
    let r50 = scores.r50.map_or("–".to_owned(), |recall| format!("{recall:.3}"));
    text += &aligned(&[
        ["score", "value", "threshold", "precision", "recall"].map(String::from),
        ["ODS".to_owned(), format!("{:.3}", scores.ods.f), threshold, precision, recall],
        row("OIS", scores.ois),
        row("AP", scores.ap),
        ["R50".to_owned(), r50, none(), none(), none()],
    ]);
    let thinning = if protocol.thinning { "thinned, " } else { "" };
    text += &format!(
        "\n{}, {} thresholds, {thinning}pixels matched up to {} of the diagonal apart\n",
        counted(names.len(), "image"),
        protocol.thresholds,
        protocol.distance as f32,
    );
    text
}
