//! A schema in words: "a whole number from 1 to 64".

use serde_json::{Map, Value as Json};

use super::follow;
use crate::words::{all_of, one_of, quoted};

/// What a value shall be, in words that can follow "expected". References in `schema` are looked up
/// in `root`.
pub fn describe(root: &Json, schema: &Json) -> String {
    words(root, schema, 0)
}

fn words(root: &Json, schema: &Json, depth: usize) -> String {
    let Json::Object(keywords) = follow(root, schema) else {
        return if *schema == Json::Bool(false) { "nothing here".into() } else { "a value".into() };
    };
    if depth > 3 {
        return "a value".into();
    }
    if let Some(only) = keywords.get("const") {
        return literal(only);
    }
    if let Some(Json::Array(choices)) = keywords.get("enum") {
        return one_of(&choices.iter().map(literal).collect::<Vec<_>>());
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Json::Array(branches)) = keywords.get(key) {
            let mut choices = Vec::new();
            for branch in branches {
                let branch = words(root, branch, depth + 1);
                if !choices.contains(&branch) {
                    choices.push(branch);
                }
            }
            return one_of(&choices);
        }
    }
    if let (None, Some(Json::Array(all))) = (keywords.get("type"), keywords.get("allOf"))
        && let Some(first) = all.first()
    {
        return words(root, first, depth + 1);
    }
    let names: Vec<&str> = match keywords.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let choices: Vec<_> = names.iter().map(|name| of_type(name, root, keywords, depth)).collect();
    if choices.is_empty() { "a value".into() } else { one_of(&choices) }
}

fn of_type(name: &str, root: &Json, keywords: &Map<String, Json>, depth: usize) -> String {
    let number = |key: &str| keywords.get(key).and_then(Json::as_f64);
    match name {
        "null" => "`null`".into(),
        "boolean" => "`true` or `false`".into(),
        "string" => match (keywords.get("format").and_then(Json::as_str), number("minLength")) {
            (Some("path"), _) => "a path".into(),
            (_, Some(least)) if least >= 1.0 => "text that is not empty".into(),
            _ => "text".into(),
        },
        "number" => format!("a number{}", range(keywords)),
        "integer" => format!("a whole number{}", range(keywords)),
        "array" => list(root, keywords, depth),
        "object" => match keywords.get("properties").and_then(Json::as_object) {
            Some(properties) if !properties.is_empty() => {
                format!("a mapping with {}", all_of(&properties.keys().collect::<Vec<_>>()))
            }
            _ => "a mapping".into(),
        },
        other => other.to_owned(),
    }
}

fn list(root: &Json, keywords: &Map<String, Json>, depth: usize) -> String {
    let count = |key: &str| keywords.get(key).and_then(Json::as_u64);
    let size = match (count("minItems"), count("maxItems")) {
        (Some(least), Some(most)) if least == most => format!("a list of {least} entries"),
        (Some(least), Some(most)) => format!("a list of {least} to {most} entries"),
        (Some(1), None) => "a list of at least one entry".into(),
        (Some(least), None) if least > 1 => format!("a list of at least {least} entries"),
        (_, Some(most)) => format!("a list of at most {most} entries"),
        _ => "a list".into(),
    };
    let unique = keywords.get("uniqueItems").is_some_and(|unique| unique == true);
    let unlike = if unique { ", no two alike" } else { "" };
    match keywords.get("items") {
        Some(entry @ Json::Object(_)) => {
            format!("{size}, each entry {}{unlike}", words(root, entry, depth + 1))
        }
        _ => size + unlike,
    }
}

fn range(keywords: &Map<String, Json>) -> String {
    let bound = |key: &str| keywords.get(key).filter(|bound| bound.is_number()).map(plain);
    let least = bound("minimum");
    let most = bound("maximum");
    let above = bound("exclusiveMinimum");
    let below = bound("exclusiveMaximum");
    match (least, most, above, below) {
        (Some(least), Some(most), _, _) => format!(" from {least} to {most}"),
        (Some(least), None, _, Some(below)) => format!(" from {least} to below {below}"),
        (Some(least), None, _, None) => format!(" of at least {least}"),
        (None, Some(most), Some(above), _) => format!(" above {above}, at most {most}"),
        (None, Some(most), None, _) => format!(" of at most {most}"),
        (None, None, Some(above), Some(below)) => {
            format!(" between {above} and {below}, both excluded")
        }
        (None, None, Some(above), None) => format!(" above {above}"),
        (None, None, None, Some(below)) => format!(" below {below}"),
        (None, None, None, None) => String::new(),
    }
}

/// A number without a needless `.0`.
fn plain(number: &Json) -> String {
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        _ => number.to_string(),
    }
}

fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Number(_) => plain(value),
        other => quoted(&other.to_string()),
    }
}
