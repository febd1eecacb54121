//! Numbers and names of images that are different for each, within a file and across several.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use super::Annotations;
use crate::{AnnotatedImage, InputImage, OutputNames};

/// Gives every image its number and stem. The numbers are those of the file, or those that the
/// images' names are, as COCO has it (`000000000139.jpg`), where every image has one of its own; else
/// 1, 2, … in their order.
pub(super) fn number(images: &mut [AnnotatedImage], own: &[Option<u64>]) {
    let named = |image: &AnnotatedImage| {
        let name = image.file_name.rsplit('/').next().unwrap_or_default();
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        let is_number = stem.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| stem.parse::<u64>().ok()).flatten()
    };
    let distinct = |ids: Option<Vec<u64>>| {
        ids.filter(|ids| ids.iter().collect::<HashSet<_>>().len() == ids.len())
    };
    let ids = distinct(own.iter().copied().collect())
        .or_else(|| distinct(images.iter().map(named).collect()))
        .unwrap_or_else(|| (1..=images.len() as u64).collect());
    let inputs: Vec<InputImage> = images
        .iter()
        .map(|image| InputImage {
            path: image.file_name.clone().into(),
            relative: image.file_name.clone().into(),
        })
        .collect();
    let stems = OutputNames::new(&inputs);
    for ((image, id), input) in images.iter_mut().zip(ids).zip(&inputs) {
        (image.id, image.stem) = (id, stems.stem(input));
    }
}

/// Puts together what several files say: see [`Annotations::read_all`].
pub(super) fn joined(all: Vec<Annotations>) -> Option<Annotations> {
    let mut all = all.into_iter();
    let mut joined = all.next()?;
    let key = |image: &AnnotatedImage| image.file_name.clone();
    let mut places: HashMap<String, usize> =
        joined.images.iter().enumerate().map(|(place, image)| (key(image), place)).collect();
    for other in all {
        joined.notes.extend(other.notes);
        for (id, name) in other.classes {
            joined.classes.entry(id).or_insert(name);
        }
        for image in other.images {
            match places.entry(key(&image)) {
                Entry::Vacant(free) => {
                    free.insert(joined.images.len());
                    joined.images.push(image);
                }
                Entry::Occupied(taken) => {
                    let known = &mut joined.images[*taken.get()];
                    if known.size == image.size {
                        known.instances.extend(image.instances);
                    } else {
                        let (name, first, second) = (&known.file_name, known.size, image.size);
                        joined.notes.push(format!(
                            "`{name}` is {first} in one file and {second} in another: the second \
                             was left out"
                        ));
                    }
                }
            }
        }
    }
    let ids: Vec<_> = joined.images.iter().map(|image| Some(image.id)).collect();
    number(&mut joined.images, &ids);
    Some(joined)
}
