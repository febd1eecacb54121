//! Which entry of a file belongs to which image.

use std::{collections::HashMap, fmt, sync::Arc};

use samkit_core::Size;

use super::{
    GivenBox, ResolvedBoxes, UnusableBoxes,
    entry::{Entry, ImageKey},
    file::Content,
    paths::{spelled, stem, suffixes},
    resolve::in_pixels,
};
use crate::InputImage;

/// The entries of a file by the images that they belong to.
#[derive(Clone, Debug)]
pub struct Matched {
    content: Arc<Content>,
    of_image: Vec<Option<usize>>,
    without_entry: Vec<usize>,
    unmatched: Vec<String>,
    ambiguous: Vec<AmbiguousEntry>,
}

/// An entry that could belong to several images, or with others to one. It belongs to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousEntry {
    /// The entry: the image's name, its id, or the annotation file.
    pub entry: String,
    /// What it cannot be told from.
    pub reason: String,
}

impl fmt::Display for AmbiguousEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.entry, self.reason)
    }
}

impl Matched {
    /// The boxes of an image, by its place among the images and its size. An image without an entry
    /// has none.
    pub fn boxes(&self, image_index: usize, size: Size) -> ResolvedBoxes {
        let Some(entry) = self.entry(image_index) else { return ResolvedBoxes::default() };
        let mut kept_out = entry.kept_out;
        let mut boxes = Vec::with_capacity(entry.boxes.len());
        let mut outside = Entry::default();
        for stored in &entry.boxes {
            match in_pixels(stored, self.content.unit, size) {
                Ok(bbox) => {
                    let class = self.content.classes.get(stored.class);
                    let score = (!stored.score.is_nan()).then_some(stored.score);
                    let (label, category_id) = (class.label.clone(), class.category_id);
                    boxes.push(GivenBox { bbox, label, category_id, score });
                }
                Err(problem) => outside.keep_out(stored.place, problem),
            }
        }
        if let Some(more) = outside.kept_out {
            match &mut kept_out {
                Some(kept_out) => kept_out.count += more.count,
                None => kept_out = Some(more),
            }
        }
        let unusable = kept_out.map(|kept_out| {
            let (place, problem) = kept_out.first;
            let file = entry.file.as_ref().unwrap_or(&self.content.path).display();
            let place = format!("`{file}`{}", self.content.place.said(place));
            UnusableBoxes { count: kept_out.count, place, problem }
        });
        let stated_size = entry.size.filter(|&stated| stated != size);
        ResolvedBoxes { boxes, unusable, stated_size }
    }

    /// Whether the file has an entry for the image, even one without boxes.
    pub fn has_entry(&self, image_index: usize) -> bool {
        self.entry(image_index).is_some()
    }

    /// The places of the images that the file has no entry for.
    pub fn without_entry(&self) -> &[usize] {
        &self.without_entry
    }

    /// The entries that belong to none of the images: file names, ids or annotation files.
    pub fn unmatched(&self) -> &[String] {
        &self.unmatched
    }

    /// The entries of which it cannot be told which image they belong to.
    pub fn ambiguous(&self) -> &[AmbiguousEntry] {
        &self.ambiguous
    }

    fn entry(&self, image_index: usize) -> Option<&Entry> {
        Some(&self.content.entries[self.place(image_index)?])
    }

    /// The place of the image's entry among all entries.
    pub(crate) fn place(&self, image_index: usize) -> Option<usize> {
        self.of_image.get(image_index).copied().flatten()
    }
}

/// How well an entry fits an image: first how, then the number of folders and names that they share.
type Fit = (u8, usize);

/// The name or path that the entry gives is the image's own.
const SAME: u8 = 3;
/// The entry's last parts are the image's.
const SAME_END: u8 = 2;
/// They are but for the ending.
const SAME_STEM: u8 = 1;
/// The image is called by the entry's number.
const SAME_NUMBER: u8 = 0;

/// The images with one name.
#[derive(Clone, Copy)]
struct Named {
    first: usize,
    second: Option<usize>,
    count: usize,
}

/// Images by every name that an entry may use. Each is found by one look, however many share a name.
#[derive(Default)]
struct Names {
    relative: HashMap<String, Named>,
    relative_stems: HashMap<String, Named>,
    ends: HashMap<String, Named>,
    stems: HashMap<String, Named>,
    numbers: HashMap<u64, Named>,
}

