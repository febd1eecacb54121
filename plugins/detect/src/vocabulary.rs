//! From what people call things to a detector's classes.

use std::collections::BTreeMap;

/// Names that are nearly the one that was asked for, at most.
const NEAREST: usize = 3;
/// How alike two names have to be to be suggested, 0 to 1 (Jaro–Winkler).
const ALIKE: f64 = 0.8;

/// Plurals that no rule makes.
const IRREGULAR: [(&str, &str); 7] = [
    ("people", "person"),
    ("persons", "person"),
    ("mice", "mouse"),
    ("knives", "knife"),
    ("skis", "skis"),
    ("scissors", "scissors"),
    ("buses", "bus"),
];

/// A name that stands for none of a detector's classes.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The name.
    pub name: String,
    /// Classes with similar names, the most similar first.
    pub nearest: Vec<String>,
}

/// The classes that `wanted` names stand for: regardless of case and of articles, in the plural, or
/// by a synonym. Every class comes once.
///
/// # Errors
/// With the first name that stands for no class.
pub fn classes(
    wanted: &[String],
    synonyms: &BTreeMap<String, String>,
    known: &[String],
) -> Result<Vec<String>, Unknown> {
    let synonyms: BTreeMap<String, &str> =
        synonyms.iter().map(|(name, class)| (plain(name), class.as_str())).collect();
    let mut found: Vec<String> = Vec::new();
    for name in wanted {
        let class = class(name, &synonyms, known)
            .ok_or_else(|| Unknown { name: name.clone(), nearest: nearest(name, known) })?;
        if !found.contains(class) {
            found.push(class.clone());
        }
    }
    Ok(found)
}

fn class<'k>(
    name: &str,
    synonyms: &BTreeMap<String, &str>,
    known: &'k [String],
) -> Option<&'k String> {
    // A class of exactly this name is meant, whatever else could be read into it.
    let exact = known.iter().find(|class| !class.is_empty() && *class == name);
    exact.or_else(|| {
        let forms = singulars(&plain(name));
        let synonym = forms.iter().find_map(|form| synonyms.get(form)).copied();
        let forms = synonym.map_or(forms, |class| singulars(&plain(class)));
        known.iter().find(|class| !class.is_empty() && forms.contains(&plain(class)))
    })
}

/// Lower case, single blanks, no article in front.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut words: Vec<&str> = lower.split_whitespace().collect();
    if words.len() > 1 && ["a", "an", "the"].contains(&words[0]) {
        words.remove(0);
    }
    words.join(" ")
}

/// The name itself, and what it may be the plural of.
fn singulars(name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    let (first, last) = name.rsplit_once(' ').map_or(("", name), |(first, last)| (first, last));
    let mut add = |last: String| {
        forms.push(if first.is_empty() { last } else { format!("{first} {last}") });
    };
    if let Some((_, singular)) = IRREGULAR.iter().find(|(plural, _)| *plural == last) {
        add((*singular).to_owned());
    }
    let endings = [("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")];
    for (plural, singular) in endings {
        if let Some(stem) = last.strip_suffix(plural).filter(|stem| stem.len() > 1) {
            add(format!("{stem}{singular}"));
        }
    }
    forms
}

fn nearest(name: &str, known: &[String]) -> Vec<String> {
    let name = plain(name);
    let likeness = |class: &&String| strsim::jaro_winkler(&name, &plain(class));
    let mut near: Vec<(f64, &String)> = known
        .iter()
        .filter(|class| !class.is_empty())
        .map(|class| (likeness(&class), class))
        // Short names are unlike after a single slip: `dgo` is to find `dog`.
        .filter(|(likeness, class)| {
            *likeness >= ALIKE || strsim::osa_distance(&name, &plain(class)) <= 1
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(NEAREST).map(|(_, class)| class.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        let names = ["person", "bus", "knife", "dining table", "teddy bear", "skis", "Zebra", ""];
        names.map(str::to_owned).to_vec()
    }

    fn found(wanted: &[&str]) -> Result<Vec<String>, Unknown> {
        let synonyms = [("man", "person"), ("The Sofa Table", "Dining Tables")];
        let synonyms = synonyms.map(|(name, class)| (name.to_owned(), class.to_owned())).into();
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        classes(&wanted, &synonyms, &known())
    }

    #[test]
    fn case_articles_and_plurals_do_not_matter() {
        for (wanted, class) in [
            ("person", "person"),
            ("People", "person"),
            ("a  Person", "person"),
            ("buses", "bus"),
            ("knives", "knife"),
            ("the dining tables", "dining table"),
            ("skis", "skis"),
            ("zebras", "Zebra"),
        ] {
            assert_eq!(found(&[wanted]), Ok(vec![class.to_owned()]), "{wanted}");
        }
    }

    #[test]
    fn synonyms_stand_for_classes_and_every_class_comes_once() {
        let expected = vec!["person".to_owned(), "dining table".to_owned()];
        assert_eq!(found(&["man", "person", "sofa tables"]), Ok(expected));
    }

    #[test]
    fn unknown_names_come_with_the_nearest() {
        let unknown = found(&["person", "teddy bar"]).expect_err("no class");
        assert_eq!(unknown.name, "teddy bar");
        assert_eq!(unknown.nearest, ["teddy bear"]);
        assert_eq!(found(&["bsu"]).expect_err("no class").nearest, ["bus"]);
        let unknown = found(&["xylophone"]).expect_err("no class");
        assert_eq!(unknown.nearest, [""; 0]);
        assert!(found(&[""]).is_err());
    }
}
