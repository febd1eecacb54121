//! The classes of a file, each kept once.

use std::collections::HashMap;

/// A class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) label: String,
    pub(crate) category_id: Option<u32>,
}

/// Classes by their places, so that a box needs to keep a number only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    all: Vec<Class>,
    by_id: HashMap<u32, u32>,
    by_label: HashMap<String, u32>,
    by_pair: HashMap<(u32, String), u32>,
    listed: HashMap<u32, String>,
}

impl Classes {
    /// The place of the class with this number; its name may come later.
    pub(crate) fn of_id(&mut self, id: u32) -> u32 {
        *self.by_id.entry(id).or_insert_with(|| {
            self.all.push(Class { label: String::new(), category_id: Some(id) });
            self.all.len() as u32 - 1
        })
    }

    /// The place of the class with this name and no number.
    pub(crate) fn of_label(&mut self, label: &str) -> u32 {
        if let Some(&place) = self.by_label.get(label) {
            return place;
        }
        let place = self.all.len() as u32;
        self.all.push(Class { label: label.to_owned(), category_id: None });
        self.by_label.insert(label.to_owned(), place);
        place
    }

    /// The place of the class with this name and, where it has one, this number.
    pub(crate) fn of_both(&mut self, label: &str, id: Option<u32>) -> u32 {
        let Some(id) = id else { return self.of_label(label) };
        let place = self.of_id(id);
        let class = &mut self.all[place as usize];
        if class.label.is_empty() {
            class.label = label.to_owned();
        }
        if class.label == label { place } else { self.of_pair(label, id) }
    }

    /// The place of a class that shares its number with another one.
    fn of_pair(&mut self, label: &str, id: u32) -> u32 {
        let next = self.all.len() as u32;
        let place = *self.by_pair.entry((id, label.to_owned())).or_insert(next);
        if place == next {
            self.all.push(Class { label: label.to_owned(), category_id: Some(id) });
        }
        place
    }

    /// Gives names to the numbered classes that have none: those of `name`, else `class 7`.
    pub(crate) fn name_numbers(&mut self, name: impl Fn(u32) -> Option<String>) {
        for class in self.all.iter_mut().filter(|class| class.label.is_empty()) {
            if let Some(id) = class.category_id {
                class.label = name(id).unwrap_or_else(|| format!("class {id}"));
            }
        }
    }

    /// Keeps the names that the file has for numbers, also of classes without a box.
    pub(crate) fn list(&mut self, names: HashMap<u32, String>) {
        self.listed = names;
    }

    /// Numbers and names of all classes that the file names, with or without a box.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u32, &str)> {
        let listed = self.listed.iter().map(|(&id, name)| (id, name.as_str()));
        let used = self.all.iter().filter_map(|class| Some((class.category_id?, &class.label[..])));
        listed.chain(used)
    }

    pub(crate) fn get(&self, place: u32) -> &Class {
        &self.all[place as usize]
    }
}
