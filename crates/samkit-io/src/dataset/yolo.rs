//! The folder that YOLO's tools train on: `images`, `labels` and `data.yaml`.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use samkit_core::{joined, polygons};

use super::{AnnotatedImage, AnnotatedImages, Categories, Instance, POLYGON_TOLERANCE};
use crate::{WriteError, write::write_atomically};

/// Where the copy of an image lies below YOLO's folder: in `images`, called after its stem
/// ([`AnnotatedImage::stem`]), with the ending of its own file. YOLO's tools find the text file in
/// `labels` by this name.
pub fn yolo_image_path(stem: &Path, source: &Path) -> PathBuf {
    Path::new("images").join(with_ending(stem, source.extension()))
}

/// Writes `labels` and `data.yaml`, and returns the number of files. The images themselves are not
/// touched: their copies belong where [`yolo_image_path`] says.
///
/// `labels` holds a text file for each image: a line a thing, its class and its polygon, or its box
/// where it has no mask, as parts of the image's sides. A mask of several parts, or with holes, becomes
/// one polygon that walks there and back. Boxes are cut at the image's border, because YOLO's tools
/// drop an image with a number outside.
///
/// # Errors
/// When the images cannot be visited or a file cannot be written.
///
/// # Panics
/// When `categories` are not those of the images.
pub fn write_yolo_labels(
    folder: &Path,
    images: &dyn AnnotatedImages,
    categories: &Categories,
) -> Result<usize, WriteError> {
    let labels = folder.join("labels");
    let mut files = 0;
    let mut failure = None;
    let visited = images.visit(&mut |image| {
        let path = labels.join(with_ending(&image.stem, Some("txt".as_ref())));
        let text = lines(image, categories);
        files += 1;
        write_atomically(&path, |file| file.write_all(text.as_bytes())).map_err(|error| {
            failure = Some(error);
            io::ErrorKind::Other.into()
        })
    });
    match (failure, visited) {
        (Some(error), _) => return Err(error),
        (None, Err(error)) => return Err(WriteError::file(&labels, error)),
        (None, Ok(())) => {}
    }
    write_atomically(&folder.join("data.yaml"), |file| {
        file.write_all(yaml(categories).as_bytes())
    })?;
    Ok(files + 1)
}

/// Both lists lead to the same images: who trains divides them as they see fit. Without a `path` they
/// are looked for beside the file.
fn yaml(categories: &Categories) -> String {
    let mut yaml = String::from("train: images\nval: images\nnames:");
    let mut names = categories.iter().enumerate().peekable();
    yaml.push_str(if names.peek().is_none() { " {}\n" } else { "\n" });
    for (index, (_, name)) in names {
        let _ = writeln!(yaml, "  {index}: {}", serde_json::Value::from(name));
    }
    yaml
}

fn with_ending(stem: &Path, ending: Option<&OsStr>) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    if let Some(ending) = ending {
        name.push(".");
        name.push(ending);
    }
    name.into()
}

fn lines(image: &AnnotatedImage, categories: &Categories) -> String {
    let mut text = String::new();
    for thing in &image.instances {
        let _ = write!(text, "{}", categories.index(thing));
        let numbers = numbers(thing, image);
        numbers.iter().for_each(|number| _ = write!(text, " {}", shown(*number)));
        text.push('\n');
    }
    text
}

/// The polygon or the box, as parts of the image's sides.
fn numbers(thing: &Instance, image: &AnnotatedImage) -> Vec<f32> {
    let (width, height) = (image.size.width as f32, image.size.height as f32);
    if let Some(mask) = thing.mask.as_ref().filter(|mask| mask.area() > 0) {
        let polygon = joined(&polygons(mask, POLYGON_TOLERANCE));
        return polygon.iter().flat_map(|point| [point.x / width, point.y / height]).collect();
    }
    let [x0, x1] = [thing.bbox.x0, thing.bbox.x1].map(|x| (x / width).clamp(0.0, 1.0));
    let [y0, y1] = [thing.bbox.y0, thing.bbox.y1].map(|y| (y / height).clamp(0.0, 1.0));
    vec![(x0 + x1) / 2.0, (y0 + y1) / 2.0, x1 - x0, y1 - y0]
}

/// Six decimals: a hundredth of a pixel in the largest images.
fn shown(part: f32) -> String {
    let text = format!("{part:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}
