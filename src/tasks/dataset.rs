//! Boxes and masks as files that other programs read: what every task that finds them can write.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use samkit_io::{
    AnnotatedImages, Categories, InputImage, Instance, Segmentation, WriteError,
    write_class_legend, write_coco_dataset, write_coco_results, write_csv, write_yolo_labels,
    yolo_image_path,
};
use samkit_plugin_host::{Region, RegionView};
use samkit_recipe::ProductInfo;

use super::{Artifact, Content, Form, Things, product};

const LABELS: &str = "labels";
const CLASSES: &str = "classes";
const LABELME: &str = "labelme";
const COCO: &str = "coco";
const RESULTS: &str = "results";
const YOLO: &str = "yolo";
const COCO_POLYGONS: &str = "coco-polygons";
const CSV: &str = "csv";
const PNGS: &str = "pngs";
const CUTOUTS: &str = "cutouts";
const GEOJSON: &str = "geojson";

const MASKS_FOLDER: &str = "masks";
const CUTOUTS_FOLDER: &str = "cutouts";

/// What is made of all images, at least in part.
const PER_RUN: [&str; 6] = [CLASSES, COCO, COCO_POLYGONS, RESULTS, YOLO, CSV];

/// What a task that finds masks, or boxes, can write beside its own results.
pub(super) fn products(has_masks: bool) -> Vec<ProductInfo> {
    let mut products = Vec::new();
    if has_masks {
        let about = "the number of the mask at every pixel, 16 bits; beside it labels.color.png";
        products.push(product(LABELS, "labels.png", false, about));
        let about = "the number of the class at every pixel, 16 bits; classes.csv has the names";
        products.push(product(CLASSES, "classes.png", false, about));
    }
    if has_masks {
        let about = "a black and white picture for every mask";
        products.push(product(PNGS, &format!("{MASKS_FOLDER}/NNN.png"), false, about));
        let about = "what every mask shows, the rest transparent";
        products.push(product(CUTOUTS, &format!("{CUTOUTS_FOLDER}/NNN.png"), false, about));
    }
    products.push(product(GEOJSON, "geojson", false, "polygons in pixels, for maps and shapely"));
    products.push(product(LABELME, "labelme.json", false, "polygons or rectangles for labelme"));
    let per_run = |name: &str, file: &str, about: &str| ProductInfo {
        per_run: true,
        ..product(name, file, false, about)
    };
    products.push(per_run(COCO, "coco.json", "all images as one COCO data set"));
    if has_masks {
        let about = "the same with polygons in place of run-length codes";
        products.push(per_run(COCO_POLYGONS, "coco-polygons.json", about));
    }
    products.push(per_run(RESULTS, "results.json", "all images as COCO results"));
    products.push(per_run(CSV, "objects.csv", "all images as a table, a line an object"));
    products.push(per_run(YOLO, "yolo", "all images as a folder that YOLO's tools train on"));
    products
}

/// The files of one image.
pub(super) fn artifacts(things: &Things, wants: impl Fn(&str) -> bool) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    let mut add = |suffix: &str, form| {
        let content = Content::Of(things.clone(), form);
        artifacts.push(Artifact { suffix: suffix.into(), content });
    };
    if wants(LABELS) {
        add("labels.png", Form::Labels);
        add("labels.color.png", Form::LabelColors);
    }
    if wants(CLASSES) {
        add("classes.png", Form::Classes);
    }
    let masks = things.iter().enumerate();
    let masks = masks.filter_map(|(place, thing)| Some((place, thing.mask.as_ref()?)));
    for (number, (place, mask)) in masks.enumerate() {
        if wants(PNGS) {
            add(&numbered(MASKS_FOLDER, number), Form::Mask(place));
        }
        // An empty mask shows nothing, and a picture has to have pixels.
        if wants(CUTOUTS) && mask.area() > 0 {
            add(&numbered(CUTOUTS_FOLDER, number), Form::Cutout(place));
        }
    }
    if wants(GEOJSON) {
        add("geojson", Form::Geojson);
    }
    if wants(LABELME) {
        add("labelme.json", Form::Labelme);
    }
    artifacts
}

/// The picture of the mask at this place; its number is its pixels' value in the label map.
fn numbered(folder: &str, index: usize) -> String {
    format!("{folder}/{:03}.png", index + 1)
}

/// Folders of numbered pictures that belong to an image, as what follows its stem.
pub(crate) fn folders(save: &[String]) -> impl Iterator<Item = &'static str> {
    let is_saved = |name: &str| save.iter().any(|saved| saved == name);
    let folders = [(PNGS, MASKS_FOLDER), (CUTOUTS, CUTOUTS_FOLDER)];
    folders.into_iter().filter(move |(name, _)| is_saved(name)).map(|(_, folder)| folder)
}

