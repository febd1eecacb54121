//! What YOLO's classes are called: `data.yaml` or `classes.txt`.

use std::{collections::HashMap, fmt, path::Path};

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{BoxFileError, error::Place, text};

/// How many folders above the labels are searched: `data/labels/train` has its names in `data`.
const ABOVE: usize = 3;

/// More classes than any data set has.
const MOST: u32 = 100_000;

/// The names of the classes 0, 1, … in a file: a name a line, or `names` in a `.yaml` file such as
/// YOLO's `data.yaml`. A number without a name is called `class 7`.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub fn read_class_names(path: &Path) -> Result<Vec<String>, BoxFileError> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let names = match ending.as_deref() {
        Some("yaml" | "yml") => of_yaml(path)?,
        _ => of_lines(path)?,
    };
    let wrong =
        |found: String, expected: String| BoxFileError::content(Place::file(path), found, expected);
    let names = names.ok_or_else(|| wrong("no `names`".into(), "`names` of the classes".into()))?;
    let count = names.keys().max().map_or(0, |&last| u64::from(last) + 1);
    if count > u64::from(MOST) {
        return Err(wrong(format!("the class {}", count - 1), format!("numbers below {MOST}")));
    }
    let named = |id| names.get(&id).cloned().unwrap_or_else(|| format!("class {id}"));
    Ok((0..count as u32).map(named).collect())
}

/// The names in the first `data.yaml`, `data.yml` or `classes.txt` in `folder` or above it.
pub(crate) fn beside(folder: &Path) -> Result<HashMap<u32, String>, BoxFileError> {
    // `.` has no folders above it by name.
    let folder = folder.canonicalize().map_err(|error| BoxFileError::io(folder, error))?;
    for folder in folder.ancestors().take(1 + ABOVE) {
        for name in ["data.yaml", "data.yml", "classes.txt"] {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            let names = if name == "classes.txt" { of_lines(&path)? } else { of_yaml(&path)? };
            if let Some(names) = names {
                return Ok(names);
            }
        }
    }
    Ok(HashMap::new())
}

/// A name a line.
fn of_lines(path: &Path) -> Result<Option<HashMap<u32, String>>, BoxFileError> {
    let text = text::read(path)?;
    let names = text.trim_end().lines().map(|line| line.trim().to_owned());
    Ok(Some((0..).zip(names).collect()))
}

/// `names` as a list or as a mapping from numbers; none where the file has no such key.
fn of_yaml(path: &Path) -> Result<Option<HashMap<u32, String>>, BoxFileError> {
    let text = text::read(path)?;
    let data: Data = serde_yaml::from_str(&text).map_err(|error| {
        let place = match error.location() {
            Some(at) => Place::column(path, at.line(), at.column()),
            None => Place::file(path),
        };
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or(&reason).to_owned();
        match reason.split_once(", expected ") {
            Some((found, expected)) => BoxFileError::content(place, found, expected),
            None => BoxFileError::Syntax { place, language: "YAML", reason },
        }
    })?;
    Ok(data.0.map(|names| names.0))
}

/// What is read of the file.
struct Data(Option<Names>);

struct Names(HashMap<u32, String>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(None))
    }
}

impl<'de> Visitor<'de> for Data {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping with `names`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "names" {
                self.0 = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self(HashMap::new()))
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`names` as a list, or a mapping from numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self, A::Error> {
        let mut number = 0;
        while let Some(Name(name)) = items.next_element()? {
            self.0.insert(number, name);
            number += 1;
        }
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((number, Name(name))) = map.next_entry()? {
            self.0.insert(number, name);
        }
        Ok(self)
    }
}

/// A name, which may look like a number or a truth value.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self(String::new()))
    }
}

impl Visitor<'_> for Name {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a class's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self, E> {
        Ok(Self(name.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, name: u64) -> Result<Self, E> {
        Ok(Self(name.to_string()))
    }

    fn visit_bool<E: de::Error>(self, name: bool) -> Result<Self, E> {
        Ok(Self(name.to_string()))
    }
}
