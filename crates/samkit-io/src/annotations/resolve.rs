//! From what files say to images and things with masks.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use samkit_core::{Rle, Size};

use super::{
    AnnotationError, AnnotationFormat, AnnotationOptions, Annotations,
    notes::Notes,
    places::{self, Place},
    shape::Shape,
};
use crate::{
    AnnotatedImage, Instance,
    boxes::{
        entry::{Entry, Stored},
        file::Content,
        resolve::{BoxProblem, in_pixels},
    },
    read::read_image_size,
};

/// Makes annotations of what was read.
pub(super) fn resolved(
    path: &Path,
    format: AnnotationFormat,
    mut content: Content,
    options: &AnnotationOptions,
) -> Result<Annotations, AnnotationError> {
    let mut notes = Notes::default();
    if content.crowd > 0 {
        notes.add_many("crowds (`iscrowd`) left out", content.crowd, String::new);
    }
    if content.skipped_shapes > 0 {
        let what = match format {
            AnnotationFormat::Geojson => "features that are no polygons left out",
            _ => "shapes without an area (lines, points) left out",
        };
        notes.add_many(what, content.skipped_shapes, String::new);
    }
    let places = places::found(path, format, &mut content, options, &mut notes)?;
    let count = places.len();
    let mut resolver = Resolver { path, content, options, notes, mask_bytes: 0 };
    let mut names = HashSet::new();
    let mut ids = Vec::new();
    let mut images = Vec::new();
    for place in places {
        if let Some((id, image)) = resolver.image(place, &mut names)? {
            ids.push(id);
            images.push(image);
        }
    }
    let Resolver { content, notes, .. } = resolver;
    if images.is_empty() && count > 0 && notes.has(UNKNOWN_SIZE) {
        return Err(AnnotationError::NoSizes { path: path.into(), format });
    }
    super::join::number(&mut images, &ids);
    let classes: BTreeMap<u32, String> = content
        .classes
        .listed()
        .filter(|(_, name)| !name.is_empty())
        .map(|(id, name)| (id, name.to_owned()))
        .collect();
    Ok(Annotations { format, images, classes, notes: notes.said(path) })
}

const UNKNOWN_SIZE: &str =
    "images of unknown size left out; name the folder of the images with `--images`";

struct Resolver<'a> {
    path: &'a Path,
    content: Content,
    options: &'a AnnotationOptions,
    notes: Notes,
    /// What the masks so far take.
    mask_bytes: u64,
}