/// That a class cannot be seen in the map of classes.
pub(crate) fn class_zero(save: &[String], instances: &[Instance]) -> Option<String> {
    let zero =
        instances.iter().find(|thing| thing.mask.is_some() && thing.category_id == Some(0))?;
    let is_saved = save.iter().any(|name| name == CLASSES);
    is_saved.then(|| {
        format!(
            "`{}` is class 0, which classes.png has for nothing: use the maps of `labels`, or number \
             classes from 1",
            zero.label
        )
    })
}

/// Whether the images themselves are copied.
pub(crate) fn copies_images(save: &[String]) -> bool {
    save.iter().any(|name| name == YOLO)
}

/// Where an image is copied to.
pub(crate) fn copy_path(folder: &Path, stem: &Path, source: &Path) -> PathBuf {
    folder.join("yolo").join(yolo_image_path(stem, source))
}

/// Whether any of these products is made of all images.
pub(crate) fn is_per_run(save: &[String]) -> bool {
    save.iter().any(|name| PER_RUN.contains(&name.as_str()))
}

/// Writes what is made of all images, and returns the files' names below `folder`.
///
/// # Errors
/// When the images cannot be had, or a file cannot be written.
pub(crate) fn write(
    folder: &Path,
    save: &[String],
    images: &dyn AnnotatedImages,
) -> Result<Vec<String>, WriteError> {
    let categories = Categories::of(images).map_err(|source| WriteError::file(folder, source))?;
    let mut written = Vec::new();
    for name in save {
        let file = match name.as_str() {
            CLASSES => "classes.csv",
            COCO => "coco.json",
            COCO_POLYGONS => "coco-polygons.json",
            RESULTS => "results.json",
            CSV => "objects.csv",
            YOLO => "yolo/data.yaml",
            _ => continue,
        };
        let path = folder.join(file);
        match name.as_str() {
            CLASSES => write_class_legend(&path, &categories)?,
            COCO => write_coco_dataset(&path, images, &categories, Segmentation::Rle)?,
            COCO_POLYGONS => {
                write_coco_dataset(&path, images, &categories, Segmentation::Polygons)?;
            }
            RESULTS => write_coco_results(&path, images, &categories)?,
            CSV => write_csv(&path, images, &categories)?,
            _ => _ = write_yolo_labels(&folder.join("yolo"), images, &categories)?,
        }
        written.push(file.to_owned());
    }
    Ok(written)
}

/// The numbers of images: those that their names are, as COCO has it (`000000000139.jpg`), where every
/// name is a different one; else 1, 2, … in their order.
pub(crate) fn image_ids(images: &[InputImage]) -> Vec<u64> {
    let number = |image: &InputImage| {
        let stem = image.path.file_stem()?.to_str()?;
        stem.bytes().all(|byte| byte.is_ascii_digit()).then(|| stem.parse::<u64>().ok())?
    };
    let own: Option<Vec<u64>> = images.iter().map(number).collect();
    let is_unique = |ids: &Vec<u64>| ids.iter().collect::<HashSet<_>>().len() == ids.len();
    own.filter(is_unique).unwrap_or_else(|| (1..=images.len() as u64).collect())
}

/// The way from a folder to a file, with `/`: through the folders that they share, where the file
/// system knows both.
pub(crate) fn way(folder: &Path, file: &Path) -> String {
    // The folder may not be there yet, but one above it is.
    let there = folder.ancestors().find_map(|above| {
        let real = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let rest = folder.strip_prefix(above).ok()?;
        Some(real.canonicalize().ok()?.join(rest))
    });
    let (Some(folder), Ok(file)) = (there, file.canonicalize()) else {
        return file.display().to_string();
    };
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".into());
    let down =
        file.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<String>>().join("/")
}

/// What plugins call the number of a class.
pub(super) const CATEGORY_ID: &str = "category_id";

/// A box or mask of a plugin.
pub(super) fn of_view(region: RegionView<'_>) -> Instance {
    of_region(region.to_region())
}

pub(super) fn of_region(region: Region) -> Instance {
    let id = region.values.iter().find(|(name, _)| name == CATEGORY_ID).map(|(_, id)| *id);
    let is_number = |id: &f64| id.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(id);
    Instance {
        bbox: region.bbox,
        label: region.label,
        category_id: id.filter(is_number).map(|id| id as u32),
        score: region.score,
        mask: region.mask,
    }
}
