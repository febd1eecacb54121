//! `vars` and `${name}`.

use std::{collections::HashMap, ops::ControlFlow};

use serde_yaml::Value;

use crate::{
    Path, Problem, Spot, VariableProblem,
    limits::{Budget, MAX_DEPTH},
    node::{Fault, Faults, Node, describe},
};

/// Fills in every `${name}` of `document` from its section `vars`.
///
/// A value that is exactly `${name}` becomes the variable's value, of whatever type; inside other
/// text a variable stands for its text. `$${` is `${` itself. A variable may use those above it.
pub(crate) fn interpolate(document: &mut Value, faults: &mut Faults) {
    let Some(root) = document.as_mapping_mut() else { return };
    let mut filler = Filler::default();
    let place = Path::root().key("vars");
    match root.get("vars") {
        None | Some(Value::Null) => {}
        Some(Value::Mapping(vars)) => {
            let vars = vars.clone();
            let names = vars.keys().filter_map(Value::as_str).filter(|name| is_name(name));
            filler.names = names.map(str::to_owned).collect();
            for (name, value) in &vars {
                let name = name.as_str().unwrap_or_default();
                if filler.define(name, value.clone(), &place.key(name), faults).is_break() {
                    return;
                }
            }
        }
        Some(value) => {
            let node = Node { value, path: place };
            faults.add(node.unexpected("a mapping such as `{ name: value }`"));
        }
    }
    for (key, value) in root.iter_mut() {
        let key = key.as_str().unwrap_or_default();
        if key != "vars" && filler.fill(value, &Path::root().key(key), faults).is_break() {
            return;
        }
    }
}

#[derive(Default)]
struct Filler {
    /// Variables that have values.
    known: HashMap<String, Value>,
    /// All variables, also those that have none yet.
    names: Vec<String>,
    budget: Budget,
}

/// Broken off where going on would cost too much.
type Flow = ControlFlow<()>;

impl Filler {
    fn define(&mut self, name: &str, mut value: Value, place: &Path, faults: &mut Faults) -> Flow {
        if !is_name(name) {
            faults.add(Fault {
                path: place.clone(),
                spot: Spot::Key,
                problem: Problem::Value {
                    name: name.to_owned(),
                    found: "no name for a variable".into(),
                    expected: "a name of letters, digits, `-` and `_`, a letter first".into(),
                },
            });
            return Flow::Continue(());
        }
        self.fill(&mut value, place, faults)?;
        self.known.insert(name.to_owned(), value);
        Flow::Continue(())
    }

    fn fill(&self, value: &mut Value, place: &Path, faults: &mut Faults) -> Flow {
        match value {
            Value::String(text) if text.contains("${") => match self.resolve(text, place) {
                Ok(filled) => {
                    if place.segments().len() + depth(&filled) > MAX_DEPTH {
                        faults.add(fault(place, Problem::Nested));
                        return Flow::Break(());
                    }
                    *value = filled;
                }
                Err(problem) => {
                    let exploded = problem == Problem::Explodes;
                    faults.add(fault(place, problem));
                    if exploded || faults.overflow() {
                        return Flow::Break(());
                    }
                }
            },
            Value::Sequence(entries) => {
                for (index, entry) in entries.iter_mut().enumerate() {
                    self.fill(entry, &place.index(index), faults)?;
                }
            }
            Value::Mapping(entries) => {
                for (key, entry) in entries.iter_mut() {
                    self.fill(entry, &place.key(key.as_str().unwrap_or_default()), faults)?;
                }
            }
            _ => {}
        }
        Flow::Continue(())
    }

    fn resolve(&self, text: &str, place: &Path) -> Result<Value, Problem> {
        let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = whole.filter(|name| !name.contains(['$', '{', '}'])) {
            let value = self.variable(name, place)?;
            self.pay(value)?;
            return Ok(value.clone());
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            if let Some(before) = before.strip_suffix('$') {
                filled += before;
                filled += "${";
                rest = &from[2..];
                continue;
            }
            filled += before;
            let end = from.find('}').ok_or(VariableProblem::Unclosed)?;
            let name = &from[2..end];
            match self.variable(name, place)? {
                Value::String(text) => filled += text,
                Value::Number(number) => filled += &number.to_string(),
                Value::Bool(value) => filled += if *value { "true" } else { "false" },
                other => {
                    let (name, found) = (name.trim().to_owned(), describe(other));
                    return Err(VariableProblem::NotText { name, found }.into());
                }
            }
            // Paid for piece by piece: the text must not grow without bounds before it is counted.
            if !self.budget.pay(0, filled.len()) {
                return Err(Problem::Explodes);
            }
            rest = &from[end + 1..];
        }
        filled += rest;
        self.pay(&Value::Null)?;
        Ok(Value::from(filled))
    }

    fn variable(&self, name: &str, place: &Path) -> Result<&Value, Problem> {
        let name = name.trim();
        match self.known.get(name) {
            Some(Value::Null) => Err(VariableProblem::Empty(name.to_owned()).into()),
            Some(value) => Ok(value),
            None if place.starts_with(&Path::root().key("vars"))
                && self.names.iter().any(|later| later == name) =>
            {
                Err(VariableProblem::TooEarly(name.to_owned()).into())
            }
            None => Err(Problem::UnknownName {
                what: "variable",
                name: name.to_owned(),
                allowed: self.names.clone(),
            }),
        }
    }

    fn pay(&self, value: &Value) -> Result<(), Problem> {
        let (values, text) = size(value);
        if self.budget.pay(values, text) { Ok(()) } else { Err(Problem::Explodes) }
    }
}

fn fault(place: &Path, problem: Problem) -> Fault {
    Fault { path: place.clone(), spot: Spot::Value, problem }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain)
}

/// Values and bytes of text.
fn size(value: &Value) -> (usize, usize) {
    let add = |(a, b): (usize, usize), (c, d): (usize, usize)| (a + c, b + d);
    match value {
        Value::String(text) => (1, text.len()),
        Value::Sequence(entries) => entries.iter().map(size).fold((1, 0), add),
        Value::Mapping(entries) => {
            entries.iter().map(|(key, entry)| add(size(key), size(entry))).fold((1, 0), add)
        }
        _ => (1, 0),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Sequence(entries) => 1 + entries.iter().map(depth).max().unwrap_or(0),
        Value::Mapping(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
