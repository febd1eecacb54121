//! What was left out, counted by kind, so that a thousand damaged things are one line.

use std::path::Path;

/// Names of a list that a note shows.
const SHOWN: usize = 3;

/// Bytes of a place that a note shows: names in files may have any length.
const LONGEST: usize = 400;

fn shortened(mut place: String) -> String {
    if place.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&end| place.is_char_boundary(end)).unwrap_or(0);
        place.truncate(end);
        place.push('…');
    }
    place
}

/// Kinds of things to be said, with how often they happened and where first.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Kind>);

#[derive(Debug)]
struct Kind {
    what: &'static str,
    count: usize,
    first: Vec<String>,
}

impl Notes {
    /// Counts one more of a kind.
    pub(super) fn add(&mut self, what: &'static str, place: impl FnOnce() -> String) {
        self.add_many(what, 1, place);
    }

    /// Counts several of a kind, the first of them at `place`.
    pub(super) fn add_many(
        &mut self,
        what: &'static str,
        count: usize,
        place: impl FnOnce() -> String,
    ) {
        let known = self.0.iter().position(|kind| kind.what == what).unwrap_or(self.0.len());
        if known == self.0.len() {
            self.0.push(Kind { what, count: 0, first: Vec::new() });
        }
        let kind = &mut self.0[known];
        kind.count += count;
        if kind.first.len() < SHOWN {
            kind.first.push(shortened(place()));
        }
    }

    /// Whether anything of a kind came up.
    pub(super) fn has(&self, what: &str) -> bool {
        self.0.iter().any(|kind| kind.what == what)
    }

    /// A line a kind, in the order in which they came up.
    pub(super) fn said(self, path: &Path) -> Vec<String> {
        let path = path.display();
        let line = |kind: Kind| {
            let Kind { what, count, first } = kind;
            let first: Vec<_> = first.into_iter().filter(|place| !place.is_empty()).collect();
            let more = count.saturating_sub(first.len());
            match (first.is_empty(), more) {
                (true, _) => format!("{path}: {what} ({count})"),
                (false, 0) => format!("{path}: {what} ({count}): {}", first.join("; ")),
                (false, more) => {
                    format!("{path}: {what} ({count}): {}; and {more} more", first.join("; "))
                }
            }
        };
        self.0.into_iter().map(line).collect()
    }
}
