//! The YAML parser's complaints in words for people who write recipes.

use std::collections::HashSet;

use crate::{Position, Problem, limits::MAX_OPEN};

/// What the parser meant by `message`, and where. Without a `position` it is a matter of the whole
/// text.
pub(crate) fn explain(
    text: &str,
    position: Option<Position>,
    message: &str,
) -> (Position, Problem) {
    // The place is shown beside the message, and need not stand in it too.
    let bare = message.split(" at line ").next().unwrap_or_default();
    let bare = bare.split(" at position ").next().unwrap_or_default();
    match bare {
        // The parser gives no place for these two.
        "repetition limit exceeded" => {
            let alias = first_alias(text).unwrap_or_else(|| Position::at(text, 0));
            return (alias, Problem::Explodes);
        }
        _ if bare.starts_with("deserializing from YAML containing more than one document") => {
            return (second_document(text), Problem::TwoDocuments);
        }
        _ => {}
    }
    if bare == "recursion limit exceeded" {
        return (position.unwrap_or_else(|| Position::at(text, 0)), Problem::Nested);
    }
    let begun = if BEGUN.contains(&bare) { beginning(text, message) } else { None };
    let place = match begun.or(position) {
        Some(position) if !text[position.offset..].trim().is_empty() => position,
        _ => Position::last_line(text),
    };
    let line = text[..place.offset].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line..].lines().next().unwrap_or_default();
    let (message, help) = words(bare, line, &text[place.offset..]);
    (place, Problem::Syntax { message, help: help.map(str::to_owned) })
}

/// Complaints about something that is not finished: to be shown where it began, for the parser goes
/// on for long before it gives up.
const BEGUN: [&str; 4] = [
    "could not find expected ':'",
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
];

/// The second place of a message: "…, while parsing a flow mapping at line 2 column 9".
fn beginning(text: &str, message: &str) -> Option<Position> {
    let (_, place) = message.rsplit_once(", while ")?.1.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let skipped = text[start..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
    Some(Position::at(text, start + skipped))
}

/// The message and the hint for a complaint about `line`, which the parser could follow up to
/// `rest`.
fn words(bare: &str, line: &str, rest: &str) -> (String, Option<&'static str>) {
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') || rest.starts_with('\t') {
        let message = "a tab stands where the line is indented, and YAML takes only spaces there";
        return (message.into(), Some("replace each tab with spaces, two for each level"));
    }
    let (message, help) = match bare {
        "found character that cannot start any token" => {
            let sign = rest.chars().next().unwrap_or_default();
            let message = format!("`{sign}` cannot begin a value");
            return (message, Some("put the whole value in quotes"));
        }
        "mapping values are not allowed in this context" => (
            "a `:` stands where no key can be",
            "indent the keys of one section alike; a value with `: ` in it needs quotes",
        ),
        "did not find expected key" | "did not find expected '-' indicator" => (
            "this line does not fit the indentation of the lines above it",
            "indent the keys of one section, and the `-` of one list, by the same number of spaces",
        ),
        "could not find expected ':'" => (
            "a line is no `key: value`",
            "write a `:` and a space after the key; a text of several lines needs quotes",
        ),
        "block sequence entries are not allowed in this context"
            if line.trim_end().ends_with(": -") =>
        {
            ("`-` alone begins a list", "write `\"-\"`, in quotes, to mean the sign itself")
        }
        "block sequence entries are not allowed in this context" => (
            "a list cannot begin here",
            "begin the list on a line of its own, or write it as `[a, b]`",
        ),
        "found unexpected end of stream" => {
            ("a quoted text is not closed", "add the missing quote")
        }
        "did not find expected ',' or ']'" => {
            ("a list that began with `[` is not closed", "add the missing `,` or `]`")
        }
        "did not find expected ',' or '}'" => {
            ("a mapping that began with `{` is not closed", "add the missing `,` or `}`")
        }
        "unknown anchor" => (
            "there is no anchor of this name above",
            "a value is named `&name` before `*name` uses it; a text that begins with `*` needs quotes",
        ),
        "did not find expected alphabetic or numeric character" => (
            "a name is missing after `*` or `&`",
            "a text that begins with `*` or `&` needs quotes",
        ),
        "found unknown escape character" | "did not find expected hexdecimal number" => (
            "this text in double quotes has a `\\` with an unknown letter after it",
            "write `\\\\` for the sign itself, or use single quotes",
        ),
        _ if bare.contains("expected a key") || bare.contains("expected string") => (
            "a key is no plain text",
            "write keys as plain words; quote a text that begins with `{` or `[`",
        ),
        other => (other, "check quotes, brackets and indentation around this place"),
    };
    (message.to_owned(), Some(help))
}

/// A sign that no text file holds, which the parser would refuse without saying where.
pub(crate) fn control_character(text: &str) -> Option<(Position, Problem)> {
    let is_stray = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let (offset, sign) = text.char_indices().find(|&(_, c)| is_stray(c))?;
    let position = Position { length: sign.len_utf8(), ..Position::at(text, offset) };
    Some((position, Problem::ControlCharacter(sign)))
}

/// Where more brackets are open than any recipe needs.
pub(crate) fn too_many_open(text: &str) -> Option<Position> {
    let mut open = 0_usize;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN {
            return Some(Position::at(text, offset));
        }
    }
    None
}

/// An anchor that stands twice, in a text with aliases: the parser would take a third value for it
/// (serde_norway 0.9.42 counts the names of anchors, not the anchors).
pub(crate) fn anchor_twice(text: &str) -> Option<(Position, Problem)> {
    first_alias(text)?;
    let mut seen = HashSet::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        for (at, _) in line.match_indices('&') {
            let before = &line[..at];
            let begins = before.is_empty() || before.ends_with([' ', '\t', '[', '{', ',']);
            if !begins || before.starts_with('#') || before.contains(" #") {
                continue;
            }
            let name = line[at + 1..].split([' ', '\t', '\r', '\n', ',', ']', '}']).next();
            let name = name.unwrap_or_default();
            if !name.is_empty() && !seen.insert(name) {
                let position = Position::at(text, line_start + at);
                let position = Position { length: 1 + name.len(), ..position };
                return Some((position, Problem::AnchorTwice(name.to_owned())));
            }
        }
        line_start += line.len();
    }
    None
}

/// The first `*name`.
pub(crate) fn first_alias(text: &str) -> Option<Position> {
    let is_alias = |&(offset, _): &(usize, &str)| {
        text[..offset].ends_with([' ', '[', ',', '{', '\n'])
            && text[offset + 1..].starts_with(char::is_alphanumeric)
    };
    text.match_indices('*').find(is_alias).map(|(offset, _)| Position::at(text, offset))
}

fn second_document(text: &str) -> Position {
    let mut offset = 0;
    let mut written = false;
    for line in text.split_inclusive('\n') {
        if line.starts_with("---") && written {
            break;
        }
        written |= !(line.trim().is_empty() || line.starts_with(['#', '%']));
        offset += line.len();
    }
    Position::at(text, offset.min(text.len()))
}
