//! Which images the entries of a file are of, where they are and how large.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{AnnotationError, AnnotationFormat, AnnotationOptions, notes::Notes};
use crate::{
    Depth, IMAGE_EXTENSIONS, InputImage,
    boxes::{
        entry::{Entry, ImageKey},
        error::shortened,
        file::Content,
        matching,
        paths::tidied,
    },
    find_images,
};

/// An image that there is an entry of, or that a data set has beside its entries.
pub(super) struct Place {
    /// What is said of it; none for an image without an entry.
    pub(super) entry: Option<Entry>,
    /// Its path below the images' folder, or as the file has it.
    pub(super) name: String,
    /// Where it is, or would be.
    pub(super) path: PathBuf,
    /// Whether it is there.
    pub(super) is_there: bool,
}

/// Finds an image for every entry. Takes the entries out of `content`.
pub(super) fn found(
    path: &Path,
    format: AnnotationFormat,
    content: &mut Content,
    options: &AnnotationOptions,
    notes: &mut Notes,
) -> Result<Vec<Place>, AnnotationError> {
    let base = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let images = match &options.images {
        Some(folder) => in_folder(folder)?,
        None if format == AnnotationFormat::Yolo => of_yolo(base),
        None => Vec::new(),
    };
    let entries = std::mem::take(&mut content.entries);
    if images.is_empty() {
        return Ok(entries.into_iter().map(|entry| beside(base, entry)).collect());
    }
    let (entries, matched) = matched(entries, content, &images, notes);
    let fits = matched.iter().flatten().count();
    if let Some(folder) = options.images.as_ref().filter(|_| fits == 0 && !entries.is_empty()) {
        let first: Vec<_> = entries.iter().take(3).map(|entry| shortened(&entry.name)).collect();
        let entries =
            format!("`{}`{}", first.join("`, `"), if entries.len() > 3 { ", …" } else { "" });
        return Err(AnnotationError::NoneFits {
            path: path.into(),
            images: folder.clone(),
            count: images.len(),
            entries,
        });
    }
    let mut has_entry = vec![false; images.len()];
    let mut places = Vec::new();
    for (entry, image) in entries.into_iter().zip(matched) {
        if let Some(image) = image {
            has_entry[image] = true;
            places.push(of_image(&images[image], Some(entry)));
        }
    }
    let without = (0..images.len()).filter(|&image| !has_entry[image]).map(|image| &images[image]);
    for image in without {
        // A YOLO image without a label file is one with nothing in it.
        if format == AnnotationFormat::Yolo {
            places.push(of_image(image, None));
        } else {
            notes.add("images without annotations left out", || image.name());
        }
    }
    Ok(places)
}

/// The place of every entry's image, if it has one.
fn matched(
    entries: Vec<Entry>,
    content: &Content,
    images: &[InputImage],
    notes: &mut Notes,
) -> (Vec<Entry>, Vec<Option<usize>>) {
    let content = Arc::new(Content { entries, ..content.without_entries() });
    let matched = matching::matched(Arc::clone(&content), images);
    let mut image_of = vec![None; content.entries.len()];
    for image in 0..images.len() {
        if let Some(entry) = matched.place(image) {
            image_of[entry] = Some(image);
        }
    }
    for name in matched.unmatched() {
        notes.add("annotations of none of the images left out", || name.clone());
    }
    for entry in matched.ambiguous() {
        notes.add("annotations that fit several images left out", || entry.to_string());
    }
    drop(matched);
    let content = Arc::into_inner(content).expect("what was matched is gone");
    (content.entries, image_of)
}

fn of_image(image: &InputImage, entry: Option<Entry>) -> Place {
    Place { entry, name: image.name(), path: image.path.clone(), is_there: true }
}

fn in_folder(folder: &Path) -> Result<Vec<InputImage>, AnnotationError> {
    let inputs = [folder.to_string_lossy().into_owned()];
    find_images(&inputs, Path::new(""), Depth::Subfolders, None)
        .map_err(|bad| AnnotationError::Images(bad.error))
}

/// The images of a YOLO data set: those in the folder `images` in it, or where `labels` is in its
/// path, or anywhere in it. None where there are none.
fn of_yolo(folder: &Path) -> Vec<InputImage> {
    let parts: Vec<_> = folder.components().collect();
    let is_labels =
        |part: &std::path::Component<'_>| part.as_os_str().eq_ignore_ascii_case("labels");
    let beside = parts.iter().rposition(is_labels).map(|place| {
        let (before, after) = (&parts[..place], &parts[place + 1..]);
        before.iter().collect::<PathBuf>().join("images").join(after.iter().collect::<PathBuf>())
    });
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let candidates = beside.into_iter().chain([folder.join("images"), folder.to_path_buf()]);
    let found = candidates.filter_map(|folder| in_folder(&folder).ok());
    found.into_iter().next().unwrap_or_default()
}

/// The place of an entry whose image is looked for beside the file, below `base`.
fn beside(base: &Path, entry: Entry) -> Place {
    let folders = [base.to_path_buf(), base.join("images")];
    let is_image = |path: &PathBuf| path.is_file() && entry.file.as_ref() != Some(path);
    let names = entry.keys.iter().flat_map(|key| match key {
        ImageKey::File(name) => vec![name.clone()],
        ImageKey::Stem(stem) => {
            IMAGE_EXTENSIONS.iter().map(|ending| format!("{stem}.{ending}")).collect()
        }
        ImageKey::Number(_) => Vec::new(),
    });
    let found = names.into_iter().find_map(|name| {
        let path = folders.iter().map(|folder| folder.join(&name)).find(is_image)?;
        Some((name, path))
    });
    let is_there = found.is_some();
    let (name, path) = found.unwrap_or_else(|| {
        let name = name_of(&entry);
        let path = base.join(&name);
        (name, path)
    });
    Place { entry: Some(entry), name, path, is_there }
}

/// What an image is called that nobody has seen.
fn name_of(entry: &Entry) -> String {
    let name = entry.keys.iter().find_map(|key| match key {
        ImageKey::File(name) => Some(name.clone()),
        _ => None,
    });
    let name = name.or_else(|| match entry.keys.first() {
        Some(ImageKey::Stem(stem)) => Some(stem.clone()),
        Some(ImageKey::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    // A drive's letter would make the path one from the root.
    let name = tidied(&name.unwrap_or_else(|| entry.name.clone()));
    let name = name.split_once(":/").map_or(name.as_str(), |(_, rest)| rest).to_owned();
    if name.is_empty() { "image".to_owned() } else { name }
}
