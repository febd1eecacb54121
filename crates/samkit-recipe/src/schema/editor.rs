//! The schema of recipes, for editors.

use serde_json::{Map, Value as Json, json};

use crate::{Catalogue, STDIN, TaskInfo, VERSION};

/// JSON Schema (draft 7) of recipes with the parameters of every task of `catalogue`: editors
/// complete and check recipes with it. The same catalogue gives the same schema; tasks stand in the
/// order of their names.
pub fn json_schema(catalogue: &Catalogue) -> Json {
    let mut tasks: Vec<&TaskInfo> = catalogue.tasks.iter().collect();
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    let mut definitions = Map::new();
    definitions.insert(
        "variable".into(),
        json!({
            "type": "string",
            "pattern": "^\\$\\{ *[A-Za-z][A-Za-z0-9_-]* *\\}$",
            "description": "The value of a variable."
        }),
    );
    definitions
        .insert("paths".into(), one_or_many("A file, a folder, a pattern such as `photos/*.jpg`."));
    definitions.insert("step".into(), step(&tasks));
    for task in tasks {
        definitions.insert(format!("params-{}", task.name), params(task));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "samkit recipe",
        "description": "Which tasks run on which images. Paths are relative to the recipe.",
        "type": "object",
        "additionalProperties": false,
        "required": ["version"],
        "properties": {
            "version": { "const": VERSION, "description": "The recipe format." },
            "include": one_or_many("Another recipe: what it says holds where this one is silent."),
            "vars": {
                "type": "object",
                "description": "Values to use anywhere as `${name}`, and to change with `--set vars.name=VALUE`.",
                "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" }
            },
            "input": {
                "description": format!("The images: files, folders, patterns, or `{STDIN}` in quotes for a list on standard input."),
                "anyOf": [
                    { "$ref": "#/definitions/paths" },
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["paths"],
                        "properties": {
                            "paths": { "$ref": "#/definitions/paths" },
                            "recursive": variable_or(&json!({
                                "type": "boolean",
                                "default": false,
                                "description": "Whether folders are searched all the way down."
                            }))
                        }
                    }
                ]
            },
            "output": { "type": "string", "description": "The folder to write to." },
            "report": {
                "type": "boolean",
                "description": "Whether to write report.html too, a page that shows all images.",
            },
            "engine": {
                "type": "object",
                "description": "Which network runs, and where.",
                "additionalProperties": false,
                "properties": engine()
            },
            "steps": {
                "type": "array",
                "description": "What to do with each image, in order.",
                "minItems": 1,
                "items": { "$ref": "#/definitions/step" }
            }
        },
        "definitions": definitions
    })
}

fn engine() -> Json {
    json!({
        "model": { "type": "string", "description": "The id of a model; `samkit models list` names them." },
        "device": variable_or(&json!({
            "enum": ["auto", "cpu", "cuda", "metal"],
            "default": "auto",
            "description": "Where to compute."
        })),
        "threads": variable_or(&json!({
            "type": "integer",
            "minimum": 1,
            "description": "Threads to compute with; all cores where it is not said."
        })),
        "precision": variable_or(&json!({
            "enum": ["f32", "bf16"],
            "default": "f32",
            "description": "Number format of the image encoder."
        })),
        "cache": {
            "type": "string",
            "description": "Folder to keep embeddings in from one run to the next."
        }
    })
}

fn step(tasks: &[&TaskInfo]) -> Json {
    let names: Vec<_> = tasks.iter().map(|task| &task.name).collect();
    let about: Vec<_> = tasks.iter().map(|task| format!("{}: {}", task.name, task.about)).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        // A step of an included recipe is named by its id alone.
        "anyOf": [{ "required": ["task"] }, { "required": ["id"] }],
        "properties": {
            "id": {
                "type": "string",
                "pattern": "^[A-Za-z][A-Za-z0-9_-]*$",
                "description": "The step's name; the task's where it is not said."
            },
            "task": { "enum": names, "description": about.join("\n") },
            "inputs": {
                "type": "object",
                "description": "What this step takes from earlier ones: `{ boxes: STEP }`.",
                "additionalProperties": { "type": "string" }
            },
            "params": { "type": "object", "description": "The task's parameters." },
            "save": { "description": "Which results to write." }
        },
        "allOf": tasks.iter().map(|task| of_task(task)).collect::<Vec<_>>()
    })
}

/// What holds of a step that runs this task.
fn of_task(task: &TaskInfo) -> Json {
    let products: Vec<_> = task.products.iter().map(|product| &product.name).collect();
    let inputs = task.inputs.iter().map(|input| {
        let about = format!("{} ({})", input.about, input.kind);
        (input.name.clone(), json!({ "type": "string", "description": about }))
    });
    json!({
        "if": { "required": ["task"], "properties": { "task": { "const": task.name } } },
        "then": {
            "properties": {
                "params": { "$ref": format!("#/definitions/params-{}", task.name) },
                "inputs": {
                    "properties": inputs.collect::<Map<_, _>>(),
                    "additionalProperties": false
                },
                "save": {
                    "anyOf": [
                        { "enum": products },
                        { "$ref": "#/definitions/variable" },
                        { "type": "array", "uniqueItems": true, "items": { "enum": products } }
                    ]
                }
            }
        }
    })
}

/// The schema of a task's parameters, as part of the whole.
fn params(task: &TaskInfo) -> Json {
    let mut schema = task.params.clone();
    move_references(&mut schema, &format!("#/definitions/params-{}", task.name));
    let Some(keywords) = schema.as_object_mut() else { return schema };
    keywords.remove("$schema");
    keywords.remove("$id");
    // A recipe may leave the rest to `include` or `--set`, but must not misspell.
    keywords.remove("required");
    keywords.entry("additionalProperties").or_insert(json!(false));
    let properties = keywords.get_mut("properties").and_then(Json::as_object_mut);
    for (_, property) in properties.into_iter().flatten() {
        *property = variable_or(property);
    }
    schema
}

/// What `schema` says, or a variable. Editors show the notes that stand outside of the choice.
fn variable_or(schema: &Json) -> Json {
    let mut choice = Map::new();
    for note in ["title", "description", "default"] {
        if let Some(text) = schema.get(note) {
            choice.insert(note.into(), text.clone());
        }
    }
    choice.insert("anyOf".into(), json!([schema, { "$ref": "#/definitions/variable" }]));
    Json::Object(choice)
}

fn one_or_many(about: &str) -> Json {
    json!({
        "description": about,
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } }
        ]
    })
}

/// References of a schema that now stands at `root` of another.
fn move_references(schema: &mut Json, root: &str) {
    match schema {
        Json::Array(schemas) => schemas.iter_mut().for_each(|schema| move_references(schema, root)),
        Json::Object(keywords) => {
            for (key, value) in keywords {
                match value {
                    Json::String(text) if key == "$ref" && text.starts_with('#') => {
                        *text = format!("{root}{}", &text[1..]);
                    }
                    other => move_references(other, root),
                }
            }
        }
        _ => {}
    }
}
