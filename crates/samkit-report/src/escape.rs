//! Texts of others inside a page.

use std::io;

use serde::Serialize;

/// A text as HTML, between tags or in a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no way to write it.
            '\0' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A value as JSON that may stand in a `<script>` element. Only a `<` can end the element or begin a
/// comment in it; in JSON it occurs within strings only, where it can be written as a number.
pub(crate) fn script_json(value: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(if json.contains('<') { json.replace('<', "\\u003c") } else { json })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_keeps_letters_and_disarms_marks() {
        assert_eq!(
            html("<b a='1' c=\"2\">&amp;"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;"
        );
        assert_eq!(html("Größe 猫 🐈"), "Größe 猫 🐈");
        assert_eq!(html("\0"), "\u{fffd}");
    }

    #[test]
    fn json_in_a_script_has_no_left_angle_and_means_the_same() {
        let name = "</script><!-- <script> \u{2028} \"'\\";
        let json = script_json(&name).unwrap();
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), name);
    }
}
