//! A place in a text.

/// A stretch of text on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offset into the text.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
}

impl Position {
    /// The token that the YAML parser's `location` points at.
    ///
    /// Only its count of bytes is used: the parser also ends lines where editors do not (at U+2028,
    /// for instance), and its own lines would not be those that people see.
    pub(crate) fn of(text: &str, location: &serde_yaml::Location) -> Self {
        let mut offset = location.index().min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        Self::at(text, offset)
    }

    /// The token that begins at byte `offset`, which lies between two characters.
    pub(crate) fn at(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..offset].chars().count() + 1,
            offset,
            length: token_length(&text[offset..]),
        }
    }

    /// The last line with something on it, for errors at the end of a text, where there is nothing
    /// to point at.
    pub(crate) fn last_line(text: &str) -> Self {
        let written = text.trim_end();
        let line_start = written.rfind('\n').map_or(0, |newline| newline + 1);
        let indent = written[line_start..].len() - written[line_start..].trim_start().len();
        let position = Self::at(text, line_start + indent);
        Self { length: written.len() - position.offset, ..position }
    }
}

/// Bytes of the scalar that `text` begins with, as far as it goes on the first line.
fn token_length(text: &str) -> usize {
    let line = text.lines().next().unwrap_or_default();
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return line[1..].find(quote).map_or(line.len(), |end| end + 2);
    }
    let end = [": ", " #", ", ", ",", "]", "}"].iter().filter_map(|mark| line.find(mark)).min();
    let token = line[..end.unwrap_or(line.len())].trim_end();
    token.strip_suffix(':').unwrap_or(token).len()
}
