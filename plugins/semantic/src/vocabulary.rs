//! The names that masks can get, with their numbers.

use samkit_core::COCO_CATEGORIES;
use samkit_plugin::TaskError;
use samkit_task_text::check_names;

use crate::{SemanticParams, Set};

/// A name and the number of its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// The vocabulary that the parameters mean. Built-in sets bring their own numbers; other names are
/// counted from 1.
///
/// # Errors
/// When a file cannot be read, or has no names or one twice.
pub(crate) fn vocabulary(params: &SemanticParams) -> Result<Vec<Entry>, TaskError> {
    let names = match (&params.vocabulary_file, params.vocabulary.is_empty()) {
        (_, false) => params.vocabulary.clone(),
        (Some(path), true) => {
            let names = read(path)?;
            check_names("vocabulary_file", &names, "names, one a line, each once")?;
            names
        }
        (None, true) => return Ok(built_in(params.set)),
    };
    Ok((1..).zip(names).map(|(id, name)| Entry { id, name }).collect())
}

fn built_in(set: Set) -> Vec<Entry> {
    let Set::Coco = set;
    COCO_CATEGORIES.iter().map(|&(id, name)| Entry { id, name: name.to_owned() }).collect()
}

/// The lines that are not blank.
fn read(path: &str) -> Result<Vec<String>, TaskError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        TaskError::Param(format!("`vocabulary_file`: cannot read {path}: {error}"))
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_before_a_file_and_a_file_before_a_set() {
        let mut params = SemanticParams::default();
        assert_eq!(vocabulary(&params).expect("built in").len(), 80);
        assert_eq!(vocabulary(&params).expect("built in")[79].id, 90);
        params.vocabulary_file = Some("no-such-file".into());
        let error = vocabulary(&params).expect_err("missing").to_string();
        assert!(error.contains("vocabulary_file") && error.contains("no-such-file"), "{error}");
        params.vocabulary = vec!["sky".into(), "sea".into()];
        let entries = vocabulary(&params).expect("a list");
        assert_eq!(entries[1], Entry { id: 2, name: "sea".into() });
    }
}
