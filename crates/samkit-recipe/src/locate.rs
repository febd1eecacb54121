//! The place of a path in a text.
//!
//! The YAML parser reports a position with an error and at no other time, and its untyped values
//! carry none. So the document is read once more by a deserializer seed that follows the path and
//! fails on purpose when it arrives: the parser then says where that was.

use std::{fmt, marker::PhantomData};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::{Path, Position, Segment, limits::Budget};

/// Which end of a `key: value` pair is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The key.
    Key,
    /// The value.
    Value,
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
    let budget = Budget::default();
    let goal = Goal { budget: &budget, sought: Some(Sought { path: path.segments(), spot }) };
    let error = goal.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    let location = error.location().filter(|_| error.to_string().contains(ARRIVED))?;
    Some(Position::of(text, &location))
}

/// Message of the error that means "arrived". Users never see it.
const ARRIVED: &str = "arrived at the sought path";

/// A walk through a value that fails at the end of a path.
#[derive(Clone, Copy)]
struct Goal<'p> {
    /// Aliases can make a short text a very long walk.
    budget: &'p Budget,
    /// `None` where the path leads elsewhere.
    sought: Option<Sought<'p>>,
}

#[derive(Clone, Copy)]
struct Sought<'p> {
    path: &'p [Segment],
    spot: Spot,
}

impl<'p> Goal<'p> {
    /// Fails where the path ends.
    fn arrive<E: Error>(self) -> Result<(), E> {
        if !self.budget.pay(1, 0) {
            return Err(E::custom("too many values"));
        }
        match self.sought {
            Some(Sought { path: [], .. }) => Err(E::custom(ARRIVED)),
            _ => Ok(()),
        }
    }

    /// What to fail on inside the entry of a list or mapping.
    fn below(self, is_entry: impl Fn(&Segment) -> bool) -> Goal<'p> {
        let sought = match self.sought {
            Some(Sought { path: [first, rest @ ..], spot }) if is_entry(first) => {
                Some(Sought { path: rest, spot })
            }
            _ => None,
        };
        Goal { sought, ..self }
    }

    fn is_key(self, key: &str) -> bool {
        let Some(Sought { path: [Segment::Key(last)], spot: Spot::Key }) = self.sought else {
            return false;
        };
        last == key
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

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.arrive()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
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
        while let Some(key) = entries.next_key_seed(Key(self))? {
            entries.next_value_seed(
                self.below(|segment| matches!(segment, Segment::Key(wanted) if *wanted == key)),
            )?;
        }
        Ok(())
    }
}

/// Reads a key as text, whatever it would mean as a value, and fails there if it is the goal.
struct Key<'p>(Goal<'p>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.0.is_key(key) { Err(E::custom(ARRIVED)) } else { Ok(key.to_owned()) }
    }
}
