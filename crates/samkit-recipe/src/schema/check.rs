//! A value against a schema.

use serde_json::{Map, Value as Json};

use super::{describe, follow};
use crate::{
    Path, Problem, Spot,
    node::{Fault, Faults, describe_json},
};

/// Schemas inside each other that are followed: a schema can refer to itself.
const DEPTH: usize = 64;

/// Where a value stands, and what messages call it: its way below `params`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) path: Path,
    pub(crate) name: String,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let name = match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        };
        Self { path: self.path.key(key), name }
    }

    fn index(&self, index: usize) -> Self {
        Self { path: self.path.index(index), name: format!("{}[{index}]", self.name) }
    }
}

/// Holds values against a schema and collects what does not fit.
pub(crate) struct Checker<'a> {
    root: &'a Json,
    faults: &'a mut Faults,
    depth: usize,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(root: &'a Json, faults: &'a mut Faults) -> Self {
        Self { root, faults, depth: 0 }
    }

    /// Checks `value` against the whole schema.
    pub(crate) fn check(&mut self, value: &Json, place: &Place) {
        self.value(self.root, value, place);
    }

    fn value(&mut self, schema: &'a Json, value: &Json, place: &Place) {
        if self.depth == DEPTH {
            return;
        }
        self.depth += 1;
        let schema = follow(self.root, schema);
        match schema {
            Json::Bool(false) => self.unexpected(schema, value, place),
            Json::Object(keywords) => self.keywords(schema, keywords, value, place),
            _ => {}
        }
        self.depth -= 1;
    }

    fn keywords(
        &mut self,
        schema: &'a Json,
        keywords: &'a Map<String, Json>,
        value: &Json,
        place: &Place,
    ) {
        if !(fits_type(keywords, value)
            && fits_choice(keywords, value)
            && fits_number(keywords, value)
            && fits_size(keywords, value))
        {
            self.unexpected(schema, value, place);
            return;
        }
        for all in keywords.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.value(all, value, place);
        }
        for any in ["anyOf", "oneOf"].into_iter().filter_map(|key| keywords.get(key)) {
            self.any_of(schema, any.as_array().map_or(&[], Vec::as_slice), value, place);
        }
        if keywords.get("not").is_some_and(|not| self.accepts(not, value)) {
            self.unexpected(schema, value, place);
        }
        match value {
            Json::Array(entries) => self.entries(keywords, entries, place),
            Json::Object(object) => self.properties(keywords, object, place),
            _ => {}
        }
    }

    /// At least one of `branches` must accept the value. Where only one is of its type, what is
    /// wrong in there is more to the point than that none accepts it.
    fn any_of(&mut self, schema: &Json, branches: &'a [Json], value: &Json, place: &Place) {
        if branches.iter().any(|branch| self.accepts(branch, value)) {
            return;
        }
        let is_of_type = |branch: &&Json| match follow(self.root, branch) {
            Json::Object(keywords) => keywords.contains_key("type") && fits_type(keywords, value),
            _ => false,
        };
        let alike: Vec<_> = branches.iter().filter(is_of_type).collect();
        match (alike.as_slice(), value) {
            ([only], Json::Array(_) | Json::Object(_)) => self.value(only, value, place),
            _ => self.unexpected(schema, value, place),
        }
    }

    fn accepts(&self, schema: &Json, value: &Json) -> bool {
        let mut faults = Faults::default();
        let depth = self.depth;
        let mut trial = Checker { root: self.root, faults: &mut faults, depth };
        trial.value(schema, value, &Place::default());
        faults.is_empty()
    }

    fn entries(&mut self, keywords: &'a Map<String, Json>, entries: &[Json], place: &Place) {
        let (first, rest) = match (keywords.get("prefixItems"), keywords.get("items")) {
            (Some(Json::Array(first)), rest) => (first.as_slice(), rest),
            (_, Some(Json::Array(first))) => (first.as_slice(), keywords.get("additionalItems")),
            (_, rest) => (&[][..], rest),
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(schema) = first.get(index).or(rest) {
                self.value(schema, entry, &place.index(index));
            }
        }
    }

    fn properties(
        &mut self,
        keywords: &'a Map<String, Json>,
        object: &Map<String, Json>,
        place: &Place,
    ) {
        let known = keywords.get("properties").and_then(Json::as_object);
        let others = keywords.get("additionalProperties");
        for (key, value) in object {
            let place = place.key(key);
            match (known.and_then(|known| known.get(key)), others) {
                (Some(schema), _) => self.value(schema, value, &place),
                (None, Some(Json::Bool(true))) => {}
                (None, Some(schema @ Json::Object(_))) => self.value(schema, value, &place),
                (None, None) if known.is_none() => {}
                (None, _) => {
                    let allowed = known.into_iter().flatten().map(|(name, _)| name.clone());
                    let problem =
                        Problem::UnknownKey { key: key.clone(), allowed: allowed.collect() };
                    self.faults.add(Fault { path: place.path, spot: Spot::Key, problem });
                }
            }
        }
        let required = keywords.get("required").and_then(Json::as_array).into_iter().flatten();
        for key in required.filter_map(Json::as_str).filter(|&key| !object.contains_key(key)) {
            let schema = known.and_then(|known| known.get(key)).unwrap_or(&Json::Null);
            let problem =
                Problem::MissingKey { key: key.to_owned(), expected: describe(self.root, schema) };
            // A place for each key, so that one does not hide the other.
            let path = place.path.key(key);
            self.faults.add(Fault { path, spot: Spot::Value, problem });
        }
    }

    fn unexpected(&mut self, schema: &Json, value: &Json, place: &Place) {
        let name = if place.name.is_empty() { "params" } else { &place.name };
        let problem = Problem::Value {
            name: name.to_owned(),
            found: describe_json(value),
            expected: describe(self.root, schema),
        };
        self.faults.add(Fault { path: place.path.clone(), spot: Spot::Value, problem });
    }
}

