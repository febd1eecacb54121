//! One file of an image.

use std::{io::Write, path::Path};

use image::RgbImage;
use samkit_core::{Rle, Size};
use samkit_io::{InputImage, Instance, WriteError};

use crate::tasks::{Content, Form, dataset};

/// Writes a file; `image` are the pixels of `input`.
pub(super) fn write(
    path: &Path,
    content: &Content,
    input: &InputImage,
    image: &RgbImage,
) -> Result<(), WriteError> {
    match content {
        Content::Gray8(picture) => samkit_io::write_gray8(path, picture),
        Content::Gray16(picture) => samkit_io::write_gray16(path, picture),
        Content::Rgb(picture) => samkit_io::write_rgb(path, picture),
        Content::Rgba(picture) => samkit_io::write_rgba(path, picture),
        Content::Masks(records) => samkit_io::write_masks(path, records),
        Content::Json(value) => samkit_io::write_json(path, value),
        Content::Text(text) => {
            samkit_io::write_atomically(path, |file| file.write_all(text.as_bytes()))
        }
        Content::ManyLogits(records) => {
            let logits: Vec<_> = records.iter().filter_map(|r| r.logits.clone()).collect();
            let boxes: Vec<_> = records.iter().map(|r| r.segmentation.bbox()).collect();
            let scores: Vec<_> = records.iter().map(|r| r.predicted_iou).collect();
            samkit_io::write_logits_npz(path, &logits, &boxes, &scores)
        }
        Content::Logits(logits) => samkit_io::write_logits(path, logits),
        Content::Of(things, form) => write_form(path, things, *form, input, image),
    }
}

fn write_form(
    path: &Path,
    things: &[Instance],
    form: Form,
    input: &InputImage,
    image: &RgbImage,
) -> Result<(), WriteError> {
    let size = Size::from(image.dimensions());
    let masks = || things.iter().filter_map(|thing| thing.mask.as_ref()).collect::<Vec<&Rle>>();
    let mask = |place: usize| things[place].mask.as_ref().expect("it has one");
    match form {
        Form::MaskOverlay => samkit_io::write_rgb(path, &samkit_io::mask_overlay(image, &masks())),
        Form::NumberedOverlay => {
            samkit_io::write_rgb(path, &samkit_io::mask_overlay_with_ids(image, &masks()))
        }
        Form::NamedOverlay => {
            samkit_io::write_rgb(path, &samkit_io::instance_overlay(image, things))
        }
        Form::Labels => samkit_io::write_gray16(path, &samkit_io::label_map(size, &masks())),
        Form::LabelColors => samkit_io::write_rgb(path, &samkit_io::label_colors(size, &masks())),
        Form::Classes => samkit_io::write_gray16(path, &samkit_io::class_map(size, things)),
        Form::Mask(place) => samkit_io::write_gray8(path, &samkit_io::mask_image(mask(place))),
        Form::Cutout(place) => {
            let shown = samkit_io::cutout(image, mask(place)).expect("it has pixels");
            samkit_io::write_rgba(path, &shown)
        }
        Form::Geojson => samkit_io::write_geojson(path, things),
        Form::Labelme => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let image_path = dataset::way(folder, &input.path);
            samkit_io::write_json(path, &samkit_io::labelme(size, things, &image_path))
        }
    }
}
