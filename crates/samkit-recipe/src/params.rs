//! A step's parameters, decoded into a structure of the task.

use serde::{Serialize, de::DeserializeOwned};
use serde_yaml::{Mapping, Value};

use crate::{
    Path, Problem, Recipe, RecipeError, Spot,
    node::{Fault, describe},
};

impl Recipe {
    /// The parameters of step number `step` as a `T`, whose defaults stand where the recipe is
    /// silent. The names that exist are those that `T` serializes: it must write every field.
    ///
    /// # Errors
    /// At an unknown name, with the nearest one, and at a value that `T` does not take.
    ///
    /// # Panics
    /// When there is no such step.
    pub fn params<T>(&self, step: usize) -> Result<T, RecipeError>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let path = self.steps[step].places.step.key("params");
        decode(&self.steps[step].params, &path).map_err(|fault| self.show(fault))
    }

    /// An error at parameter `name` of step number `step`, found after decoding.
    pub fn param_fault(&self, step: usize, name: &str, found: &str, expected: &str) -> RecipeError {
        let problem =
            Problem::Value { name: name.into(), found: found.into(), expected: expected.into() };
        let path = self.steps[step].places.step.key("params").key(name);
        self.fault(&path, Spot::Value, problem)
    }
}

fn decode<T>(params: &Value, path: &Path) -> Result<T, Fault>
where
    T: Default + Serialize + DeserializeOwned,
{
    let mut names = Vec::new();
    if let Ok(Value::Mapping(defaults)) = serde_yaml::to_value(T::default()) {
        names.extend(defaults.keys().filter_map(Value::as_str).map(str::to_owned));
    }
    // One parameter at a time, because an error of the whole would not say which it concerns.
    for (key, value) in params.as_mapping().into_iter().flatten() {
        let name = key.as_str().map_or_else(|| describe(key), str::to_owned);
        let path = path.key(&name);
        if !names.contains(&name) {
            let problem = Problem::UnknownKey { key: name, allowed: names };
            return Err(Fault { path, spot: Spot::Key, problem });
        }
        let alone = Mapping::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = serde_yaml::from_value::<T>(Value::Mapping(alone)) {
            let expected = expectation(&error.to_string());
            let problem = Problem::Value { name, found: describe(value), expected };
            return Err(Fault { path, spot: Spot::Value, problem });
        }
    }
    serde_yaml::from_value(params.clone()).map_err(|error| Fault {
        path: path.clone(),
        spot: Spot::Value,
        problem: Problem::Value {
            name: "params".into(),
            found: describe(params),
            expected: expectation(&error.to_string()),
        },
    })
}

/// What serde expected, in the words of people who do not know Rust's types.
fn expectation(message: &str) -> String {
    let expected = message.rsplit_once("expected ").map_or(message, |(_, expected)| expected);
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" => "text".into(),
        "a sequence" => "a list".into(),
        other => other.to_owned(),
    }
}
