//! CSV files.

use std::path::Path;

use super::{AnnotatedImages, Categories, categories::name, number::Thousandths};
use crate::{WriteError, write::write_atomically};

const COLUMNS: [&str; 11] = [
    "image",
    "image_id",
    "object",
    "label",
    "category_id",
    "score",
    "x",
    "y",
    "width",
    "height",
    "area",
];

/// Writes a table with a line for every thing: the image's path and number, the thing's number in its
/// image (from 1), class, score (empty where there is none), box (corner, width and height in pixels)
/// and area (pixels of the mask, or the box's area). An image in which nothing was found has no line,
/// so that every line is a thing; `run.json` and the data sets have all images.
///
/// # Errors
/// When the images cannot be visited or the file cannot be written.
///
/// # Panics
/// When `categories` are not those of the images.
pub fn write_csv(
    path: &Path,
    images: &dyn AnnotatedImages,
    categories: &Categories,
) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record(COLUMNS)?;
        images.visit(&mut |image| {
            for (index, thing) in image.instances.iter().enumerate() {
                let [x, y, width, height] = thing.bbox.to_xywh().map(Thousandths);
                let area = match &thing.mask {
                    Some(mask) => mask.area().to_string(),
                    None => Thousandths(thing.bbox.area()).to_string(),
                };
                table.write_record([
                    image.file_name.clone(),
                    image.id.to_string(),
                    (index + 1).to_string(),
                    name(thing).to_owned(),
                    categories.id(thing).to_string(),
                    thing.score.map_or(String::new(), |score| score.to_string()),
                    x.to_string(),
                    y.to_string(),
                    width.to_string(),
                    height.to_string(),
                    area,
                ])?;
            }
            Ok(())
        })?;
        table.flush()
    })
}

/// Writes what the numbers in [`crate::class_map`] mean: the columns `id` and `name`, a line for every
/// number that a thing brought along, in the order of the numbers. Classes without a number are in no
/// map and have no line.
///
/// # Errors
/// When the file cannot be written.
pub fn write_class_legend(path: &Path, categories: &Categories) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record(["id", "name"])?;
        for (id, name) in categories.own() {
            table.write_record([id.to_string().as_str(), name])?;
        }
        table.flush()
    })
}
