//! Numbers in JSON that were 32-bit floats.

use serde_json::{Value, json};

/// The same document with floats as short as their 32 bits allow: 0.88 instead of
/// 0.8799999952316284, which reads back as the same 32 bits.
pub(crate) fn short_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let single = number.as_f64().map(|wide| (wide as f32).to_string());
            let short = single.and_then(|text| text.parse::<f64>().ok());
            short.map_or(Value::Number(number), |short| json!(short))
        }
        Value::Array(entries) => entries.into_iter().map(short_numbers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, short_numbers(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_as_short_as_32_bits_allow_and_nothing_else_changes() {
        let long = json!({ "iou": 0.88_f32, "list": [0.1_f32, 3, "0.88"], "none": null });
        assert!(long.to_string().contains("0.8799999"), "{long}");
        let expected = r#"{"iou":0.88,"list":[0.1,3,"0.88"],"none":null}"#;
        assert_eq!(short_numbers(long).to_string(), expected);
    }
}
