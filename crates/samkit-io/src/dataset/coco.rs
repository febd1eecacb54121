//! COCO's two JSON formats (<https://cocodataset.org/#format-data>).

use std::{
    io::{self, Write},
    path::Path,
};

use samkit_core::Rle;
use serde::Serialize;
use serde_json::json;

use super::{AnnotatedImages, Categories, Instance, number::Thousandths, polygon_corners};
use crate::{
    WriteError,
    write::{Lines, write_atomically},
};

/// How a data set holds masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    /// Run-length codes, exact, as pycocotools writes them.
    #[default]
    Rle,
    /// Lists of polygons, as in COCO's own files: one for every part of a mask. A hole is joined to its
    /// part by a bridge, and is a hole again for who fills by the even-odd rule, as pycocotools does.
    /// Corners are corners of pixels, the centre of the first pixel lies at (0.5, 0.5). A mask without
    /// a pixel has no polygon and stays a run-length code.
    Polygons,
}

/// Writes a data set: categories, images and annotations, one a line. Things without a mask have the
/// box only, and an empty list as segmentation.
///
/// # Errors
/// When the images cannot be visited or the file cannot be written.
///
/// # Panics
/// When `categories` are not those of the images.
pub fn write_coco_dataset(
    path: &Path,
    images: &dyn AnnotatedImages,
    categories: &Categories,
    segmentation: Segmentation,
) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        file.write_all(
            b"{\n\"info\": {\"description\":\"made with samkit\"},\n\"licenses\": [],\n",
        )?;
        file.write_all(b"\"categories\": ")?;
        let mut lines = Lines::begin(&mut *file)?;
        for (id, name) in categories.iter() {
            lines.push(&json!({ "id": id, "name": name, "supercategory": "" }))?;
        }
        lines.end()?;
        file.write_all(b",\n\"images\": ")?;
        let mut lines = Lines::begin(&mut *file)?;
        images.visit(&mut |image| {
            lines.push(&json!({
                "id": image.id,
                "file_name": image.file_name,
                "width": image.size.width,
                "height": image.size.height,
            }))
        })?;
        lines.end()?;
        file.write_all(b",\n\"annotations\": ")?;
        let mut lines = Lines::begin(&mut *file)?;
        let mut id = 0;
        images.visit(&mut |image| {
            image.instances.iter().try_for_each(|thing| {
                id += 1;
                lines.push(&Annotation {
                    id,
                    image_id: image.id,
                    category_id: categories.id(thing),
                    bbox: xywh(thing),
                    area: area(thing),
                    iscrowd: 0,
                    segmentation: Shape::of(thing.mask.as_ref(), segmentation),
                    score: thing.score,
                })
            })
        })?;
        lines.end()?;
        file.write_all(b"\n}\n")
    })
}

/// Writes results, as COCO's evaluation reads them, one a line; masks are run-length codes. A thing
/// without a score counts as certain.
///
/// # Errors
/// When the images cannot be visited or the file cannot be written.
///
/// # Panics
/// When `categories` are not those of the images.
pub fn write_coco_results(
    path: &Path,
    images: &dyn AnnotatedImages,
    categories: &Categories,
) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        let mut lines = Lines::begin(&mut *file)?;
        images.visit(&mut |image| -> io::Result<()> {
            image.instances.iter().try_for_each(|thing| {
                lines.push(&Found {
                    image_id: image.id,
                    category_id: categories.id(thing),
                    bbox: xywh(thing),
                    score: thing.score.unwrap_or(1.0),
                    segmentation: thing.mask.as_ref().map(Code::of),
                })
            })
        })?;
        lines.end()?;
        file.write_all(b"\n")
    })
}

#[derive(Serialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    category_id: u32,
    bbox: [f64; 4],
    area: Area,
    iscrowd: u8,
    segmentation: Shape,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

#[derive(Serialize)]
struct Found {
    image_id: u64,
    category_id: u32,
    bbox: [f64; 4],
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Code>,
}

/// Pixels of a mask, or the area of a box.
#[derive(Serialize)]
#[serde(untagged)]
enum Area {
    Pixels(u64),
    Box(f64),
}

#[derive(Serialize)]
struct Code {
    size: [u32; 2],
    counts: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shape {
    Code(Code),
    Polygons(Vec<Vec<Thousandths>>),
}

impl Code {
    fn of(mask: &Rle) -> Self {
        let size = mask.size();
        Self { size: [size.height, size.width], counts: mask.counts_string() }
    }
}

impl Shape {
    fn of(mask: Option<&Rle>, segmentation: Segmentation) -> Self {
        match (mask, segmentation) {
            (None, _) => Self::Polygons(Vec::new()),
            (Some(mask), Segmentation::Polygons) if mask.area() > 0 => {
                Self::Polygons(polygon_corners(mask))
            }
            (Some(mask), _) => Self::Code(Code::of(mask)),
        }
    }
}

fn xywh(thing: &Instance) -> [f64; 4] {
    thing.bbox.to_xywh().map(|number| Thousandths(number).value())
}

fn area(thing: &Instance) -> Area {
    match &thing.mask {
        Some(mask) => Area::Pixels(mask.area()),
        None => Area::Box(Thousandths(thing.bbox.area()).value()),
    }
}
