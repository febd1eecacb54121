//! Numbers of classes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{AnnotatedImages, Instance};

/// What a thing without a label is called.
const UNNAMED: &str = "object";

/// Every class of a run, with a number.
///
/// The numbers are those that the things bring along ([`Instance::category_id`]), where everything has
/// one and every class has exactly one of its own; else they are 1, 2, … in the order of the names.
/// Things without a label are of the class `object`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Categories {
    /// By name: the number, and the place among all classes in the order of the numbers.
    classes: BTreeMap<String, (u32, usize)>,
    /// Every number that a thing brought along, with the name it had there.
    own: BTreeSet<(u32, String)>,
}

impl Categories {
    /// The classes of all things in `images`, of which only names and numbers are kept.
    ///
    /// # Errors
    /// When the images cannot be visited.
    pub fn of(images: &dyn AnnotatedImages) -> io::Result<Self> {
        let mut names = BTreeSet::new();
        let mut own = BTreeSet::new();
        let mut is_known = true;
        images.visit(&mut |image| {
            for thing in &image.instances {
                let name = name(thing);
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
                own.extend(thing.category_id.map(|id| (id, name.to_owned())));
                is_known &= thing.category_id.is_some();
            }
            Ok(())
        })?;
        let ids: BTreeSet<u32> = own.iter().map(|(id, _)| *id).collect();
        let is_known = is_known && own.len() == names.len() && own.len() == ids.len();
        let numbered: Vec<(u32, String)> = match is_known {
            true => own.iter().cloned().collect(),
            false => (1..).zip(names).collect(),
        };
        let places = numbered.into_iter().enumerate();
        let classes = places.map(|(index, (id, name))| (name, (id, index))).collect();
        Ok(Self { classes, own })
    }

    /// The same with classes that are known beforehand, with or without things: they keep their
    /// numbers, where no two have the same name and everything in the images is of one of them.
    #[must_use]
    pub fn with_known(self, known: &BTreeMap<u32, String>) -> Self {
        let names: BTreeSet<&String> = known.values().collect();
        let has_all = self.classes.keys().all(|name| names.contains(name));
        if !has_all || names.len() < known.len() {
            return self;
        }
        let numbered = known.iter().enumerate();
        let classes = numbered.map(|(index, (id, name))| (name.clone(), (*id, index))).collect();
        Self { classes, own: self.own }
    }

    /// The number of a thing's class.
    ///
    /// # Panics
    /// When no thing of this class was in the images.
    pub fn id(&self, thing: &Instance) -> u32 {
        self.classes[name(thing)].0
    }

    /// The place of a thing's class among all classes, from 0, in the order of the numbers.
    ///
    /// # Panics
    /// When no thing of this class was in the images.
    pub fn index(&self, thing: &Instance) -> usize {
        self.classes[name(thing)].1
    }

    /// Numbers and names, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        let mut all: Vec<_> =
            self.classes.iter().map(|(name, &(id, _))| (id, name.as_str())).collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// The numbers that things brought along and their names, in the order of the numbers: what the
    /// pixels of [`crate::class_map`] mean. Differs from [`Self::iter`] where some classes have no
    /// number, or several.
    pub fn own(&self) -> impl Iterator<Item = (u32, &str)> {
        self.own.iter().map(|(id, name)| (*id, name.as_str()))
    }
}

pub(super) fn name(thing: &Instance) -> &str {
    if thing.label.is_empty() { UNNAMED } else { &thing.label }
}
