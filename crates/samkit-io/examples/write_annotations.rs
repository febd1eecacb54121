//! Writes every annotation format for masks that are hard to write, or for those of photographs:
//!
//!   cargo run -p samkit-io --example write_annotations -- FOLDER [IMAGE MASKS.json]…
//!
//! `tests/reference/read_back.py FOLDER` reads them with the tools that they are for.

use std::{error::Error, path::Path};

use image::{Rgb, RgbImage};
use samkit_core::{BBox, LOW_RES_SIDE, LowResLogits, Rle, Size};
use samkit_io::{
    AnnotatedImage, Categories, Instance, ReadLimits, Segmentation, class_map, cutout,
    label_colors, label_map, labelme, labelme_masks, mask_image, mask_overlay,
    mask_overlay_with_ids, read_image, read_masks, write_class_legend, write_coco_dataset,
    write_coco_results, write_csv, write_geojson, write_gray8, write_gray16, write_json,
    write_logits_npz, write_rgb, write_rgba, write_yolo_labels, yolo_image_path,
};

#[path = "../tests/common/shapes.rs"]
mod shapes;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, given) = arguments.split_first().ok_or("expected: FOLDER [IMAGE MASKS.json]…")?;
    let folder = Path::new(folder);
    let images = match given {
        [] => shapes::images(&folder.join("input")),
        _ => given.chunks_exact(2).zip(1..).map(photograph).collect::<Result<_, _>>()?,
    };
    for image in &images {
        let picture = if given.is_empty() { gradient(image.size) } else { picture(&image.path)? };
        write_rgb(&folder.join("input").join(image.stem.with_extension("png")), &picture)?;
        write_rgb(
            &folder.join("yolo").join(yolo_image_path(&image.stem, "a.png".as_ref())),
            &picture,
        )?;
        write_one(folder, image, &picture)?;
    }
    let categories = Categories::of(&images)?;
    let coco = |name: &str, segmentation| {
        write_coco_dataset(&folder.join(name), &images, &categories, segmentation)
    };
    coco("coco.json", Segmentation::Rle)?;
    coco("coco.polygons.json", Segmentation::Polygons)?;
    write_coco_results(&folder.join("results.json"), &images, &categories)?;
    write_yolo_labels(&folder.join("yolo"), &images, &categories)?;
    write_csv(&folder.join("objects.csv"), &images, &categories)?;
    write_class_legend(&folder.join("classes.csv"), &categories)?;
    Ok(())
}

/// The files of one image.
fn write_one(
    folder: &Path,
    image: &AnnotatedImage,
    picture: &RgbImage,
) -> Result<(), Box<dyn Error>> {
    let file = |suffix: &str| {
        let mut name = image.stem.as_os_str().to_owned();
        name.push(format!(".{suffix}"));
        folder.join(name)
    };
    let masks: Vec<&Rle> = image.instances.iter().filter_map(|thing| thing.mask.as_ref()).collect();
    write_gray16(&file("labels.png"), &label_map(image.size, &masks))?;
    write_gray16(&file("classes.png"), &class_map(image.size, &image.instances))?;
    write_rgb(&file("colors.png"), &label_colors(image.size, &masks))?;
    write_rgb(&file("overlay.png"), &mask_overlay(picture, &masks))?;
    write_rgb(&file("overlay-ids.png"), &mask_overlay_with_ids(picture, &masks))?;
    write_geojson(&file("geojson"), &image.instances)?;
    let up = "../".repeat(image.stem.components().count() - 1);
    let source = format!("{up}input/{}.png", image.stem.display());
    write_json(&file("labelme.json"), &labelme(image.size, &image.instances, &source))?;
    write_json(&file("labelme-masks.json"), &labelme_masks(image.size, &image.instances, &source))?;
    for (number, mask) in (1..).zip(&masks) {
        write_gray8(&file(&format!("mask-{number:03}.png")), &mask_image(mask))?;
        if let Some(cutout) = cutout(picture, mask) {
            write_rgba(&file(&format!("cutout-{number:03}.png")), &cutout)?;
        }
    }
    let logits: Option<Vec<_>> = (1..=masks.len())
        .map(|number| LowResLogits::new(vec![number as f32; LOW_RES_SIDE * LOW_RES_SIDE]))
        .collect();
    let boxes: Vec<BBox> = masks.iter().map(|mask| mask.bbox()).collect();
    let scores: Vec<f32> = (1..=masks.len()).map(|number| 1.0 / number as f32).collect();
    write_logits_npz(&file("logits.npz"), &logits.unwrap_or_default(), &boxes, &scores)?;
    Ok(())
}

/// A photograph with masks that were found in it.
fn photograph((pair, id): (&[String], u64)) -> Result<AnnotatedImage, Box<dyn Error>> {
    let path = Path::new(&pair[0]);
    let instance = |record: samkit_core::MaskRecord| Instance {
        bbox: record.segmentation.bbox(),
        label: "object".to_owned(),
        category_id: None,
        score: Some(record.predicted_iou),
        mask: Some(record.segmentation),
    };
    let stem = path.file_stem().ok_or("the image has no name")?.into();
    Ok(AnnotatedImage {
        id,
        file_name: Path::new(&stem).with_extension("png").display().to_string(),
        path: path.into(),
        stem,
        size: picture(path)?.dimensions().into(),
        instances: read_masks(Path::new(&pair[1]))?.into_iter().map(instance).collect(),
    })
}

fn picture(path: &Path) -> Result<RgbImage, Box<dyn Error>> {
    Ok(read_image(path, &ReadLimits::default())?.image)
}

fn gradient(size: Size) -> RgbImage {
    RgbImage::from_fn(size.width, size.height, |x, y| Rgb([x as u8, 2 * y as u8, 128]))
}
