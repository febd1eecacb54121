//! COCO's two JSON formats (<https://cocodataset.org/#format-data>).

use serde_json::{Value, json};

use super::{AnnotatedImage, Categories, Instance, rounded};

/// A data set: images, annotations and categories. Masks are run-length codes, as pycocotools writes
/// them; things without a mask have the box only.
pub fn coco_dataset(images: &[AnnotatedImage]) -> Value {
    let categories = Categories::of(images);
    let mut annotations = Vec::new();
    for image in images {
        for thing in &image.instances {
            let area = match &thing.mask {
                Some(mask) => json!(mask.area()),
                None => json!(rounded(thing.bbox.area())),
            };
            let mut annotation = json!({
                "id": annotations.len() + 1,
                "image_id": image.id,
                "category_id": categories.id(thing),
                "bbox": thing.bbox.to_xywh().map(rounded),
                "area": area,
                "iscrowd": 0,
            });
            annotation["segmentation"] = segmentation(thing).unwrap_or_else(|| json!([]));
            if let Some(score) = thing.score {
                annotation["score"] = json!(score_value(score));
            }
            annotations.push(annotation);
        }
    }
    let image = |image: &AnnotatedImage| {
        json!({
            "id": image.id,
            "file_name": image.file_name,
            "width": image.size.width,
            "height": image.size.height,
        })
    };
    let category = |(id, name): (u32, &str)| json!({ "id": id, "name": name, "supercategory": "" });
    json!({
        "info": { "description": "made with samkit" },
        "licenses": [],
        "images": images.iter().map(image).collect::<Vec<_>>(),
        "annotations": annotations,
        "categories": categories.sorted().into_iter().map(category).collect::<Vec<_>>(),
    })
}

/// Results, as COCO's evaluation reads them. A thing without a score counts as certain.
pub fn coco_results(images: &[AnnotatedImage]) -> Value {
    let categories = Categories::of(images);
    let things =
        images.iter().flat_map(|image| image.instances.iter().map(move |thing| (image, thing)));
    let result = |(image, thing): (&AnnotatedImage, &Instance)| {
        let mut result = json!({
            "image_id": image.id,
            "category_id": categories.id(thing),
            "bbox": thing.bbox.to_xywh().map(rounded),
            "score": score_value(thing.score.unwrap_or(1.0)),
        });
        if let Some(segmentation) = segmentation(thing) {
            result["segmentation"] = segmentation;
        }
        result
    };
    things.map(result).collect()
}

fn segmentation(thing: &Instance) -> Option<Value> {
    let mask = thing.mask.as_ref()?;
    let size = [mask.size().height, mask.size().width];
    Some(json!({ "size": size, "counts": mask.counts_string() }))
}

/// The shortest decimal that is this number as `f32`.
fn score_value(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
}
