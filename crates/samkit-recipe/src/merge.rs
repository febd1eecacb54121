//! Several recipes made one, every value knowing where it came from.

use serde_yaml::{Mapping, Value};

use crate::{Path, Segment, overrides::step_name};

/// A document put together from one or several texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) value: Value,
    /// Never empty: the root has one.
    origins: Vec<Origin>,
}

/// A value at `path`, and all below it that has no origin of its own, stands in text number `source`
/// at `there`.
#[derive(Clone, Debug, PartialEq)]
struct Origin {
    path: Path,
    source: usize,
    there: Path,
}

/// Sections whose keys are taken one by one; all others are replaced as a whole.
const SECTIONS: [&str; 2] = ["vars", "engine"];
/// The same within a step.
const STEP_SECTIONS: [&str; 2] = ["inputs", "params"];

impl Piece {
    /// The whole of text number `source`.
    pub(crate) fn new(value: Value, source: usize) -> Self {
        Self { value, origins: vec![Origin { path: Path::root(), source, there: Path::root() }] }
    }

    /// The text that the value at `path` came from, and where it stands there.
    pub(crate) fn origin(&self, path: &Path) -> (usize, Path) {
        let around = self.origins.iter().filter(|origin| path.starts_with(&origin.path));
        // Of two origins of one path the later one replaced the earlier.
        let nearest = around.max_by_key(|origin| origin.path.segments().len());
        let Origin { path: above, source, there } = nearest.expect("the root has an origin");
        (*source, path.moved(above, there))
    }

    /// The keys of `over` put over those of this document. `engine` and `vars` are merged key by
    /// key; a step whose id is here already is merged with it, and its `inputs` and `params` key by
    /// key; other steps come after those that are here.
    pub(crate) fn merge(&mut self, over: &Self) {
        let root = Path::root();
        if !(self.value.is_mapping() && over.value.is_mapping()) {
            self.replace(&root, over, &root);
            return;
        }
        self.enter(&root, over, &root);
        for (key, value) in entries(&over.value) {
            let path = root.key(key);
            match value {
                Value::Mapping(_) if SECTIONS.contains(&key) && self.holds_mapping(&path) => {
                    self.merge_section(&path, over, &path);
                }
                Value::Sequence(steps) if key == "steps" && self.holds_list(&path) => {
                    self.merge_steps(&path, over, steps);
                }
                _ => self.replace(&path, over, &path),
            }
        }
    }

    fn merge_section(&mut self, path: &Path, over: &Self, there: &Path) {
        self.enter(path, over, there);
        for (key, _) in entries(at(&over.value, there)) {
            self.replace(&path.key(key), over, &there.key(key));
        }
    }

    fn merge_steps(&mut self, path: &Path, over: &Self, steps: &[Value]) {
        self.enter(path, over, path);
        for (index, step) in steps.iter().enumerate() {
            let here = at(&self.value, path).as_sequence().expect("steps are a list here");
            let name = step_name(step);
            let same = here.iter().position(|other| name.is_some() && step_name(other) == name);
            let there = path.index(index);
            match same {
                Some(number) => self.merge_step(&path.index(number), over, &there, step),
                None => self.replace(&path.index(here.len()), over, &there),
            }
        }
    }

    fn merge_step(&mut self, path: &Path, over: &Self, there: &Path, step: &Value) {
        self.enter(path, over, there);
        for (key, value) in entries(step) {
            let (path, there) = (path.key(key), there.key(key));
            if STEP_SECTIONS.contains(&key) && value.is_mapping() && self.holds_mapping(&path) {
                self.merge_section(&path, over, &there);
            } else {
                self.replace(&path, over, &there);
            }
        }
    }

    /// Says that the section at `path` itself now stands in `over`, while what is in it stays where
    /// it was.
    fn enter(&mut self, path: &Path, over: &Self, there: &Path) {
        let children: Vec<Path> = match at(&self.value, path) {
            Value::Sequence(list) => (0..list.len()).map(|index| path.index(index)).collect(),
            section => entries(section).map(|(key, _)| path.key(key)).collect(),
        };
        for child in children {
            let (source, there) = self.origin(&child);
            self.origins.push(Origin { path: child, source, there });
        }
        let (source, there) = over.origin(there);
        self.origins.push(Origin { path: path.clone(), source, there });
    }

    /// Puts the value of `over` at `there` into this document at `path`, whose section exists.
    fn replace(&mut self, path: &Path, over: &Self, there: &Path) {
        let value = at(&over.value, there).clone();
        match (self.parent_of(path), path.segments().last()) {
            (Some(Value::Mapping(mapping)), Some(Segment::Key(key))) => {
                mapping.insert(Value::from(key.as_str()), value);
            }
            (Some(Value::Sequence(list)), _) => list.push(value),
            _ => self.value = value,
        }
        self.origins.retain(|origin| !origin.path.starts_with(path));
        let (source, original) = over.origin(there);
        self.origins.push(Origin { path: path.clone(), source, there: original });
        let below = over.origins.iter().filter(|origin| origin.path.starts_with(there));
        self.origins.extend(
            below.map(|origin| Origin { path: origin.path.moved(there, path), ..origin.clone() }),
        );
    }

    fn parent_of(&mut self, path: &Path) -> Option<&mut Value> {
        let mut place = &mut self.value;
        for segment in path.parent()?.segments() {
            place = match segment {
                Segment::Key(key) => place.get_mut(key.as_str())?,
                Segment::Index(index) => place.get_mut(*index)?,
            };
        }
        Some(place)
    }

    fn holds_mapping(&self, path: &Path) -> bool {
        at(&self.value, path).is_mapping()
    }

    fn holds_list(&self, path: &Path) -> bool {
        at(&self.value, path).is_sequence()
    }
}

/// The value at `path`; null where there is none.
pub(crate) fn at<'v>(document: &'v Value, path: &Path) -> &'v Value {
    let below = |place: &'v Value, segment: &Segment| match segment {
        Segment::Key(key) => place.get(key.as_str()).unwrap_or(&Value::Null),
        Segment::Index(index) => place.get(*index).unwrap_or(&Value::Null),
    };
    path.segments().iter().fold(document, below)
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_mapping().into_iter().flat_map(Mapping::iter);
    entries.filter_map(|(key, value)| Some((key.as_str()?, value)))
}
