//! Keywords that this reader of schemas passes over.

use serde_json::Value as Json;

const READ: [&str; 26] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "items",
    "additionalItems",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "$ref",
];
/// Keywords that demand nothing.
const NOTES: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Keywords of `schema` that checking a recipe passes over, each with the way to it: what they
/// demand, the task must check by itself. Tools for authors of tasks show them.
///
/// ```
/// let schema = serde_json::json!({ "properties": { "name": { "pattern": "^a" } } });
/// assert_eq!(samkit_recipe::unread_keywords(&schema), ["/properties/name/pattern"]);
/// ```
pub fn unread_keywords(schema: &Json) -> Vec<String> {
    let mut found = Vec::new();
    search(schema, "", 0, &mut found);
    found
}

fn search(schema: &Json, way: &str, depth: usize, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object().filter(|_| depth < 64) else { return };
    for (key, value) in keywords {
        let way = format!("{way}/{key}");
        let depth = depth + 1;
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Json::Object(schemas)) => {
                for (name, schema) in schemas {
                    search(schema, &format!("{way}/{name}"), depth, found);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "items" | "prefixItems", Json::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    search(schema, &format!("{way}/{index}"), depth, found);
                }
            }
            ("items" | "additionalItems" | "additionalProperties" | "not", schema) => {
                search(schema, &way, depth, found);
            }
            (key, _) if READ.contains(&key) || NOTES.contains(&key) => {}
            _ => found.push(way),
        }
    }
}
