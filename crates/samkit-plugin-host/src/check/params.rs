//! Good and bad parameters.

use serde_json::{Value, json};

use super::{Report, stand_in::StandIn};
use crate::{Plugin, PluginError};

pub(super) fn check(plugin: &Plugin, report: &mut Report) {
    let properties = &plugin.description().params_schema["properties"];
    let properties = properties.as_object().into_iter().flatten();
    report.line("the defaults are accepted", accepted(plugin, &json!({})));
    report.line("parameters that are no object are refused", refused(plugin, &json!([])));
    let unknown = json!({ "no-such-parameter": 1 });
    report.line("an unknown parameter is refused", refused(plugin, &unknown));
    for (name, schema) in properties {
        report.line(format!("`{name}` has a description and a default"), documented(schema));
        if let Some(default) = schema.get("default") {
            let outcome = accepted(plugin, &json!({ name: default }));
            report.line(format!("`{name}` accepts its default"), outcome);
        }
        for (what, bad) in bad_values(schema) {
            let outcome = refused(plugin, &json!({ name: bad }));
            report.line(format!("`{name}` refuses {what}"), outcome);
        }
    }
}

fn documented(schema: &Value) -> Result<(), String> {
    if schema["description"].as_str().is_none_or(str::is_empty) {
        return Err("the schema has no `description` of it".to_owned());
    }
    schema.get("default").map(|_| ()).ok_or_else(|| "the schema has no `default` of it".to_owned())
}

/// Values that the schema does not allow.
fn bad_values(schema: &Value) -> Vec<(&'static str, Value)> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_number = types.iter().any(|name| ["integer", "number"].contains(name));
    let mut bad = Vec::new();
    if !types.is_empty() && !types.contains(&"object") {
        bad.push(("an object", json!({ "not": "a value" })));
    }
    if is_number && !types.contains(&"string") {
        bad.push(("text", json!("many")));
    }
    if types.contains(&"integer") && !types.contains(&"number") {
        bad.push(("half a number", json!(1.5)));
    }
    if let Some(minimum) = schema["minimum"].as_f64() {
        bad.push(("less than its minimum", json!(minimum - 1.0)));
        if types.contains(&"integer") {
            bad.pop();
            bad.push(("less than its minimum", json!(minimum as i64 - 1)));
        }
    }
    if let Some(maximum) = schema["maximum"].as_f64() {
        let value = if types.contains(&"integer") {
            json!(maximum as i64 + 1)
        } else {
            json!(maximum + 1.0)
        };
        bad.push(("more than its maximum", value));
    }
    bad
}

fn accepted(plugin: &Plugin, params: &Value) -> Result<(), String> {
    plugin.create(params, &StandIn::default()).map(|_| ()).map_err(|error| error.to_string())
}

fn refused(plugin: &Plugin, params: &Value) -> Result<(), String> {
    match plugin.create(params, &StandIn::default()) {
        Err(PluginError::Params { .. }) => Ok(()),
        Err(error) => Err(format!("expected the status for invalid parameters: {error}")),
        Ok(_) => Err(format!("{params} was accepted")),
    }
}
