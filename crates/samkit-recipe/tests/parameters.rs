//! Parameters against schemas, keyword by keyword.

use samkit_recipe::{Catalogue, Recipe, RecipeError, Source, TaskInfo, plan, unread_keywords};
use serde_json::{Value as Json, json};

/// What planning says of a step whose parameter `value` has this schema.
fn check(schema: &Json, value: &Json) -> Result<Json, RecipeError> {
    // References are relative to the whole schema.
    let mut params = json!({ "type": "object", "properties": { "value": schema } });
    move_references(&mut params["properties"]["value"]);
    let task = TaskInfo { name: "task".into(), params, ..TaskInfo::default() };
    let catalogue = Catalogue { tasks: vec![task] };
    let text = format!("version: 1\nsteps: [{{ task: task, params: {{ \"value\": {value} }} }}]\n");
    let recipe = Recipe::parse(Source::new("r.yaml", text), &[])?;
    plan(&recipe, &catalogue).map(|plan| plan.steps[0].params["value"].clone())
}

fn move_references(schema: &mut Json) {
    match schema {
        Json::Object(keywords) => {
            for (key, value) in keywords {
                match value {
                    Json::String(text) if key == "$ref" => {
                        *text = text.replacen('#', "#/properties/value", 1);
                    }
                    other => move_references(other),
                }
            }
        }
        Json::Array(schemas) => schemas.iter_mut().for_each(move_references),
        _ => {}
    }
}

/// `keywords.json`: a name, a schema, values that it takes, values that it does not.
#[test]
fn every_keyword_takes_and_refuses_what_the_standard_says() {
    let table: Vec<(String, Json, Vec<Json>, Vec<Json>)> =
        serde_json::from_str(include_str!("keywords.json")).unwrap();
    for (name, schema, taken, refused) in table {
        assert_eq!(unread_keywords(&schema), Vec::<String>::new(), "{name}");
        for value in taken {
            let seen = check(&schema, &value);
            let same =
                seen.as_ref().is_ok_and(|seen| *seen == value || seen.as_f64() == value.as_f64());
            assert!(same, "{name}: {value} gave {seen:?}");
        }
        for value in refused {
            assert!(check(&schema, &value).is_err(), "{name}: {value} was taken");
        }
    }
}

#[track_caller]
fn expects(schema: Json, value: Json, words: &str) {
    let message = check(&schema, &value).unwrap_err().to_string();
    let (_, expected) = message.split_once("expected ").expect("it says what was expected");
    assert_eq!(expected, words);
}

#[test]
fn schemas_are_put_into_words() {
    let wrong = json!({ "wrong": 1 });
    expects(
        json!({ "type": "integer", "minimum": 1 }),
        wrong.clone(),
        "a whole number of at least 1",
    );
    expects(json!({ "type": "number", "maximum": 0.5 }), wrong.clone(), "a number of at most 0.5");
    expects(
        json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
        wrong.clone(),
        "a number between 0 and 1, both excluded",
    );
    expects(
        json!({ "type": "number", "minimum": 0, "exclusiveMaximum": 1 }),
        wrong.clone(),
        "a number from 0 to below 1",
    );
    expects(json!({ "type": "string", "format": "path" }), wrong.clone(), "a path");
    expects(
        json!({ "anyOf": [{ "type": "integer" }, { "const": "all" }, { "type": "null" }] }),
        wrong.clone(),
        "a whole number, `all` or `null`",
    );
    expects(
        json!({ "type": "array", "items": { "enum": ["x", 2] }, "minItems": 1, "maxItems": 3 }),
        wrong,
        "a list of 1 to 3 entries, each entry `x` or 2",
    );
    expects(json!({ "type": "object" }), json!(1), "a mapping");
    expects(
        json!({ "type": "object", "properties": { "a": {}, "b": {} } }),
        json!(1),
        "a mapping with `a`, `b`",
    );
}

#[test]
fn an_option_that_is_wrong_inside_is_explained_inside() {
    let point =
        json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": { "type": "number" } });
    let schema = json!({ "anyOf": [{ "type": "array", "items": point }, { "type": "null" }] });
    assert!(check(&schema, &json!([[0, 1], [0.5, 0.5]])).is_ok());
    let error = check(&schema, &json!([[0, 1], [0.5, "x"]])).unwrap_err();
    assert_eq!(error.to_string(), "r.yaml:2:54: `value[1][1]` is the text `x`, expected a number");
}

#[test]
fn every_missing_and_every_unknown_key_is_named() {
    let schema = json!({
        "type": "object",
        "required": ["width", "height", "depth"],
        "properties": { "width": {}, "height": {}, "depth": {} }
    });
    let error = check(&schema, &json!({ "widht": 1, "colour": 2 })).unwrap_err();
    let all: Vec<_> = error.each().iter().map(ToString::to_string).collect();
    assert_eq!(
        all,
        [
            "r.yaml:2:33: `height` is missing",
            "r.yaml:2:33: `depth` is missing",
            "r.yaml:2:43: unknown key `widht`",
            "r.yaml:2:53: unknown key `colour`",
        ],
        "`width` is not missing, but misspelt"
    );
}

#[test]
fn keywords_that_are_not_read_are_found() {
    let schema = json!({
        "properties": {
            "pattern": { "type": "string", "pattern": "^a" },
            "list": { "items": { "contains": {} }, "default": { "pattern": 1 } }
        },
        "anyOf": [{ "if": {} }]
    });
    assert_eq!(
        unread_keywords(&schema),
        ["/properties/pattern/pattern", "/properties/list/items/contains", "/anyOf/0/if"]
    );
}
