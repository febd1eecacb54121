//! The summary for people.

use std::{fmt::Write, time::Duration};

use super::{RunReport, StepReport};
use crate::{
    console::{counted, duration},
    print::print_text,
};

/// Prints what was written and how long each part took.
pub(crate) fn print(report: &RunReport, timings: bool) {
    print_text(&text(report, timings));
}

fn text(report: &RunReport, timings: bool) -> String {
    let mut rows =
        vec![["image".into(), "size".into(), "found".into(), "time".into(), "written".into()]];
    for image in &report.images {
        let written = match image.failures().next() {
            Some(failure) => {
                format!("FAILED: {}", failure.message.lines().next().unwrap_or_default())
            }
            None => image.outputs().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        let size = match image.width {
            0 => "–".into(),
            _ => format!("{}×{}", image.width, image.height),
        };
        let found = image.steps.iter().map(StepReport::found).collect::<Vec<_>>();
        let time = time(image.seconds.total());
        rows.push([image.image.clone(), size, found.join(" + "), time, written]);
    }
    let mut text = aligned(&rows);

    let count = report.images.len();
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
    text += "\n";
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

    let failed = report.images.iter().filter(|image| image.failures().next().is_some()).count();
    let files = report.images.iter().flat_map(|image| image.outputs()).count();
    let _ = write!(
        text,
        "\n{} of {} in {}",
        counted(files, "file"),
        counted(count - failed, "image"),
        report.output
    );
    if !report.outputs.is_empty() {
        let _ = write!(text, "; of all images {}", report.outputs.join(", "));
    }
    if failed > 0 {
        let _ = write!(text, "; {failed} failed");
    }
    if report.interrupted {
        text += "; stopped before the end";
    }
    text += "\n";
    text
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
