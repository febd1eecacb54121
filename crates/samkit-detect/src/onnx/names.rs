//! Names of classes.

use samkit_core::{COCO_CATEGORIES, coco_name};

/// The names that a file carries (`names`, as Ultralytics writes it), or COCO's where the number of
/// classes is COCO's; else none.
pub(super) fn of_model(metadata: &[(String, String)], classes: usize) -> Vec<String> {
    let own = metadata.iter().find(|(key, _)| key == "names");
    if let Some(names) = own.and_then(|(_, text)| python_dict(text)) {
        return names;
    }
    match classes {
        80 => COCO_CATEGORIES.iter().map(|(_, name)| (*name).to_owned()).collect(),
        // By COCO's ids, some of which were never used; the 92nd is "nothing".
        91 | 92 => (0..91).map(|id| coco_name(id).unwrap_or_default().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// `{0: 'person', 1: "driver's seat"}` as a list; `None` for anything else.
fn python_dict(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':')?;
        let index: usize = key.trim().parse().ok()?;
        // A list with holes is no list of classes.
        if index != names.len() {
            return None;
        }
        let after = after.trim_start();
        let quote = after.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
        let (name, after) = quoted(&after[1..], quote)?;
        names.push(name);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
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

    fn named(text: &str) -> Vec<String> {
        of_model(&[("names".to_owned(), text.to_owned())], 3)
    }

    #[test]
    fn a_dictionary_as_python_prints_it() {
        assert_eq!(
            named("{0: 'cat', 1: \"driver's seat\", 2: 'it\\'s'}"),
            ["cat", "driver's seat", "it's"]
        );
        assert_eq!(named("{}"), [""; 0]);
        for bad in ["", "[]", "{0 'cat'}", "{1: 'cat'}", "{0: 'cat}", "{0: cat}"] {
            assert_eq!(named(bad), [""; 0], "{bad}");
        }
    }

    #[test]
    fn as_many_classes_as_coco_are_cocos() {
        assert_eq!(of_model(&[], 80)[79], "toothbrush");
        let by_id = of_model(&[], 91);
        assert_eq!([&by_id[1][..], &by_id[90], &by_id[12]], ["person", "toothbrush", ""]);
    }
}
