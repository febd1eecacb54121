//! The folder that YOLO's tools train on: `images`, `labels` and `data.yaml`.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use samkit_core::{Point, joined, outlines, simplified};

use super::{AnnotatedImage, Categories, Instance, POLYGON_TOLERANCE};
use crate::{WriteError, write::write_atomically};

/// Writes the folder and returns the number of files. Every image is copied to `images`, and
/// `labels` holds a text file for each: a line a thing, its class and its polygon, or its box where it
/// has no mask, as parts of the image's sides. A mask of several parts, or with holes, becomes one
/// polygon that walks there and back.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_yolo(folder: &Path, images: &[AnnotatedImage]) -> Result<usize, WriteError> {
    let categories = Categories::of(images);
    for image in images {
        let mut text = String::new();
        for thing in &image.instances {
            let numbers = numbers(thing, image);
            let _ = write!(text, "{}", categories.index(thing));
            numbers.iter().for_each(|number| _ = write!(text, " {}", shown(*number)));
            text.push('\n');
        }
        let named = |extension: &OsStr| {
            let mut name = image.stem.as_os_str().to_owned();
            name.push(".");
            name.push(extension);
            PathBuf::from(name)
        };
        let label = folder.join("labels").join(named("txt".as_ref()));
        write_atomically(&label, |file| file.write_all(text.as_bytes()))?;
        let copy = folder.join("images").join(named(image.path.extension().unwrap_or_default()));
        write_atomically(&copy, |file| {
            std::io::copy(&mut std::fs::File::open(&image.path)?, file).map(drop)
        })?;
    }
    // Both lists lead to the same images: who trains divides them as they see fit.
    let mut yaml = String::from("path: .\ntrain: images\nval: images\nnames:\n");
    for (index, (_, name)) in categories.sorted().into_iter().enumerate() {
        let _ = writeln!(yaml, "  {index}: {}", serde_json::Value::from(name));
    }
    write_atomically(&folder.join("data.yaml"), |file| file.write_all(yaml.as_bytes()))?;
    Ok(2 * images.len() + 1)
}

/// The polygon or the box, as parts of the image's sides.
fn numbers(thing: &Instance, image: &AnnotatedImage) -> Vec<f32> {
    let (width, height) = (image.size.width as f32, image.size.height as f32);
    let Some(mask) = &thing.mask else {
        let [x, y, w, h] = thing.bbox.to_xywh();
        return vec![(x + w / 2.0) / width, (y + h / 2.0) / height, w / width, h / height];
    };
    let outlines: Vec<Vec<Point>> =
        outlines(mask).iter().map(|outline| simplified(outline, POLYGON_TOLERANCE)).collect();
    joined(&outlines).iter().flat_map(|point| [point.x / width, point.y / height]).collect()
}

/// Six decimals: a hundredth of a pixel in the largest images.
fn shown(part: f32) -> String {
    let text = format!("{part:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}
