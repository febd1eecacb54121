//! Recipes that nobody wrote: right and wrong ones cut up, put together and spoilt.

use std::{fs, path::Path};

use samkit_recipe::{
    Catalogue, Override, Path as RecipePath, Recipe, RecipeError, Source, Spot, Value, locate,
};

/// Numbers that are random enough and the same for the same seed (xorshift, Marsaglia 2003).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// The files of recipes below `folder`, right and wrong.
pub(crate) fn corpus(folder: &Path) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                texts.push(fs::read(path).expect("a file"));
            }
        }
    }
    texts
}

/// Pieces that mean something to YAML, to recipes, or to those who count characters.
const PIECES: [&str; 48] = [
    "version: 1\n",
    "steps:\n",
    "  - task: edges\n",
    "    params: ",
    "    inputs: ",
    "    save: ",
    "vars:\n",
    "include: ",
    "input: ",
    "${a}",
    "$${",
    "${",
    "}",
    "{",
    "[",
    "]",
    ", ",
    ": ",
    ":",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    "- ",
    "? ",
    "| ",
    ">-\n",
    "&a ",
    "*a",
    "!!str ",
    "!tag ",
    "# ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\"",
    "'",
    "\\",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "é",
    "字",
    "😀",
    "\u{0}",
    ".nan",
    "-9223372036854775809",
];

/// A recipe made of one or two of `corpus`.
pub(crate) fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut text = random.of(corpus).clone();
    for _ in 0..=random.below(6) {
        let place = random.below(text.len() + 1);
        let end = (place + random.below(12)).min(text.len());
        match random.below(8) {
            0 => drop(text.drain(place..end)),
            1 => drop(text.splice(place..place, random.of(&PIECES).bytes())),
            2 => drop(text.splice(place..end, random.of(&PIECES).bytes())),
            3 => {
                if let Some(byte) = text.get_mut(place) {
                    *byte = random.below(256) as u8;
                }
            }
            4 => {
                let copy = text[place..end].to_vec();
                let times = 1 + random.below(40);
                text.splice(place..place, copy.repeat(times));
            }
            5 => {
                let other = random.of(corpus);
                let start = random.below(other.len() + 1);
                let length = random.below(200).min(other.len() - start);
                text.splice(place..end, other[start..start + length].iter().copied());
            }
            6 => text.truncate(place),
            _ => {
                // A line elsewhere, or at another depth.
                let mut lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
                if lines.len() > 1 {
                    let line = lines.remove(random.below(lines.len()));
                    lines.insert(random.below(lines.len() + 1), line);
                }
                text = lines.concat();
            }
        }
        text.truncate(1 << 16);
    }
    text
}

/// Does with `bytes` all that can be done with a recipe. Every place that it shows must be in the
/// text, and every value of a right recipe must be found where `locate` says.
pub(crate) fn exercise(bytes: &[u8], catalogue: &Catalogue) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source::new("fuzz.yaml", &*text).in_folder("tests/good");
    let change: Result<Override, _> = text.lines().next().unwrap_or_default().parse();
    for changes in [Vec::new(), change.into_iter().collect()] {
        match Recipe::parse_and_plan(source.clone(), &changes, catalogue) {
            Ok((recipe, plan)) => {
                assert_eq!(recipe.steps.len(), plan.steps.len());
                let again = samkit_recipe::plan(&recipe, catalogue).expect("it was right before");
                assert_eq!(again, plan);
            }
            Err(error) => show(&error),
        }
    }
    walk(&text);
}

/// Renders the error, which reads its places.
fn show(error: &RecipeError) {
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let handler = miette::GraphicalReportHandler::new_themed(theme);
    let mut report = String::new();
    handler.render_report(&mut report, error).expect("texts can be written to");
    assert!(!report.contains("OutOfBounds"), "{report}");
    assert!(report.len() < 200_000, "a report of {} bytes", report.len());
}

/// Every value that the YAML parser finds is located, and in the order of the text.
fn walk(text: &str) {
    // Only the crate's own reader keeps aliases within bounds.
    let few_aliases = text.matches('*').count() < 20;
    let document = few_aliases.then(|| serde_yaml::from_str::<Value>(text).ok()).flatten();
    let Some(document) = document else {
        locate(text, &RecipePath::root().key("steps").index(0), Spot::Key);
        return;
    };
    let mut left = 20;
    let mut open = vec![(RecipePath::root(), &document)];
    while let Some((path, value)) = open.pop() {
        left -= 1;
        if left == 0 {
            break;
        }
        if let Some(position) = locate(text, &path, Spot::Value) {
            let end = position.offset + position.length;
            assert!(text.get(position.offset..end).is_some(), "{path}: {position:?}");
            assert!(position.line <= text.split('\n').count(), "{path}: {position:?}");
        }
        match value {
            Value::Sequence(entries) => {
                open.extend(entries.iter().enumerate().map(|(n, entry)| (path.index(n), entry)));
            }
            Value::Mapping(entries) => open.extend(
                entries.iter().filter_map(|(key, entry)| Some((path.key(key.as_str()?), entry))),
            ),
            _ => {}
        }
    }
}
