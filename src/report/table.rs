//! The summary for people.

use std::{fmt::Write, io, time::Duration};

use super::{ImageReport, RunReport};
use crate::{
    console::{counted, duration},
    print::print_text,
};

/// More images than this are not listed one by one, but for those that failed.
const LISTED: usize = 50;

/// Prints what was written and how long each part took.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) fn print(report: &RunReport<'_>, timings: bool) -> io::Result<()> {
    print_text(&text(report, timings)?);
    Ok(())
}

fn text(report: &RunReport<'_>, timings: bool) -> io::Result<String> {
    let mut rows =
        vec![["image".into(), "size".into(), "found".into(), "time".into(), "written".into()]];
    let is_short = report.totals.images <= LISTED;
    report.images.each(|image| {
        if is_short || image.is_failed() {
            rows.push(row(&image));
        }
    })?;
    let mut text = String::new();
    if is_short || rows.len() > 1 {
        text += &aligned(&rows);
        text += "\n";
    }
    let totals = &report.totals;
    let count = totals.images;
    let parts = &report.seconds.parts;
    let mut rows = vec![["part".to_owned(), "total".into(), "per image".into()]];
    rows.push(["load weights".into(), time(report.seconds.load), String::new()]);
    for (name, total) in [
        ("read images", parts.read),
        ("encode", parts.encode),
        ("decode masks", parts.decode),
        ("post-process", parts.post_process),
        ("write", parts.write),
    ] {
        rows.push([name.into(), time(total), time(total / count.max(1) as f64)]);
    }
    rows.push(["all".into(), time(report.seconds.total), String::new()]);
    text += &aligned(&rows);

    if timings {
        let networks = &report.networks;
        let cached = match networks.embeddings_from_cache {
            0 => String::new(),
            count => format!(" (and {count} from the cache)"),
        };
        let each = |total: f64, count: u64| time(total / count.max(1) as f64);
        let _ = write!(
            text,
            "\nencoder: {}{cached}, {} each\ndecoder: {}, {} each\n",
            counted(networks.images_encoded as usize, "image"),
            each(networks.encoder_seconds, networks.images_encoded),
            counted(networks.prompts_decoded as usize, "prompt"),
            each(networks.decoder_seconds, networks.prompts_decoded),
        );
    }

    let _ = write!(
        text,
        "\n{} of {} in {}",
        counted(totals.files, "file"),
        counted(count - totals.failed, "image"),
        report.output
    );
    if !report.outputs.is_empty() {
        let _ = write!(text, "; of all images {}", report.outputs.join(", "));
    }
    if report.resumed > 0 {
        let _ = write!(text, "; {} done before", counted(report.resumed, "image"));
    }
    if totals.failed > 0 {
        let _ = write!(text, "; {} failed", totals.failed);
    }
    if report.interrupted {
        text += if report.threads.is_some() {
            "; stopped before the end: --resume goes on"
        } else {
            "; incomplete"
        };
    }
    text += "\n";
    Ok(text)
}

fn row(image: &ImageReport) -> [String; 5] {
    let written = match image.failures().next() {
        Some(failure) => {
            format!("FAILED: {}", failure.message.lines().next().unwrap_or_default())
        }
        None => listed(&image.outputs().map(String::as_str).collect::<Vec<_>>()),
    };
    let size = match image.width {
        0 => "–".into(),
        _ => format!("{}×{}", image.width, image.height),
    };
    let found = image.steps.iter().map(|step| step.found().to_string()).collect::<Vec<_>>();
    let time = time(image.seconds.total());
    [image.image.clone(), size, found.join(" + "), time, written]
}

/// Files that are listed of an image.
const FILES: usize = 8;

/// The first files, and how many more there are.
fn listed(files: &[&str]) -> String {
    let first = files[..files.len().min(FILES)].join(", ");
    match files.len().saturating_sub(FILES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn time(seconds: f64) -> String {
    duration(Duration::from_secs_f64(seconds))
}

/// Columns of equal width, two spaces apart.
pub(crate) fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text += line.trim_end();
        text += "\n";
    }
    text
}
