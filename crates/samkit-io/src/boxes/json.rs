//! Reading JSON piece by piece: only what is asked for is ever in memory.
//!
//! An object or a list is a Rust value that takes its fields or items as they come, in any order; all
//! else is passed over. A value of the wrong kind is an error with its line and column.

use std::{fmt, io::BufReader, path::Path};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::{
    BoxFileError,
    error::{Place, shortened},
    nan::Patched,
    text,
};

/// Reads the file, which must hold one value and nothing after it.
pub(crate) fn read<S>(path: &Path, seed: S) -> Result<(), BoxFileError>
where
    S: for<'de> DeserializeSeed<'de, Value = ()>,
{
    let reader = BufReader::with_capacity(1 << 16, Patched::new(text::open(path)?));
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let outcome = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    outcome.map_err(|error| explained(path, error))
}

/// The parser's error in this crate's words.
fn explained(path: &Path, error: serde_json::Error) -> BoxFileError {
    let (line, column) = (error.line(), error.column());
    let place = Place::column(path, line, column);
    let text = error.to_string();
    let text = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    match error.classify() {
        Category::Io => BoxFileError::io(path, error.into()),
        Category::Syntax | Category::Eof => {
            BoxFileError::Syntax { place, language: "JSON", reason: text.to_owned() }
        }
        Category::Data => match text.rsplit_once(", expected ") {
            Some((found, expected)) => BoxFileError::content(place, renamed(found), expected),
            None => BoxFileError::content(place, shortened(text), "something else"),
        },
    }
}

/// What was found, in JSON's words instead of serde's.
fn renamed(found: &str) -> String {
    let (_, found) = found.split_once("invalid type: ").unwrap_or(("", found));
    let (_, found) = found.split_once("invalid value: ").unwrap_or(("", found));
    if found.contains("\\u{7f}") {
        return "NaN or infinity".to_owned();
    }
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        found => shortened(found),
    }
}

/// An error at the place that the parser is at.
pub(crate) fn wrong<E: de::Error>(found: &str, expected: &str) -> E {
    E::custom(format_args!("{}, expected {expected}", shortened(found)))
}

/// An object by its keys, as an error says it.
pub(crate) fn said(keys: &[String]) -> String {
    match keys {
        [] => "an empty object".to_owned(),
        keys => format!("an object with `{}`", keys.join("`, `")),
    }
}

/// What takes the fields of a JSON object.
pub(crate) trait Object {
    /// What the object is, as an error says it.
    const WHAT: &'static str;

    /// Takes a field's value out of `map`, or passes over it.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;

    /// Called behind the last field.
    fn finish<E: de::Error>(&mut self) -> Result<(), E> {
        Ok(())
    }
}

/// What takes the items of a JSON list.
pub(crate) trait List {
    /// What the list is, as an error says it.
    const WHAT: &'static str;

    /// Takes an item; `false` where there is none left.
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error>;
}

/// Reads an object into `T`.
pub(crate) struct Fields<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Object> DeserializeSeed<'de> for Fields<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Object> Visitor<'de> for Fields<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut key = String::new();
        while map.next_key_seed(Key(&mut key))?.is_some() {
            self.0.field(&key, &mut map)?;
        }
        self.0.finish()
    }
}

/// Reads an object into `T`, or passes over `null`.
pub(crate) struct Optional<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Object> DeserializeSeed<'de> for Optional<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Object> Visitor<'de> for Optional<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Fields(self.0).visit_map(map)
    }
}

/// Reads a list into `T`.
pub(crate) struct Items<'a, T>(pub(crate) &'a mut T);

impl<'de, T: List> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: List> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.0.item(&mut items)? {}
        Ok(())
    }
}

/// Reads a key into a text whose memory is used again.
struct Key<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        self.0.clear();
        self.0.push_str(key);
        Ok(())
    }
}
