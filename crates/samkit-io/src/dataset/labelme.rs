//! labelme's JSON, a file an image.

use base64::{Engine, prelude::BASE64_STANDARD};
use samkit_core::{Point, Rle, Size, polygons};
use serde_json::{Value, json};

use super::{Instance, categories::name, mask_image, number::Thousandths};
use crate::write::png_bytes;

/// The version of the format that is written.
const VERSION: &str = "5.5.0";

/// How far a polygon may lie from the mask's outline, in pixels. Larger than in data sets: who opens
/// labelme wants to move corners by hand, and half as many are left.
const TOLERANCE: f32 = 1.0;

/// The things of an image as polygons, or rectangles where they have no mask. `image_path` leads from
/// the JSON file's folder to the image. Parts of one thing share a `group_id`. A hole is joined to its
/// part by a bridge, and stays a hole where polygons are filled by the even-odd rule, as labelme does.
pub fn labelme(size: Size, instances: &[Instance], image_path: &str) -> Value {
    file(size, instances, image_path, |mask| {
        let polygons = polygons(mask, TOLERANCE);
        polygons.iter().map(|points| ("polygon", corners(points), Value::Null)).collect()
    })
}

/// The same with masks as labelme's shape `mask` (in version 5), which is exact, but has no corners to
/// move: a box of whole pixels, and a PNG of what is inside.
pub fn labelme_masks(size: Size, instances: &[Instance], image_path: &str) -> Value {
    file(size, instances, image_path, |mask| {
        let bbox = mask.inclusive_bbox();
        let (left, top) = (bbox.x0 as u32, bbox.y0 as u32);
        let (width, height) = ((bbox.x1 - bbox.x0) as u32 + 1, (bbox.y1 - bbox.y0) as u32 + 1);
        let inside =
            image::imageops::crop_imm(&mask_image(mask), left, top, width, height).to_image();
        let picture = BASE64_STANDARD.encode(png_bytes(&inside));
        // Both corners are pixels of the mask.
        let points = [Point::new(bbox.x0, bbox.y0), Point::new(bbox.x1, bbox.y1)];
        vec![("mask", corners(&points), picture.into())]
    })
}

/// Kind, points and picture of a shape.
type Shape = (&'static str, Vec<[Thousandths; 2]>, Value);

fn file(
    size: Size,
    instances: &[Instance],
    image_path: &str,
    shapes_of: impl Fn(&Rle) -> Vec<Shape>,
) -> Value {
    let mut shapes = Vec::new();
    for (index, thing) in instances.iter().enumerate() {
        let parts = match thing.mask.as_ref().filter(|mask| mask.area() > 0) {
            Some(mask) => shapes_of(mask),
            None => vec![rectangle(thing)],
        };
        let group = (parts.len() > 1).then_some(index + 1);
        shapes.extend(parts.into_iter().map(|(kind, points, picture)| {
            json!({
                "label": name(thing),
                "points": points,
                "group_id": group,
                "description": thing.score.map_or(String::new(), |score| format!("score {score:.4}")),
                "shape_type": kind,
                "flags": {},
                "mask": picture,
            })
        }));
    }
    json!({
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": null,
        "imageHeight": size.height,
        "imageWidth": size.width,
    })
}

fn rectangle(thing: &Instance) -> Shape {
    let bbox = thing.bbox;
    let points = [Point::new(bbox.x0, bbox.y0), Point::new(bbox.x1, bbox.y1)];
    ("rectangle", corners(&points), Value::Null)
}

fn corners(points: &[Point]) -> Vec<[Thousandths; 2]> {
    points.iter().map(|point| [point.x, point.y].map(Thousandths)).collect()
}
