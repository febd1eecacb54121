//! An image on the page of a run.

use image::RgbImage;
use samkit_io::Instance;
use samkit_report::{Card, ResultView, Shown};

use crate::{
    report::{Failure, ImageReport, StepReport},
    tasks::{Artifact, Content, Things},
};

/// The card of an image: of each step what it found, or else a picture that it made.
pub(super) fn of(
    report: &ImageReport,
    image: Option<&RgbImage>,
    found: &[Option<Things>],
    artifacts: &[Vec<Artifact>],
) -> Card {
    let name = &report.image;
    let Some(image) = image else {
        let Failure { message, help } = report.error.clone().unwrap_or_else(Failure::unknown);
        return Card::failed(name, &message, help.as_deref());
    };
    let numbers: Vec<Vec<(&str, f64)>> = report.steps.iter().map(numbers).collect();
    let steps = report.steps.iter().zip(found).zip(artifacts).zip(&numbers);
    let views: Vec<ResultView<'_>> = steps
        .map(|(((step, found), artifacts), numbers)| ResultView {
            step: &step.id,
            shown: shown(step, found.as_deref().map(Vec::as_slice), artifacts),
            numbers,
            warnings: &[],
            files: &step.outputs,
        })
        .collect();
    Card::new(name, image, &views)
        .with_seconds(report.seconds.total())
        .with_warnings(report.notes.clone())
}

fn shown<'a>(
    step: &'a StepReport,
    found: Option<&'a [Instance]>,
    artifacts: &'a [Artifact],
) -> Shown<'a> {
    if let Some(Failure { message, help }) = &step.error {
        return Shown::Failed { message, help: help.as_deref() };
    }
    if let Some(things) = found {
        return Shown::Objects(things);
    }
    let picture = |artifact: &'a Artifact| match &artifact.content {
        Content::Rgb(picture) => Some(Shown::Picture(picture)),
        Content::Gray8(picture) => Some(Shown::Gray(picture)),
        _ => None,
    };
    artifacts.iter().find_map(picture).unwrap_or(Shown::Nothing)
}

fn numbers(step: &StepReport) -> Vec<(&str, f64)> {
    step.numbers.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}