fn fits_type(keywords: &Map<String, Json>, value: &Json) -> bool {
    let is = |name: &Json| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("number") => value.is_number(),
        Some("integer") => is_integer(value),
        _ => true,
    };
    match keywords.get("type") {
        Some(Json::Array(names)) => names.iter().any(is),
        Some(name) => is(name),
        None => true,
    }
}

fn is_integer(value: &Json) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn fits_choice(keywords: &Map<String, Json>, value: &Json) -> bool {
    let same = |other: &Json| match (other.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => other == value,
    };
    keywords.get("const").is_none_or(same)
        && keywords.get("enum").and_then(Json::as_array).is_none_or(|any| any.iter().any(same))
}

fn fits_number(keywords: &Map<String, Json>, value: &Json) -> bool {
    let Some(value) = value.as_f64() else { return true };
    let bound = |key: &str| keywords.get(key).and_then(Json::as_f64);
    bound("minimum").is_none_or(|bound| value >= bound)
        && bound("maximum").is_none_or(|bound| value <= bound)
        && bound("exclusiveMinimum").is_none_or(|bound| value > bound)
        && bound("exclusiveMaximum").is_none_or(|bound| value < bound)
        && bound("multipleOf").is_none_or(|step| {
            let times = value / step;
            (times - times.round()).abs() < 1e-9
        })
}

fn fits_size(keywords: &Map<String, Json>, value: &Json) -> bool {
    let (size, least, most) = match value {
        Json::String(text) => (text.chars().count(), "minLength", "maxLength"),
        Json::Array(entries) => (entries.len(), "minItems", "maxItems"),
        Json::Object(object) => (object.len(), "minProperties", "maxProperties"),
        _ => return true,
    };
    let bound = |key: &str| keywords.get(key).and_then(Json::as_u64);
    let unique = keywords.get("uniqueItems").is_some_and(|unique| unique == true);
    bound(least).is_none_or(|least| size as u64 >= least)
        && bound(most).is_none_or(|most| size as u64 <= most)
        && !(unique && has_twins(value))
}

fn has_twins(value: &Json) -> bool {
    let mut texts: Vec<_> =
        value.as_array().into_iter().flatten().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.windows(2).any(|pair| pair[0] == pair[1])
}
