//! labelme's JSON, a file an image.

use samkit_core::{Point, Size, outlines, simplified};
use serde_json::{Value, json};

use super::{Instance, POLYGON_TOLERANCE, categories::name, number::Thousandths};

/// The version of the format that is written.
const VERSION: &str = "5.5.0";

/// The things of an image as polygons, or rectangles where they have no mask. `image_path` leads from
/// the JSON file's folder to the image. Parts of one thing share a `group_id`; the format has no
/// holes, so they are filled.
pub fn labelme(size: Size, instances: &[Instance], image_path: &str) -> Value {
    let mut shapes = Vec::new();
    for (group, thing) in instances.iter().enumerate() {
        let parts = parts(thing);
        let group = (parts.len() > 1).then_some(group + 1);
        for points in parts {
            let kind = if thing.mask.is_some() { "polygon" } else { "rectangle" };
            shapes.push(json!({
                "label": name(thing),
                "points": points,
                "group_id": group,
                "description": thing.score.map_or(String::new(), |score| format!("score {score:.4}")),
                "shape_type": kind,
                "flags": {},
                "mask": null,
            }));
        }
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

/// The corners of every part.
fn parts(thing: &Instance) -> Vec<Vec<[Thousandths; 2]>> {
    let points =
        |points: &[Point]| points.iter().map(|p| [Thousandths(p.x), Thousandths(p.y)]).collect();
    let Some(mask) = &thing.mask else {
        let bbox = thing.bbox;
        return vec![points(&[Point::new(bbox.x0, bbox.y0), Point::new(bbox.x1, bbox.y1)])];
    };
    let is_part = |outline: &&Vec<Point>| {
        let next = outline.iter().cycle().skip(1);
        // Parts run clockwise on the screen, holes the other way.
        outline.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f32>() > 0.0
    };
    let outlines = outlines(mask);
    let parts = outlines.iter().filter(is_part);
    parts.map(|outline| points(&simplified(outline, POLYGON_TOLERANCE))).collect()
}
