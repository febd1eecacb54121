//! Which labels of boxes are wanted, and what is said of those that no box has.

use std::{cmp::Reverse, collections::BTreeMap, slice};

use samkit_core::Size;
use samkit_io::Matched;
use samkit_task_detect::{Unknown, classes};

use super::listed;

/// Labels that a message shows: one of them is what was meant.
const SHOWN: usize = 20;

/// A size that no box of a file lies outside.
const UNBOUNDED: Size = Size { width: u32::MAX, height: u32::MAX };

/// The labels that are wanted, as the file spells them; all where nobody asked for some.
#[derive(Debug)]
pub(super) struct Wanted(Option<Vec<String>>);

impl Wanted {
    /// What `names` stand for among the labels of the images' boxes, in any case and in the singular or
    /// plural; and what the user should know of those that stand for none.
    pub(super) fn of(names: &[String], matched: &Matched, images: usize) -> (Self, Vec<String>) {
        if names.is_empty() {
            return (Self(None), Vec::new());
        }
        let mut counts = BTreeMap::<String, usize>::new();
        for given in (0..images).flat_map(|place| matched.boxes(place, UNBOUNDED).boxes) {
            *counts.entry(given.label).or_default() += 1;
        }
        let known: Vec<String> = counts.keys().cloned().collect();
        let (mut wanted, mut notes) = (Vec::new(), Vec::new());
        for name in names {
            match classes(slice::from_ref(name), &BTreeMap::new(), &known) {
                Ok(found) => wanted.extend(found),
                // Without any boxes there is nothing to choose from.
                Err(_) if known.is_empty() => {}
                Err(unknown) => notes.push(note(&unknown, &counts)),
            }
        }
        (Self(Some(wanted)), notes)
    }

    pub(super) fn has(&self, label: &String) -> bool {
        self.0.as_ref().is_none_or(|labels| labels.contains(label))
    }

    pub(super) fn is_all(&self) -> bool {
        self.0.is_none()
    }
}

/// That no box has a label, and which labels there are: the most frequent first.
fn note(unknown: &Unknown, counts: &BTreeMap<String, usize>) -> String {
    let near = match unknown.nearest.as_slice() {
        [] => String::new(),
        near => format!(" (did you mean `{}`?)", near.join("` or `")),
    };
    let mut labels: Vec<(&String, &usize)> = counts.iter().collect();
    labels.sort_by_key(|(_, count)| Reverse(**count));
    let name = |(label, count): (&String, &usize)| match label.is_empty() {
        true => format!("none ({count})"),
        false => format!("{label} ({count})"),
    };
    let labels: Vec<String> = labels.into_iter().map(name).collect();
    format!(
        "of {} none is labelled `{}`{near}; the labels there are: {}",
        counted_boxes(counts.values().sum()),
        unknown.name,
        listed(&labels, SHOWN)
    )
}

/// `1 box`, `2 boxes`.
pub(super) fn counted_boxes(count: usize) -> String {
    if count == 1 { "1 box".to_owned() } else { format!("{count} boxes") }
}
