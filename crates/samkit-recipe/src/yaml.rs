//! From text to an untyped value, within limits.
//!
//! Keys are always texts, tags are refused, and a key may stand once: what comes out is what JSON
//! can say too. Aliases are written out by the parser as often as they are used; each use is paid
//! for from a [`Budget`].

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Mapping, Value};

use crate::{
    Position, Problem,
    limits::{Budget, MAX_BYTES},
    syntax,
};

/// Reads a YAML `text`.
pub(crate) fn read(text: &str) -> Result<Value, (Position, Problem)> {
    if text.len() > MAX_BYTES {
        return Err((Position::at(text, 0), Problem::TooLarge));
    }
    if let Some(unreadable) = syntax::control_character(text) {
        return Err(unreadable);
    }
    if let Some(place) = syntax::too_many_open(text) {
        return Err((place, Problem::Nested));
    }
    if let Some(twice) = syntax::anchor_twice(text) {
        return Err(twice);
    }
    let reading = Reading::default();
    let error = match (&reading).deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let position = error.location().map(|location| Position::of(text, &location));
    Err(match (reading.refused.into_inner(), position) {
        // The values that are too many stand where the alias leads, not where it repeats them.
        (Some(Problem::TooMany), Some(position)) => match syntax::first_alias(text) {
            Some(alias) => (alias, Problem::Explodes),
            None => (position, Problem::TooMany),
        },
        (Some(problem), Some(position)) => (position, problem),
        (_, position) => syntax::explain(text, position, &error.to_string()),
    })
}

#[derive(Debug, Default)]
struct Reading {
    budget: Budget,
    /// Why reading was broken off, where that was not the parser's doing.
    refused: RefCell<Option<Problem>>,
}

impl Reading {
    fn refuse<E: Error>(&self, problem: Problem) -> E {
        let message = problem.to_string();
        *self.refused.borrow_mut() = Some(problem);
        E::custom(message)
    }

    fn pay<E: Error>(&self, text: usize) -> Result<(), E> {
        if self.budget.pay(1, text) { Ok(()) } else { Err(self.refuse(Problem::TooMany)) }
    }

    fn scalar<E: Error>(&self, value: impl Into<Value>) -> Result<Value, E> {
        self.pay(0)?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for &Reading {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        self.scalar(value as f64)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        self.scalar(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.pay(value.len())?;
        Ok(Value::from(value))
    }

    /// Nothing but comments.
    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(self.refuse(Problem::Tag))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.pay(0)?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(self)? {
            list.push(entry);
        }
        Ok(Value::Sequence(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.pay(0)?;
        let mut mapping = Mapping::new();
        while let Some(key) = entries.next_key_seed(Key { reading: self, seen: &mapping })? {
            let value = entries.next_value_seed(self)?;
            mapping.insert(key, value);
        }
        Ok(Value::Mapping(mapping))
    }
}

/// Reads a key as text, whatever it would mean as a value.
struct Key<'r> {
    reading: &'r Reading,
    seen: &'r Mapping,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Value, E> {
        self.reading.pay(key.len())?;
        if self.seen.contains_key(key) {
            return Err(self.reading.refuse(Problem::DuplicateKey));
        }
        Ok(Value::from(key))
    }
}
