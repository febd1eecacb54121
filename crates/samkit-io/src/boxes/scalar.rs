//! Numbers and texts in JSON, each checked for its kind.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

use super::json::wrong;
pub(crate) use super::nan::NOT_A_NUMBER;

/// A number or a text of any kind; `null` is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Flag(bool),
    Whole(u64),
    Number(f64),
    Text(String),
}

/// Kinds of [`Scalar`] that a place may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whole numbers from 0 up.
    Whole,
    /// Any numbers, also those that are none.
    Number,
    Text,
    /// Whole numbers or texts.
    Id,
    /// `true`, `false`, 1 or 0.
    Flag,
}

/// Reads a scalar; `what` names it for errors.
struct Wanted {
    kind: Kind,
    what: &'static str,
}

impl<'de> DeserializeSeed<'de> for Wanted {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Wanted {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Scalar, E> {
        match self.kind {
            Kind::Flag => Ok(Scalar::Flag(flag)),
            _ => Err(E::invalid_type(Unexpected::Bool(flag), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        match self.kind {
            Kind::Whole | Kind::Id => Ok(Scalar::Whole(number)),
            Kind::Number => Ok(Scalar::Number(number as f64)),
            Kind::Flag if number <= 1 => Ok(Scalar::Flag(number == 1)),
            Kind::Flag | Kind::Text => Err(E::invalid_type(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        match self.kind {
            Kind::Number => Ok(Scalar::Number(number as f64)),
            _ => Err(E::invalid_type(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        // Programs that keep numbers in tables of floats write ids as `139.0`.
        let is_whole = number >= 0.0 && number.fract() == 0.0 && number < 9e15;
        match self.kind {
            Kind::Number => Ok(Scalar::Number(number)),
            Kind::Whole | Kind::Id if is_whole => Ok(Scalar::Whole(number as u64)),
            _ => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        match self.kind {
            Kind::Number if text == NOT_A_NUMBER => Ok(Scalar::Number(f64::NAN)),
            Kind::Text | Kind::Id if text != NOT_A_NUMBER => Ok(Scalar::Text(text.to_owned())),
            _ => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }
}

/// The field's value as a whole number.
pub(crate) fn whole<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Option<u64>, A::Error> {
    match map.next_value_seed(Wanted { kind: Kind::Whole, what })? {
        Scalar::Whole(number) => Ok(Some(number)),
        _ => Ok(None),
    }
}

/// The field's value as a number.
pub(crate) fn number<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Option<f64>, A::Error> {
    match map.next_value_seed(Wanted { kind: Kind::Number, what })? {
        Scalar::Number(number) => Ok(Some(number)),
        _ => Ok(None),
    }
}

/// The field's value as a text.
pub(crate) fn text<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Option<String>, A::Error> {
    match map.next_value_seed(Wanted { kind: Kind::Text, what })? {
        Scalar::Text(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// The field's value as a whole number or a text.
pub(crate) fn id<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<Scalar, A::Error> {
    map.next_value_seed(Wanted { kind: Kind::Id, what })
}

/// Whether the field's value is `true` or 1.
pub(crate) fn flag<'de, A: MapAccess<'de>>(
    map: &mut A,
    what: &'static str,
) -> Result<bool, A::Error> {
    Ok(map.next_value_seed(Wanted { kind: Kind::Flag, what })? == Scalar::Flag(true))
}

/// Passes over the field's value.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<de::IgnoredAny>().map(drop)
}

/// Reads a list of numbers behind those that are there already; `null` in it is no number, `null`
/// instead of it nothing.
pub(crate) struct Numbers<'a> {
    pub(crate) into: &'a mut Vec<f64>,
    /// How many there may be; any number of them where this is empty.
    pub(crate) counts: &'static [usize],
    pub(crate) what: &'static str,
}

impl<'de> DeserializeSeed<'de> for Numbers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let before = self.into.len();
        let item = || Wanted { kind: Kind::Number, what: self.what };
        while let Some(scalar) = items.next_element_seed(item())? {
            self.into.push(if let Scalar::Number(number) = scalar { number } else { f64::NAN });
        }
        let count = self.into.len() - before;
        match self.counts.is_empty() || self.counts.contains(&count) {
            true => Ok(()),
            false => Err(wrong(&format!("{count} numbers"), self.what)),
        }
    }
}
