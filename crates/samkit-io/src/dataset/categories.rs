//! Numbers of classes.

use std::collections::BTreeMap;

use super::{AnnotatedImage, Instance};

/// What a thing without a label is called.
const UNNAMED: &str = "object";

/// Every class that is there, with a number.
pub(super) struct Categories(BTreeMap<String, u32>);

impl Categories {
    /// The numbers that the things bring along, where every class has exactly one of its own;
    /// else 1, 2, … in the order of the names.
    pub(super) fn of(images: &[AnnotatedImage]) -> Self {
        let things = || images.iter().flat_map(|image| &image.instances);
        let mut own: BTreeMap<String, u32> = BTreeMap::new();
        let is_known = things().all(|thing| {
            let id = thing.category_id;
            id.is_some_and(|id| *own.entry(name(thing).to_owned()).or_insert(id) == id)
        });
        let mut numbers: Vec<u32> = own.values().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        if is_known && numbers.len() == own.len() {
            return Self(own);
        }
        let names: BTreeMap<_, _> = things().map(|thing| (name(thing).to_owned(), 0)).collect();
        Self(names.into_keys().zip(1..).collect())
    }

    pub(super) fn id(&self, thing: &Instance) -> u32 {
        self.0[name(thing)]
    }

    /// The place among all classes, from 0, in the order of the numbers.
    pub(super) fn index(&self, thing: &Instance) -> usize {
        let id = self.id(thing);
        self.0.values().filter(|&&other| other < id).count()
    }

    /// Numbers and names, in the order of the numbers.
    pub(super) fn sorted(&self) -> Vec<(u32, &str)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, &id)| (id, name.as_str())).collect();
        all.sort_unstable();
        all
    }
}

/// Numbers and names of all classes that are there and have a number, in the order of the numbers.
pub fn class_names(images: &[AnnotatedImage]) -> BTreeMap<u32, String> {
    let things = images.iter().flat_map(|image| &image.instances);
    things.filter_map(|thing| Some((thing.category_id?, name(thing).to_owned()))).collect()
}

pub(super) fn name(thing: &Instance) -> &str {
    if thing.label.is_empty() { UNNAMED } else { &thing.label }
}
