//! `--set path=value`: changes to a recipe from the command line.

use std::str::FromStr;

use serde_yaml::{Mapping, Value};

use crate::{Path, Position, RecipeError, Spot, limits::MAX_DEPTH, nearest, words::all_of, yaml};

/// One change: the value at a path is replaced, or put there.
///
/// ```
/// let change: samkit_recipe::Override = "steps.edges.params.points_per_side=8".parse()?;
/// # Ok::<(), samkit_recipe::RecipeError>(())
/// ```
///
/// A step is named by its number, from 0, or by its id. The value is read as YAML.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    given: String,
    keys: Vec<String>,
    value: Value,
    /// Where it went, with ids turned into numbers.
    pub(crate) path: Path,
}

impl FromStr for Override {
    type Err = RecipeError;

    fn from_str(given: &str) -> Result<Self, RecipeError> {
        let wrong = |reason: &str| RecipeError::Override {
            given: given.to_owned(),
            reason: reason.to_owned(),
            help: Some("write it as `--set steps.edges.params.points_per_side=8`".into()),
        };
        let (path, value) = given.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
        let keys: Vec<_> = path.trim().split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err(wrong("its path has an empty part"));
        }
        if keys.len() > MAX_DEPTH {
            return Err(wrong("its path is too long"));
        }
        let value =
            yaml::read(value).map_err(|(_, problem)| wrong(&format!("its value is {problem}")))?;
        Ok(Self { given: given.to_owned(), keys, value, path: Path::root() })
    }
}

impl Override {
    /// The change as it was given.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// Changes `document`, and remembers where.
    pub(crate) fn apply(&mut self, document: &mut Value) -> Result<(), RecipeError> {
        self.check_variable(document)?;
        let mut place = document;
        let mut path = Path::root();
        for key in &self.keys {
            (place, path) = match place {
                Value::Sequence(entries) => {
                    let index =
                        entry_index(entries, key).ok_or_else(|| self.astray(key, entries))?;
                    (&mut entries[index], path.index(index))
                }
                // A section that the recipe leaves out, or whose scalar the type check will refuse.
                place => {
                    if !place.is_mapping() {
                        *place = Value::Mapping(Mapping::new());
                    }
                    let mapping = place.as_mapping_mut().expect("made a mapping just above");
                    (mapping.entry(Value::from(key.as_str())).or_insert(Value::Null), path.key(key))
                }
            };
        }
        *place = self.value.clone();
        self.path = path;
        Ok(())
    }

    /// Only variables that the recipe has can be set: a new one would be used nowhere.
    fn check_variable(&self, document: &Value) -> Result<(), RecipeError> {
        let [section, name, ..] = self.keys.as_slice() else { return Ok(()) };
        let none = Mapping::new();
        let vars = document.get("vars").and_then(Value::as_mapping).unwrap_or(&none);
        if section != "vars" || vars.contains_key(name.as_str()) {
            return Ok(());
        }
        let names: Vec<_> = vars.keys().filter_map(Value::as_str).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the recipe has no `vars`".into(),
            None => format!("the variables are {}", all_of(&names)),
        };
        Err(RecipeError::Override {
            given: self.given.clone(),
            reason: format!("the recipe has no variable `{name}`"),
            help: Some(help),
        })
    }

    fn astray(&self, key: &str, entries: &[Value]) -> RecipeError {
        let ids: Vec<_> = entries.iter().filter_map(step_name).collect();
        let help = match nearest(key, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if entries.is_empty() => "the list is empty".into(),
            None if ids.is_empty() => {
                format!("entries are numbered from 0 to {}", entries.len() - 1)
            }
            None => format!("the steps are {}", all_of(&ids)),
        };
        RecipeError::Override {
            given: self.given.clone(),
            reason: format!("there is no entry `{key}`"),
            help: Some(help),
        }
    }

    /// Where in the given text a fault at `path` is to be shown.
    pub(crate) fn position(&self, path: &Path, spot: Spot) -> Position {
        let equals = self.given.find('=').unwrap_or(self.given.len());
        let (offset, end) = if spot == Spot::Key && *path == self.path {
            (self.given[..equals].rfind('.').map_or(0, |dot| dot + 1), equals)
        } else {
            ((equals + 1).min(self.given.len()), self.given.len())
        };
        let column = self.given[..offset].chars().count() + 1;
        Position { line: 1, column, offset, length: end - offset }
    }
}

fn entry_index(entries: &[Value], key: &str) -> Option<usize> {
    match key.parse::<usize>() {
        Ok(index) => (index < entries.len()).then_some(index),
        Err(_) => entries.iter().position(|entry| step_name(entry) == Some(key)),
    }
}

/// A step's id, or its task where it has none.
pub(crate) fn step_name(step: &Value) -> Option<&str> {
    step.get("id").or_else(|| step.get("task"))?.as_str()
}