fn add<K: std::hash::Hash + Eq>(names: &mut HashMap<K, Named>, name: K, image: usize) {
    let named = names.entry(name).or_insert(Named { first: image, second: None, count: 0 });
    named.count += 1;
    if named.count == 2 {
        named.second = Some(image);
    }
}

impl Names {
    fn of(images: &[InputImage]) -> Self {
        let mut names = Self::default();
        for (index, image) in images.iter().enumerate() {
            let relative = spelled(&image.relative);
            add(&mut names.relative_stems, stem(&relative).to_owned(), index);
            add(&mut names.relative, relative, index);
            let path = spelled(&image.path);
            for end in suffixes(&path) {
                add(&mut names.ends, end.to_owned(), index);
                add(&mut names.stems, stem(end).to_owned(), index);
            }
            let own = stem(suffixes(&path).last().unwrap_or_default());
            if let Some(number) = number(own) {
                add(&mut names.numbers, number, index);
            }
        }
        names
    }

    /// The images that fit `key` best, if any do.
    fn find(&self, key: &ImageKey) -> Option<(Named, Fit)> {
        let longest = |names: &HashMap<String, Named>, path: &str, how: u8| {
            suffixes(path).find_map(|end| {
                let fit = (how, end.matches('/').count() + 1);
                names.get(end).map(|&named| (named, fit))
            })
        };
        let whole = |names: &HashMap<String, Named>, path: &str| {
            let named = names.get(path).filter(|named| named.count == 1);
            named.map(|&named| (named, (SAME, 0)))
        };
        match key {
            ImageKey::File(path) => whole(&self.relative, path)
                .or_else(|| longest(&self.ends, path, SAME_END))
                .or_else(|| longest(&self.stems, stem(path), SAME_STEM)),
            ImageKey::Stem(path) => {
                whole(&self.relative_stems, path).or_else(|| longest(&self.stems, path, SAME_END))
            }
            ImageKey::Number(number) => {
                self.numbers.get(number).map(|&named| (named, (SAME_NUMBER, 0)))
            }
        }
    }
}

fn number(stem: &str) -> Option<u64> {
    let is_number = !stem.is_empty() && stem.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| stem.parse().ok()).flatten()
}

/// See [`super::BoxFile::matched`].
pub(crate) fn matched(content: Arc<Content>, images: &[InputImage]) -> Matched {
    let names = Names::of(images);
    let mut unmatched = Vec::new();
    let mut ambiguous = Vec::new();
    let mut claims = Vec::new();
    for (place, entry) in content.entries.iter().enumerate() {
        let found: Vec<_> = entry.keys.iter().filter_map(|key| names.find(key)).collect();
        if let Some((named, fit)) = found.iter().find(|(named, _)| named.count == 1) {
            claims.push((named.first, *fit, place));
        } else if let Some((named, _)) = found.first() {
            ambiguous
                .push(AmbiguousEntry { entry: entry.name.clone(), reason: said(named, images) });
        } else if !entry.is_listed_only {
            unmatched.push(entry.name.clone());
        }
    }
    let mut best: Vec<Option<(Fit, usize, usize)>> = vec![None; images.len()];
    for &(image, fit, place) in &claims {
        best[image] = match best[image] {
            Some((other, first, count)) if other == fit => Some((fit, first, count + 1)),
            Some(better) if better.0 > fit => Some(better),
            _ => Some((fit, place, 1)),
        };
    }
    let mut of_image = vec![None; images.len()];
    for (image, fit, place) in claims {
        let entry = &content.entries[place];
        match best[image] {
            Some((best, _, 1)) if best == fit => of_image[image] = Some(place),
            Some((best, _, count)) if best == fit => ambiguous.push(AmbiguousEntry {
                entry: entry.name.clone(),
                reason: format!("{count} entries fit `{}` equally well", images[image].name()),
            }),
            _ if entry.is_listed_only => {}
            _ => unmatched.push(entry.name.clone()),
        }
    }
    let without_entry = (0..images.len()).filter(|&image| of_image[image].is_none()).collect();
    Matched { content, of_image, without_entry, unmatched, ambiguous }
}

/// Which images have one name.
fn said(named: &Named, images: &[InputImage]) -> String {
    let path = |image: usize| format!("`{}`", images[image].path.display());
    let first = path(named.first);
    match (named.second, named.count) {
        (Some(second), 2) => format!("it fits {first} and {} equally well", path(second)),
        (Some(second), count) => {
            format!("it fits {first}, {} and {} more equally well", path(second), count - 2)
        }
        (None, _) => format!("it fits {first}"),
    }
}
