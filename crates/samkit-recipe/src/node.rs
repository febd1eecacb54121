//! Reading an untyped document piece by piece, knowing at every piece where it stands.

use serde_yaml::{Mapping, Value};

use crate::{Path, Problem, Spot};

/// A [`Problem`] with the path that it concerns, not yet looked up in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: Path,
    pub(crate) spot: Spot,
    pub(crate) problem: Problem,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'v> {
    pub(crate) value: &'v Value,
    pub(crate) path: Path,
}

impl<'v> Node<'v> {
    pub(crate) fn fault(&self, problem: Problem) -> Fault {
        Fault { path: self.path.clone(), spot: Spot::Value, problem }
    }

    /// "found this, expected that" at this place.
    pub(crate) fn unexpected(&self, expected: &str) -> Fault {
        let name = match self.path.to_string() {
            path if path.is_empty() => "recipe".to_owned(),
            path => path,
        };
        self.fault(Problem::Value { name, found: describe(self.value), expected: expected.into() })
    }

    /// The value as text that is not empty.
    pub(crate) fn string(&self, expected: &str) -> Result<String, Fault> {
        match self.value.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The value as a whole number of at least 1.
    pub(crate) fn count(&self, expected: &str) -> Result<usize, Fault> {
        self.value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| self.unexpected(expected))
    }

    /// The entries of a list that is not empty.
    pub(crate) fn entries(&self, expected: &str) -> Result<Vec<Node<'v>>, Fault> {
        let entries = self.value.as_sequence().filter(|entries| !entries.is_empty());
        let entries = entries.ok_or_else(|| self.unexpected(expected))?;
        Ok(entries
            .iter()
            .enumerate()
            .map(|(index, value)| Node { value, path: self.path.index(index) })
            .collect())
    }

    /// A list of texts, or one text.
    pub(crate) fn strings(&self, expected: &str) -> Result<Vec<String>, Fault> {
        if self.value.is_string() {
            return Ok(vec![self.string(expected)?]);
        }
        self.entries(expected)?.iter().map(|entry| entry.string(expected)).collect()
    }

    /// A mapping with no other keys than `allowed`.
    pub(crate) fn fields(&self, allowed: &[&str], expected: &str) -> Result<Fields<'v>, Fault> {
        let fields = self.open_fields(expected)?;
        let unknown = fields.iter().map(|(key, _)| key).find(|key| !allowed.contains(&&**key));
        match unknown {
            Some(key) => Err(Fault {
                path: self.path.key(&key),
                spot: Spot::Key,
                problem: Problem::UnknownKey {
                    key,
                    allowed: allowed.iter().map(|&key| key.to_owned()).collect(),
                },
            }),
            None => Ok(fields),
        }
    }

    /// A mapping with any keys.
    pub(crate) fn open_fields(&self, expected: &str) -> Result<Fields<'v>, Fault> {
        match self.value {
            Value::Mapping(mapping) => Ok(Fields { mapping, path: self.path.clone() }),
            _ => Err(self.unexpected(expected)),
        }
    }
}

/// A mapping and its place.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'v> {
    mapping: &'v Mapping,
    path: Path,
}

impl<'v> Fields<'v> {
    /// Every key with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (String, Node<'v>)> {
        self.mapping.iter().map(|(key, value)| {
            let key = key_text(key);
            let path = self.path.key(&key);
            (key, Node { value, path })
        })
    }

    /// The value under `key`; a key without a value counts as absent.
    pub(crate) fn optional(&self, key: &str) -> Option<Node<'v>> {
        let value = self.mapping.get(key).filter(|value| !value.is_null())?;
        Some(Node { value, path: self.path.key(key) })
    }

    /// The value under `key`, which must be there.
    pub(crate) fn required(&self, key: &str, expected: &str) -> Result<Node<'v>, Fault> {
        self.optional(key).ok_or_else(|| Fault {
            path: self.path.clone(),
            spot: Spot::Value,
            problem: Problem::MissingKey { key: key.into(), expected: expected.into() },
        })
    }
}

fn key_text(key: &Value) -> String {
    key.as_str().map_or_else(|| describe(key), str::to_owned)
}

/// A value in the words of an error message.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) if value.is_empty() => "empty text".into(),
        Value::String(value) => format!("the text `{value}`"),
        Value::Sequence(entries) if entries.is_empty() => "an empty list".into(),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
        Value::Tagged(value) => format!("a value with the tag `{}`", value.tag),
    }
}