impl Resolver<'_> {
    /// An image and its number in the file; none where it is left out.
    fn image(
        &mut self,
        place: Place,
        names: &mut HashSet<String>,
    ) -> Result<Option<(Option<u64>, AnnotatedImage)>, AnnotationError> {
        let Some(size) = self.size(&place) else { return Ok(None) };
        let Place { entry, name, path, .. } = place;
        let entry = entry.unwrap_or_default();
        // A data set's images that results say nothing of.
        if entry.is_listed_only {
            return Ok(None);
        }
        if !names.insert(name.clone()) {
            let from = entry.file.unwrap_or_else(|| self.path.into());
            self.notes.add("second annotations of one image left out", || {
                format!("`{name}` in `{}`", from.display())
            });
            return Ok(None);
        }
        let id = entry.id;
        let instances = self.things(entry, size)?;
        let (stem, file_name) = (PathBuf::new(), name);
        Ok(Some((id, AnnotatedImage { id: 0, file_name, path, stem, size, instances })))
    }

    /// The image's size: what its file says, or else the image itself.
    fn size(&mut self, place: &Place) -> Option<Size> {
        let entry = place.entry.as_ref();
        let of_masks = |entry: &Entry| entry.shapes.iter().find_map(|(_, s)| s.stated_size());
        let stated = entry.and_then(|entry| entry.size.or_else(|| of_masks(entry)));
        let is_asked = stated.is_none() || self.options.images.is_some();
        let own = match place.is_there && is_asked {
            true => read_image_size(&place.path, &self.options.limits),
            false => {
                let size = stated.filter(|&size| self.is_allowed(size));
                match (stated, size) {
                    (None, _) => self.notes.add(UNKNOWN_SIZE, || format!("`{}`", place.name)),
                    (Some(large), None) => self.notes.add("images too large left out", || {
                        format!("`{}` of {large}", place.name)
                    }),
                    _ => {}
                }
                return size;
            }
        };
        match (own, stated) {
            (Ok(own), Some(stated)) if own != stated => {
                self.notes.add("images of another size than their annotations say", || {
                    format!("`{}` is {own}, not {stated}", place.name)
                });
                Some(stated).filter(|&size| self.is_allowed(size))
            }
            (Ok(own), _) => Some(own),
            (Err(error), stated) => {
                self.notes.add("images that cannot be read", || error.to_string());
                stated.filter(|&size| self.is_allowed(size))
            }
        }
    }

    fn is_allowed(&self, size: Size) -> bool {
        size.area() > 0 && size.area() as u64 <= self.options.limits.max_pixels
    }

    fn things(&mut self, mut entry: Entry, size: Size) -> Result<Vec<Instance>, AnnotationError> {
        let boxes = std::mem::take(&mut entry.boxes);
        let mut shapes = std::mem::take(&mut entry.shapes).into_iter().peekable();
        let mut things = Vec::with_capacity(boxes.len());
        for (index, stored) in boxes.iter().enumerate() {
            let shape = shapes.next_if(|&(of, _)| of == index).map(|(_, shape)| shape);
            if let Some(thing) = self.thing(&entry, stored, shape, size) {
                let runs = thing.mask.as_ref().map_or(0, |mask| mask.counts().len());
                self.mask_bytes += 4 * runs as u64;
                if self.mask_bytes > self.options.limits.max_memory {
                    let limit = self.options.limits.max_memory;
                    return Err(AnnotationError::TooMuchMemory { path: self.path.into(), limit });
                }
                things.push(thing);
            }
        }
        if let Some(kept_out) = entry.kept_out {
            let (at, problem) = kept_out.first;
            let at = self.place(&entry, at);
            self.notes.add_many(UNUSABLE, kept_out.count, || format!("{at}: {problem}"));
        }
        Ok(things)
    }

    fn thing(
        &mut self,
        entry: &Entry,
        stored: &Stored,
        shape: Option<Shape>,
        size: Size,
    ) -> Option<Instance> {
        let mut bbox = in_pixels(stored, self.content.unit, size);
        if shape.is_some() && stored.corners.iter().all(|corner| corner.is_nan()) {
            bbox = Err(BoxProblem::Missing);
        }
        let mask = self.mask(entry, stored, shape, size);
        let bbox = match (bbox, &mask) {
            (Ok(bbox), _) => bbox,
            (Err(_), Some(mask)) => mask.bbox(),
            (Err(problem), None) => {
                let at = self.place(entry, stored.place);
                self.notes.add(UNUSABLE, || format!("{at}: {problem}"));
                return None;
            }
        };
        let class = self.content.classes.get(stored.class);
        Some(Instance {
            bbox,
            label: class.label.clone(),
            category_id: class.category_id,
            score: (!stored.score.is_nan()).then_some(stored.score),
            mask,
        })
    }

    /// The mask, where the thing has one with any pixel.
    fn mask(
        &mut self,
        entry: &Entry,
        stored: &Stored,
        shape: Option<Shape>,
        size: Size,
    ) -> Option<Rle> {
        let mask = shape?.into_mask(self.content.unit, size, self.options.limits.max_pixels);
        let at = || self.place(entry, stored.place);
        match mask {
            Ok(mask) if mask.area() > 0 => Some(mask),
            Ok(_) => {
                let at = at();
                self.notes.add("masks without a pixel left out", || at);
                None
            }
            Err(reason) => {
                let at = at();
                self.notes.add("masks that cannot be used", || format!("{at}: {reason}"));
                None
            }
        }
    }

    /// The file, and the line, annotation or shape in it.
    fn place(&self, entry: &Entry, at: u64) -> String {
        let file = entry.file.as_deref().unwrap_or(self.path);
        format!("`{}`{}", file.display(), self.content.place.said(at))
    }
}

const UNUSABLE: &str = "things without a usable box or mask left out";
