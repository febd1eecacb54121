//! A step's parameters against the schema of its task.

use std::path::Path as FilePath;

use serde_json::{Map, Value as Json};

use crate::{
    Path, Problem, Recipe, Spot, Step, TaskInfo,
    node::{Fault, Faults},
    schema::{Checker, Place},
};

/// The parameter that names a preset, and where a schema has the presets' values by name.
const PRESET: &str = "preset";
const PRESETS: &str = "x-presets";
/// How texts end that are paths.
const PATH: &str = "x-path";

/// Every parameter that has a value or a default, in the order of the schema. Defaults are those of
/// the preset that is given, where the schema has presets.
pub(crate) fn resolve(
    recipe: &Recipe,
    step: &Step,
    task: &TaskInfo,
    place: &Path,
    faults: &mut Faults,
) -> Map<String, Json> {
    let given = to_json(&step.params, place, place, faults);
    let mut checker = Checker::new(&task.params, faults);
    checker.check(&given, &Place { path: place.clone(), name: String::new() });
    let Json::Object(mut given) = given else { return Map::new() };
    let preset = given.get(PRESET).and_then(Json::as_str);
    let preset = preset.and_then(|name| task.params.get(PRESETS)?.get(name)).cloned();
    let mut params = Map::new();
    for (name, schema) in task.parameters() {
        let preset = || preset.as_ref()?.get(name).cloned();
        let default = || preset().or_else(|| schema.get("default").cloned());
        let Some(mut value) = given.remove(name).or_else(default) else { continue };
        if is_whole(schema) {
            value = whole(value);
        }
        if let Some(text) = value.as_str().filter(|text| is_path(schema, text)) {
            value = Json::from(joined(recipe.folder_of(&place.key(name)), text));
        }
        params.insert(name.to_owned(), value);
    }
    // What the schema does not name is there because the schema allows it.
    params.extend(given);
    params
}

/// The YAML value at `place` as JSON, in the parameters at `params`; null where JSON has no such value, which is then a fault.
fn to_json(value: &serde_yaml::Value, place: &Path, params: &Path, faults: &mut Faults) -> Json {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => Json::from(*value),
        Yaml::String(text) => Json::from(text.as_str()),
        Yaml::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => Json::from(number),
            (_, Some(number), _) => Json::from(number),
            (_, _, Some(number)) if number.is_finite() => Json::from(number),
            _ => {
                let name = place.moved(params, &Path::root()).to_string();
                let problem = Problem::Value {
                    name,
                    found: number.to_string(),
                    expected: "a finite number".into(),
                };
                faults.add(Fault { path: place.clone(), spot: Spot::Value, problem });
                Json::Null
            }
        },
        Yaml::Sequence(entries) => {
            let entry = |(index, entry)| to_json(entry, &place.index(index), params, faults);
            Json::Array(entries.iter().enumerate().map(entry).collect())
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, entry) in entries {
                let key = key.as_str().unwrap_or_default();
                object.insert(key.to_owned(), to_json(entry, &place.key(key), params, faults));
            }
            Json::Object(object)
        }
        Yaml::Tagged(tagged) => to_json(&tagged.value, place, params, faults),
    }
}

/// Whether a text is a path: all are where the schema says `"format": "path"`, and where it has
/// `x-path` those that end like this, while others are names.
fn is_path(schema: &Json, text: &str) -> bool {
    let keyword = |name: &str| schema.get(name).and_then(Json::as_str);
    keyword("format") == Some("path") || keyword(PATH).is_some_and(|ending| text.ends_with(ending))
}

fn is_whole(schema: &Json) -> bool {
    match schema.get("type") {
        Some(Json::String(name)) => name == "integer",
        Some(Json::Array(names)) => {
            names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number")
        }
        _ => false,
    }
}

/// `2.0` is a whole number to JSON Schema, and to no typed reader.
fn whole(value: Json) -> Json {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 2f64.powi(53) => {
            Json::from(number as i64)
        }
        _ => value,
    }
}

/// A path of the recipe as seen from the current folder.
fn joined(folder: &FilePath, path: &str) -> String {
    folder.join(path).display().to_string()
}
