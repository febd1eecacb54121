//! Objects from files that lie with the photographs.

use std::{collections::HashMap, env, error::Error, fs, path::Path};

use image::RgbImage;
use samkit_core::{Mask, Rle, Size};
use samkit_io::Instance;
use serde_json::Value;

use crate::regions;

/// What is known of the images of a folder, by file name.
#[derive(Default)]
pub(crate) struct Annotations {
    objects: HashMap<String, Vec<(String, Value)>>,
}

impl Annotations {
    /// Reads the first JSON file in `annotations` beside the folder, if there is one.
    pub(crate) fn beside(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut all = Self::default();
        let folder = folder.join("../annotations");
        let Some(file) = fs::read_dir(folder).ok().and_then(|mut files| files.next()) else {
            return Ok(all);
        };
        let file: Value = serde_json::from_slice(&fs::read(file?.path())?)?;
        let named = |list: &str, name: &str| -> HashMap<u64, String> {
            let list = file[list].as_array().into_iter().flatten();
            list.filter_map(|one| Some((one["id"].as_u64()?, one[name].as_str()?.into()))).collect()
        };
        let (images, categories) = (named("images", "file_name"), named("categories", "name"));
        for object in file["annotations"].as_array().into_iter().flatten() {
            let number = |name: &str| object[name].as_u64().unwrap_or(0);
            let label = categories.get(&number("category_id")).cloned().unwrap_or_default();
            let name = images.get(&number("image_id")).cloned().unwrap_or_default();
            all.objects.entry(name).or_default().push((label, object["segmentation"].clone()));
        }
        Ok(all)
    }

    pub(crate) fn of(&self, path: &Path, photo: &RgbImage) -> Vec<Instance> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(objects) = self.objects.get(&*name) {
            let size = Size::from(photo.dimensions());
            let masks = objects.iter().filter_map(|(label, shape)| Some((label, polygons(shape)?)));
            return masks
                .enumerate()
                .map(|(number, (label, polygons))| Instance {
                    label: label.clone(),
                    ..instance(filled(&polygons, size), 0.98 - 0.03 * (number % 20) as f32)
                })
                .collect();
        }
        automatic(path).unwrap_or_else(|| regions::of(photo))
    }
}

/// Masks of the reference's generator.
fn automatic(path: &Path) -> Option<Vec<Instance>> {
    let folder = env::var_os("SAMKIT_GALLERY_MASKS")?;
    let name = format!("{}.amg32.json", path.file_stem()?.to_string_lossy());
    let file: Value =
        serde_json::from_slice(&fs::read(Path::new(&folder).join(name)).ok()?).ok()?;
    let mask = |record: &Value| {
        let shape = &record["segmentation"];
        let side = |index: usize| shape["size"][index].as_u64().map(|side| side as u32);
        let mask =
            Rle::from_counts_string(Size::new(side(1)?, side(0)?), shape["counts"].as_str()?);
        Some(instance(mask.ok()?, record["predicted_iou"].as_f64()? as f32))
    };
    file["masks"].as_array()?.iter().map(mask).collect()
}

pub(crate) fn instance(mask: Rle, score: f32) -> Instance {
    let (label, score) = (String::new(), Some(score));
    Instance { bbox: mask.bbox(), label, category_id: None, score, mask: Some(mask) }
}

/// COCO's polygons: x and y in turn. Crowds have none.
fn polygons(shape: &Value) -> Option<Vec<Vec<f32>>> {
    let numbers = |part: &Value| -> Option<Vec<f32>> {
        part.as_array()?.iter().map(|number| Some(number.as_f64()? as f32)).collect()
    };
    shape.as_array()?.iter().map(numbers).collect()
}

/// Pixels whose centre is in an odd number of polygons.
fn filled(polygons: &[Vec<f32>], size: Size) -> Rle {
    let mut mask = Mask::empty(size);
    for y in 0..size.height {
        let middle = y as f32 + 0.5;
        let row = mask.row_mut(y);
        for polygon in polygons {
            let points = polygon.chunks_exact(2).map(|point| (point[0], point[1]));
            let next = points.clone().cycle().skip(1);
            let mut crossings: Vec<f32> = points
                .zip(next)
                .filter(|(a, b)| (a.1 > middle) != (b.1 > middle))
                .map(|(a, b)| a.0 + (middle - a.1) / (b.1 - a.1) * (b.0 - a.0))
                .collect();
            crossings.sort_by(f32::total_cmp);
            for span in crossings.chunks_exact(2) {
                let column = |x: f32| (x.round().max(0.0) as usize).min(size.width as usize);
                row[column(span[0])..column(span[1])].iter_mut().for_each(|pixel| *pixel ^= true);
            }
        }
    }
    Rle::from_mask(&mask)
}
