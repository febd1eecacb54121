//! The part of a text that an error shows.

use std::sync::Arc;

use miette::SourceSpan;

use crate::{Position, Source};

/// Characters of a line that are shown whole; of a longer one only what is around the place.
const WIDTH: usize = 400;
/// Characters shown on each side of the place then.
const AROUND: usize = 40;

/// The text to show and the place in it. It is the text itself, unless its lines are too long for
/// a screen or it has control characters, which a terminal would obey.
pub(crate) fn excerpt(source: &Source, position: Position) -> (Arc<String>, SourceSpan) {
    let text = source.text();
    let (offset, end) = (position.offset, position.offset + position.length);
    // The place's own line and its neighbours are shown.
    let before = text[..offset].rmatch_indices('\n').nth(1).map_or(0, |(newline, _)| newline + 1);
    let after = text[end..].match_indices('\n').nth(1).map_or(text.len(), |(at, _)| end + at);
    let is_wide = text[before..after].lines().any(|line| line.chars().nth(WIDTH).is_some());
    let shown = &text[before..after];
    if !is_wide && !shown.contains(is_control) {
        return (source.shared_text(), (offset, position.length).into());
    }
    let mut excerpt = "\n".repeat(position.line - 1);
    let line_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[offset..].find('\n').map_or(text.len(), |at| offset + at);
    let left = text[line_start..offset].char_indices().rev().nth(AROUND - 1);
    match left {
        Some((cut, _)) if cut > 0 => {
            excerpt.push('…');
            excerpt.push_str(&text[line_start + cut..offset]);
        }
        _ => excerpt.push_str(&text[line_start..offset]),
    }
    let start = excerpt.len();
    let marked = text[offset..end].char_indices().nth(AROUND).map_or(end, |(cut, _)| offset + cut);
    excerpt.push_str(&text[offset..marked]);
    let length = excerpt.len() - start;
    match text[marked..line_end].char_indices().nth(AROUND) {
        Some((cut, _)) => {
            excerpt.push_str(&text[marked..marked + cut]);
            excerpt.push('…');
        }
        None => excerpt.push_str(&text[marked..line_end]),
    }
    // One byte for one byte: the place stays where it is.
    let excerpt: String = excerpt.chars().flat_map(visible).collect();
    (Arc::new(excerpt), (start, length).into())
}

fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// The character, or signs of the same length that no terminal obeys.
fn visible(c: char) -> impl Iterator<Item = char> {
    let (sign, times) = if is_control(c) { ('?', c.len_utf8()) } else { (c, 1) };
    std::iter::repeat_n(sign, times)
}
