//! Which images COCO results are about: they know them by their ids only.

use std::{collections::HashMap, path::Path};

use super::{
    BoxFileError,
    coco::Coco,
    coco_objects::ImageId,
    entry::{Entry, ImageKey},
    json::{self, Fields},
    paths::tidied,
};

/// The images and categories of the data set that results refer to.
pub(crate) fn listed(images: &Path) -> Result<Coco, BoxFileError> {
    let mut coco = Coco::new(false);
    json::read(images, Fields(&mut coco))?;
    for entry in &mut coco.entries {
        entry.is_listed_only = true;
    }
    Ok(coco)
}

/// Says of the entries from the place `first` on, which no data set lists, what their images may be
/// called. Where there is a data set, an id that it lacks means no image.
pub(crate) fn name_entries(
    entries: &mut [Entry],
    ids: &HashMap<ImageId, usize>,
    first: usize,
    images: Option<&Path>,
) {
    for (id, &place) in ids {
        let Some(entry) = place.checked_sub(first).and_then(|place| entries.get_mut(place)) else {
            continue;
        };
        match (images, id) {
            (Some(images), id) => entry.name = format!("{id} (not in `{}`)", images.display()),
            (None, ImageId::Number(number)) => entry.keys = vec![ImageKey::Number(*number)],
            (None, ImageId::Text(text)) => {
                let text = tidied(text);
                entry.keys = vec![ImageKey::File(text.clone()), ImageKey::Stem(text)];
            }
        }
    }
}
