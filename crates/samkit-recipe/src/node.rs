//! Reading an untyped document piece by piece, knowing at every piece where it stands.

use serde_yaml::{Mapping, Value};

use crate::{Path, Problem, Spot, VERSION, limits::MAX_SHOWN, nearest};

/// A [`Problem`] with the path that it concerns, not yet looked up in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: Path,
    pub(crate) spot: Spot,
    pub(crate) problem: Problem,
}

impl Fault {
    /// Whether this is the unknown key that stands for one that is missing.
    fn is_misspelling_of(&self, missing: &Self) -> bool {
        let (Problem::UnknownKey { key, allowed }, Problem::MissingKey { key: wanted, .. }) =
            (&self.problem, &missing.problem)
        else {
            return false;
        };
        self.path.parent() == missing.path.parent()
            && nearest(key, allowed.iter().map(String::as_str)) == Some(wanted)
    }
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    first: Vec<Fault>,
    /// Whether there were others.
    more: bool,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        // What is wrong at one place already need not be wrong there once more.
        let same = |other: &Fault| other.path == fault.path && other.spot == fault.spot;
        if self.first.iter().any(|other| same(other) || other.is_misspelling_of(&fault)) {
            return;
        }
        if self.first.len() == MAX_SHOWN {
            self.more = true;
        } else {
            self.first.push(fault);
        }
    }

    /// The value, or a fault more.
    pub(crate) fn take<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Whether there are more than anyone will be shown, so that looking for others is in vain.
    pub(crate) fn overflow(&self) -> bool {
        self.more
    }

    /// The first faults, and whether there are others.
    pub(crate) fn into_parts(self) -> (Vec<Fault>, bool) {
        (self.first, self.more)
    }
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

    /// A list of texts, or one text, each with its place.
    pub(crate) fn placed_strings(&self, expected: &str) -> Result<Vec<(Path, String)>, Fault> {
        if self.value.is_string() {
            return Ok(vec![(self.path.clone(), self.string(expected)?)]);
        }
        let one = expected.split(", or a list").next().unwrap_or_default();
        let placed = |entry: &Node<'_>| Ok((entry.path.clone(), entry.string(one)?));
        self.entries(expected)?.iter().map(placed).collect()
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.unexpected("`true` or `false`"))
    }

    /// "this is no version that can be read"
    pub(crate) fn version_fault(&self) -> Fault {
        match self.value.as_u64() {
            Some(other) => {
                self.fault(Problem::Version { found: other.to_string(), expected: VERSION })
            }
            None => self.unexpected(&format!("the number {VERSION}")),
        }
    }

    /// A mapping. Keys other than `allowed` are faults, and do not keep the others from being read.
    pub(crate) fn fields(
        &self,
        allowed: &[&str],
        expected: &str,
        faults: &mut Faults,
    ) -> Option<Fields<'v>> {
        let fields = faults.take(self.open_fields(expected))?;
        for (key, node) in fields.iter().filter(|(key, _)| !allowed.contains(&&**key)) {
            let allowed = allowed.iter().map(|&key| key.to_owned()).collect();
            let problem = Problem::UnknownKey { key, allowed };
            faults.add(Fault { path: node.path, spot: Spot::Key, problem });
        }
        Some(fields)
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
            let key = key.as_str().unwrap_or_default().to_owned();
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
            // Not in the text: the section around it is shown. Each missing key has a place of its
            // own, so that one does not hide the other.
            path: self.path.key(key),
            spot: Spot::Value,
            problem: Problem::MissingKey { key: key.into(), expected: expected.into() },
        })
    }
}

/// A value in the words of an error message.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) if value.is_empty() => "empty text".into(),
        Value::String(value) => format!("the text `{}`", shortened(value)),
        Value::Sequence(entries) if entries.is_empty() => "an empty list".into(),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
        Value::Tagged(value) => format!("a value with the tag `{}`", value.tag),
    }
}

/// The same of a JSON value.
pub(crate) fn describe_json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(entries) if entries.len() > 1 => {
            format!("a list of {} entries", entries.len())
        }
        serde_json::Value::Array(entries) if entries.len() == 1 => "a list of one entry".into(),
        value => serde_yaml::to_value(value).as_ref().map_or_else(|_| value.to_string(), describe),
    }
}

/// The beginning of a text that is too long for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.len() => format!("{line}…"),
        None => text.to_owned(),
    }
}
