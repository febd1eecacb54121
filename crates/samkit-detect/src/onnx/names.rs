//! Names of classes.

use samkit_core::{COCO_CATEGORIES, coco_name};

/// The names that a file carries (`names`, as Ultralytics writes it).
pub(super) fn of_file(metadata: &[(String, String)]) -> Option<Vec<String>> {
    let (_, text) = metadata.iter().find(|(key, _)| key == "names")?;
    python(text).filter(|names| !names.is_empty())
}

/// COCO's names where the number of classes is COCO's; else none.
pub(super) fn of_coco(classes: usize) -> Vec<String> {
    match classes {
        80 => COCO_CATEGORIES.iter().map(|(_, name)| (*name).to_owned()).collect(),
        // By COCO's ids, some of which were never used; the 92nd is "nothing".
        91 | 92 => (0..91).map(|id| coco_name(id).unwrap_or_default().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// `{0: 'person', 1: "driver's seat"}` or `['person', 'car']` as a list; `None` for anything else.
fn python(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let (mut rest, has_keys) = match text.strip_prefix('{') {
        Some(rest) => (rest.strip_suffix('}')?.trim(), true),
        None => (text.strip_prefix('[')?.strip_suffix(']')?.trim(), false),
    };
    let mut names = Vec::new();
    while !rest.is_empty() {
        if has_keys {
            let (key, after) = rest.split_once(':')?;
            // A dictionary with holes is no list of classes. (JSON has its keys in quotes.)
            let index: usize = key.trim().trim_matches('"').parse().ok()?;
            if index != names.len() {
                return None;
            }
            rest = after.trim_start();
        }
        let quote = rest.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
        let (name, after) = quoted(&rest[1..], quote)?;
        names.push(name);
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(names)
}

/// The text up to the closing quote, with backslashes resolved, and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((place, sign)) = chars.next() {
        match sign {
            '\\' => out.push(chars.next()?.1),
            _ if sign == quote => return Some((out, &text[place + sign.len_utf8()..])),
            _ => out.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Option<Vec<String>> {
        of_file(&[("names".to_owned(), text.to_owned())])
    }

    #[test]
    fn names_as_python_prints_them() {
        let names = ["cat", "driver's seat", "it's"].map(str::to_owned).to_vec();
        for text in [
            "{0: 'cat', 1: \"driver's seat\", 2: 'it\\'s'}",
            "['cat', \"driver's seat\", 'it\\'s']",
            r#"{"0": "cat", "1": "driver's seat", "2": "it's"}"#,
        ] {
            assert_eq!(named(text).as_ref(), Some(&names), "{text}");
        }
        for bad in ["", "{}", "[]", "{0 'cat'}", "{1: 'cat'}", "{0: 'cat}", "{0: cat}", "['a' 'b']"]
        {
            assert_eq!(named(bad), None, "{bad}");
        }
    }

    #[test]
    fn as_many_classes_as_coco_are_cocos() {
        assert_eq!(of_coco(80)[79], "toothbrush");
        let by_id = of_coco(91);
        assert_eq!([&by_id[1][..], &by_id[90], &by_id[12]], ["person", "toothbrush", ""]);
        assert_eq!(of_coco(3), [""; 0]);
    }
}
