//! JSON Schema, as far as parameters of tasks need it.
//!
//! Read are `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`,
//! `multipleOf`, `minLength`, `maxLength`, `properties`, `required`, `additionalProperties`,
//! `minProperties`, `maxProperties`, `items` (a schema, or one for each entry), `additionalItems`,
//! `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, `allOf`, `anyOf`, `oneOf`, `not` and `$ref`
//! within the schema. Other keywords are taken for notes, as the standard wants it for those that
//! are unknown; [`unread_keywords`] finds them. Two things differ, both to the good of people who
//! mistype: keys beside `properties` are allowed only where `additionalProperties` says so, and
//! `oneOf` is content with several.
//!
//! A crate for all of JSON Schema brings some thirty others (big numbers, regular expressions,
//! addresses, …), and its messages know neither the recipe's places nor nearest names.

mod check;
mod describe;
mod editor;
mod unread;

pub(crate) use check::{Checker, Place};
pub use describe::describe;
pub use editor::json_schema;
pub use unread::unread_keywords;

/// The schema that `$ref` leads to, if there is one; and else the schema itself.
pub(crate) fn follow<'s>(
    root: &'s serde_json::Value,
    schema: &'s serde_json::Value,
) -> &'s serde_json::Value {
    let mut schema = schema;
    // References can lead in circles.
    for _ in 0..8 {
        let Some(reference) = schema.get("$ref").and_then(serde_json::Value::as_str) else { break };
        let Some(next) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
        else {
            break;
        };
        schema = next;
    }
    schema
}
