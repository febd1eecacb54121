//! The place of a path in a text.
//!
//! The YAML parser reports a position with an error and at no other time, and its untyped values
//! carry none. So the document is read once more by a deserializer seed that follows the path and
//! fails on purpose when it arrives: the parser then says where that was.

use std::{collections::HashSet, fmt, marker::PhantomData};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::{Path, Segment};

/// Which end of a `key: value` pair is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The key.
    Key,
    /// The value.
    Value,
}

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

/// Where `path` stands in a YAML `text`; `None` when it is not there, or the text is no YAML.
///
/// ```
/// use samkit_recipe::{Path, Spot, locate};
/// let text = "version: 1\nsteps:\n  - task: edges\n";
/// let path = Path::root().key("steps").index(0).key("task");
/// let position = locate(text, &path, Spot::Value).unwrap();
/// assert_eq!((position.line, position.column), (3, 11));
/// ```
pub fn locate(text: &str, path: &Path, spot: Spot) -> Option<Position> {
    find(text, Goal::Reach { path: path.segments(), spot })
}

/// Where a key stands for the second time in the same mapping.
pub(crate) fn locate_duplicate_key(text: &str) -> Option<Position> {
    find(text, Goal::DuplicateKey)
}

/// Message of the error that means "arrived". Users never see it.
const ARRIVED: &str = "arrived at the sought path";

fn find(text: &str, goal: Goal<'_>) -> Option<Position> {
    let error = goal.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    let arrived = error.to_string().contains(ARRIVED);
    let location = error.location().filter(|_| arrived)?;
    Some(Position::new(text, location.line(), location.column()))
}

impl Position {
    /// The token that begins at `line` and `column`, both from 1.
    pub(crate) fn new(text: &str, line: usize, column: usize) -> Self {
        let line_start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
        let rest = &text[line_start..];
        let skipped = rest.chars().take(column - 1).map(char::len_utf8).sum::<usize>();
        let offset = line_start + skipped;
        Self { line, column, offset, length: token_length(&text[offset..]) }
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

/// What the walk through a value fails on.
#[derive(Clone, Copy)]
enum Goal<'p> {
    /// The end of a path.
    Reach { path: &'p [Segment], spot: Spot },
    /// A key that its mapping has already.
    DuplicateKey,
    /// Nothing: the path leads elsewhere.
    Nothing,
}

impl<'p> Goal<'p> {
    /// Fails where the path ends.
    fn arrive<E: Error>(self) -> Result<(), E> {
        match self {
            Goal::Reach { path: [], .. } => Err(E::custom(ARRIVED)),
            _ => Ok(()),
        }
    }

    /// What to fail on inside the entry of a list or mapping.
    fn below(self, is_entry: impl Fn(&Segment) -> bool) -> Goal<'p> {
        match self {
            Goal::DuplicateKey => Goal::DuplicateKey,
            Goal::Reach { path: [first, rest @ ..], spot } if is_entry(first) => {
                Goal::Reach { path: rest, spot }
            }
            _ => Goal::Nothing,
        }
    }

    fn is_key(self, key: &str, seen: &HashSet<String>) -> bool {
        match self {
            Goal::Reach { path: [Segment::Key(last)], spot: Spot::Key } => last == key,
            Goal::DuplicateKey => seen.contains(key),
            _ => false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Goal<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Goal<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.arrive()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.arrive()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        self.arrive()?;
        let (_, value) = tagged.variant_seed(PhantomData::<IgnoredAny>)?;
        value.newtype_variant_seed(self.below(|_| false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.arrive()?;
        for index in 0.. {
            let below = self.below(|segment| *segment == Segment::Index(index));
            if entries.next_element_seed(below)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.arrive()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key_seed(Key { goal: self, seen: &seen })? {
            entries.next_value_seed(
                self.below(|segment| matches!(segment, Segment::Key(wanted) if *wanted == key)),
            )?;
            seen.insert(key);
        }
        Ok(())
    }
}

/// Reads a key as text, whatever it would mean as a value, and fails there if it is the goal.
struct Key<'p, 's> {
    goal: Goal<'p>,
    seen: &'s HashSet<String>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.goal.is_key(key, self.seen) { Err(E::custom(ARRIVED)) } else { Ok(key.to_owned()) }
    }
}
