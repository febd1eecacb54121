//! The JSON Schema of a task's parameters.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Value, json};

/// The schema of `P` in draft 7, with the defaults of `P::default()`, ranges and doc comments.
///
/// # Panics
/// When `P` is not a struct with named fields, or does not serialise: a mistake in the program.
pub fn params_schema<P: Default + Serialize + JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<P>();
    let mut schema = short_numbers(schema.to_value());
    assert_eq!(schema["type"], "object", "parameters are a struct with named fields");
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let defaults = serde_json::to_value(P::default()).expect("parameters serialise");
    // A container without `#[serde(default)]` has defaults too, only schemars cannot know them: nothing
    // is required, because a plugin fills in what is left out.
    schema.as_object_mut().expect("an object").remove("required");
    for (name, default) in short_numbers(defaults).as_object().into_iter().flatten() {
        if let Some(property) = schema["properties"].get_mut(name).and_then(Value::as_object_mut) {
            property.entry("default").or_insert_with(|| default.clone());
        }
    }
    schema
}

/// Floats that were 32 bits wide, as short as these allow: 0.7 instead of 0.699999988079071.
fn short_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let wide = number.as_f64().filter(|wide| f64::from(*wide as f32) == *wide);
            let short = wide.and_then(|wide| (wide as f32).to_string().parse::<f64>().ok());
            short.map_or(Value::Number(number), |short| json!(short))
        }
        Value::Array(entries) => entries.into_iter().map(short_numbers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, short_numbers(value))).collect()
        }
        other => other,
    }
}
