//! Tasks to check recipes against.

use samkit_recipe::{Catalogue, InputInfo, Kind, OutputInfo, ProductInfo, TaskInfo};
use serde_json::json;

/// Tasks that between them have every kind of input, product and parameter.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue { tasks: vec![edges(), detect(), instances(), caption(), compare()] }
}

fn product(name: &str, suffix: &str, default: bool) -> ProductInfo {
    ProductInfo {
        name: name.into(),
        suffix: suffix.into(),
        per_run: false,
        default,
        needs: None,
        about: String::new(),
    }
}

fn output(name: &str, kind: Kind) -> OutputInfo {
    OutputInfo { name: name.into(), kind }
}

fn input(name: &str, kind: Kind, required: bool) -> InputInfo {
    InputInfo { name: name.into(), kind, required, about: format!("the {kind} to work on") }
}

fn edges() -> TaskInfo {
    TaskInfo {
        name: "edges".into(),
        about: "Edge maps without training.".into(),
        inputs: vec![],
        outputs: vec![output("edges", Kind::EdgeMap)],
        products: vec![
            product("thinned", "edges.png", true),
            product("raw", "edges.raw.png", false),
            ProductInfo {
                needs: Some("threshold".into()),
                ..product("binary", "edges.binary.png", true)
            },
            product("overlay", "overlay.png", true),
        ],
        params: json!({
            "type": "object",
            "properties": {
                "points_per_side": {
                    "type": "integer", "minimum": 1, "maximum": 256, "default": 16,
                    "description": "Points along each side of the grid of prompts."
                },
                "smoothing": {
                    "type": "number", "minimum": 0, "default": 0.0,
                    "description": "Sigma of a blur, in pixels.\n0 is off."
                },
                "threshold": {
                    "type": ["number", "null"], "minimum": 0, "maximum": 1,
                    "description": "Where an edge begins."
                },
                "thinning": {
                    "$ref": "#/$defs/Thinning", "default": "canny",
                    "description": "How lines are made thin."
                }
            },
            "$defs": { "Thinning": { "oneOf": [
                { "const": "canny" }, { "const": "structured-edges" }, { "const": "none" }
            ] } }
        }),
    }
}

fn detect() -> TaskInfo {
    TaskInfo {
        name: "detect".into(),
        about: "Boxes around things.".into(),
        inputs: vec![input("words", Kind::Text, false)],
        outputs: vec![output("boxes", Kind::Boxes), output("sure", Kind::Boxes)],
        products: vec![product("labels", "boxes.json", true)],
        params: json!({
            "type": "object",
            "properties": {
                "score_threshold": {
                    "type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.5
                },
                "classes": {
                    "type": "array", "items": { "type": "string", "minLength": 1 },
                    "uniqueItems": true, "default": []
                },
                "weights": { "type": "string", "format": "path" },
                "tiles": {
                    "type": "array", "items": { "type": "integer", "minimum": 1 },
                    "minItems": 2, "maxItems": 2, "default": [1, 1]
                }
            }
        }),
    }
}

fn instances() -> TaskInfo {
    TaskInfo {
        name: "instances".into(),
        about: "A mask in each box.".into(),
        inputs: vec![input("boxes", Kind::Boxes, true), input("image", Kind::Image, true)],
        outputs: vec![output("masks", Kind::Masks)],
        products: vec![
            product("masks", "masks.json", true),
            product("coco", "masks.json", false),
            product("overlay", "overlay.png", true),
        ],
        params: json!({
            "type": "object",
            "required": ["label"],
            "properties": {
                "label": { "type": "string", "minLength": 1 },
                "refine": { "type": "boolean", "default": false },
                "limits": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": { "area": { "type": "integer" }, "count": { "type": "integer" } }
                }
            }
        }),
    }
}

fn caption() -> TaskInfo {
    TaskInfo {
        name: "caption".into(),
        about: "Words for an image.".into(),
        outputs: vec![output("words", Kind::Text)],
        params: json!({ "type": "object", "properties": {} }),
        ..TaskInfo::default()
    }
}

fn compare() -> TaskInfo {
    TaskInfo {
        name: "compare".into(),
        about: "How well masks fit edges.".into(),
        inputs: vec![input("masks", Kind::Masks, true), input("edges", Kind::EdgeMap, true)],
        outputs: vec![output("scores", Kind::Table)],
        products: vec![product("table", "scores.csv", true)],
        params: json!({ "type": "object", "properties": {} }),
    }
}
