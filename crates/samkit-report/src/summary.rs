//! What the page has to know of every card before any of them is looked at.

use serde::Serialize;

use crate::card::{Card, Failure, StepResult};

/// A card without what is large. The page reads all of these when it is opened, and sorts and filters
/// by them.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    name: &'a str,
    size: Option<[u32; 2]>,
    seconds: Option<f64>,
    /// Number of things, of the last step that looks for any.
    objects: Option<usize>,
    /// Their labels with how many have it, in the order of first occurrence.
    labels: Vec<(&'a str, usize)>,
    /// Their highest score.
    score: Option<f64>,
    /// Steps that have something to show, in order, and whether it is things.
    steps: Vec<(&'a str, bool)>,
    warnings: Vec<&'a str>,
    /// What failed: the step's name, or none where it was the image, and why.
    failures: Vec<(Option<&'a str>, &'a Failure)>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(card: &'a Card) -> Self {
        let view = |result: &'a StepResult| match (&result.objects, &result.picture) {
            (None, None) => None,
            (objects, _) => Some((&*result.step, objects.is_some())),
        };
        let things = card.results.iter().rev().find_map(|result| result.objects.as_deref());
        let mut labels: Vec<(&str, usize)> = Vec::new();
        for object in things.into_iter().flatten().filter(|object| !object.label.is_empty()) {
            match labels.iter_mut().find(|(label, _)| *label == object.label) {
                Some((_, count)) => *count += 1,
                None => labels.push((&object.label, 1)),
            }
        }
        let scores = things.into_iter().flatten().filter_map(|object| object.score);
        let of_steps =
            |result: &'a StepResult| Some((Some(&*result.step), result.failure.as_ref()?));
        let of_results = card.results.iter().flat_map(|result| &result.warnings);
        let of_image = card.failure.iter().map(|failure| (None, failure));
        Self {
            name: &card.name,
            size: card.size,
            seconds: card.seconds,
            objects: things.map(<[_]>::len),
            labels,
            score: scores.reduce(f64::max),
            steps: card.results.iter().filter_map(view).collect(),
            warnings: card.warnings.iter().chain(of_results).map(String::as_str).collect(),
            failures: of_image.chain(card.results.iter().filter_map(of_steps)).collect(),
        }
    }
}
