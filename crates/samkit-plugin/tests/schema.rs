//! What the schema of a task's parameters says.

use samkit_plugin::{params_schema, schemars};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How lines are drawn.
#[derive(Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Style {
    /// One stroke.
    #[default]
    Plain,
    /// Two strokes.
    DoubleStroke,
}

/// Parameters of a test.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// Width of the lines, in pixels.
    #[schemars(range(min = 1, max = 64))]
    width: u32,
    /// Above this, a line is drawn.
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: f32,
    /// How lines are drawn.
    style: Style,
    /// Draw no more lines than this.
    limit: Option<u32>,
}

impl Default for Params {
    fn default() -> Self {
        Self { width: 3, threshold: 0.7, style: Style::Plain, limit: None }
    }
}

#[test]
fn types_defaults_ranges_and_docs_come_through() {
    let schema = params_schema::<Params>();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["additionalProperties"], false);
    let properties = &schema["properties"];
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(names, ["width", "threshold", "style", "limit"]);
    let width = &properties["width"];
    assert_eq!(width["type"], "integer");
    assert_eq!(width["default"], 3);
    assert_eq!((&width["minimum"], &width["maximum"]), (&json!(1), &json!(64)));
    assert_eq!(width["description"], "Width of the lines, in pixels.");
    assert_eq!(properties["style"]["default"], "plain");
    assert_eq!(properties["limit"]["default"], json!(null));
    assert_eq!(properties["limit"]["type"], json!(["integer", "null"]));
    assert!(properties["style"].to_string().contains("double-stroke"), "{schema:#}");
}

#[test]
fn single_precision_defaults_are_written_as_people_write_them() {
    assert_eq!(params_schema::<Params>()["properties"]["threshold"]["default"].to_string(), "0.7");
}

/// Nothing to choose, and no `#[serde(default)]` either.
#[derive(Default, Serialize, Deserialize, schemars::JsonSchema)]
struct Bare {
    amount: u8,
}

#[test]
fn defaults_do_not_depend_on_serde_attributes() {
    assert_eq!(params_schema::<Bare>()["properties"]["amount"]["default"], 0);
}

/// Empty.
#[derive(Default, Serialize, Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[test]
fn no_parameters_are_an_empty_object() {
    assert_eq!(params_schema::<Nothing>()["properties"], json!({}));
}
