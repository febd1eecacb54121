//! Annotations with masks: what each format gives, what is left out and said, and what is refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use miette::Diagnostic;
use samkit_core::{BBox, Mask, MaskRecord, Point, Rle, Size};
use samkit_io::{
    AnnotatedImage, AnnotationFormat, AnnotationOptions, Annotations, Gray16Image, Instance,
    ReadLimits, TargetFormat, label_map, labelme, losses, read_class_names, write_gray8,
    write_gray16, write_json, write_masks, write_rgb,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const SIZE: Size = Size::new(40, 30);

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn picture(path: &Path, size: Size) {
    write_rgb(path, &RgbImage::new(size.width, size.height)).unwrap();
}

fn read(path: &Path) -> Annotations {
    Annotations::read(path, &AnnotationOptions::default()).unwrap()
}

fn with_images(path: &Path, images: &Path) -> Annotations {
    let options = AnnotationOptions { images: Some(images.into()), ..Default::default() };
    Annotations::read(path, &options).unwrap()
}

/// Reads one JSON file of this name.
fn read_json(name: &str, content: &Value) -> Annotations {
    read(&folder(&[(name, &content.to_string())]).path().join(name))
}

fn error_of(name: &str, text: &str) -> String {
    let base = folder(&[(name, text)]);
    let error =
        Annotations::read(&base.path().join(name), &AnnotationOptions::default()).unwrap_err();
    assert!(error.help().is_some(), "{error} has no hint");
    error.to_string().replace(&format!("{}/", base.path().display()), "")
}

/// Notes without the folder for temporary files.
fn notes(found: &Annotations) -> Vec<String> {
    let short = |note: &String| {
        let parts: Vec<_> = note.split('`').collect();
        let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
        let parts = parts.iter().enumerate().map(|(n, text)| match n {
            0 => text.rsplit('/').next().unwrap_or_default().to_owned(),
            n if n % 2 == 1 && text.starts_with('/') => name(text),
            _ => (*text).to_owned(),
        });
        parts.collect::<Vec<_>>().join("`")
    };
    found.notes.iter().map(short).collect()
}

fn rectangle(x0: u32, y0: u32, x1: u32, y1: u32) -> Rle {
    Rle::from_mask(&Mask::from_fn(SIZE, |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y)))
}

fn thing(label: &str, id: Option<u32>, mask: Rle) -> Instance {
    Instance {
        bbox: mask.bbox(),
        label: label.into(),
        category_id: id,
        score: None,
        mask: Some(mask),
    }
}

fn image_of(instances: Vec<Instance>) -> AnnotatedImage {
    AnnotatedImage {
        id: 1,
        file_name: "a.png".into(),
        path: "a.png".into(),
        stem: "a".into(),
        size: SIZE,
        instances,
    }
}

fn masks(found: &Annotations) -> Vec<Rle> {
    found.images[0].instances.iter().map(|thing| thing.mask.clone().expect("a mask")).collect()
}

fn coco(annotations: Value) -> Value {
    json!({
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 30}],
        "categories": [{"id": 3, "name": "heron"}, {"id": 5, "name": "egret"}],
        "annotations": annotations,
    })
}

// COCO.

#[test]
fn coco_has_polygons_and_codes_of_two_kinds() {
    let mask = rectangle(4, 5, 20, 15);
    let found = read_json(
        "coco.json",
        &coco(json!([
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [4, 5, 16, 10],
             "segmentation": [[4, 5, 20, 5, 20, 15, 4, 15]]},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [4, 5, 16, 10],
             "segmentation": {"size": [30, 40], "counts": mask.counts_string()}},
            {"id": 3, "image_id": 7, "category_id": 5,
             "segmentation": {"size": [30, 40], "counts": mask.counts()}},
            {"id": 4, "image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4], "segmentation": []},
            {"id": 5, "image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4], "segmentation": null},
            {"id": 6, "image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4],
             "segmentation": [4, 5, 20, 5, 20, 15, 4, 15]},
        ])),
    );
    assert_eq!(found.format, AnnotationFormat::Coco);
    let image = &found.images[0];
    assert_eq!((image.id, image.file_name.as_str(), image.size), (7, "a.png", SIZE));
    assert_eq!(image.stem, PathBuf::from("a"));
    let things: Vec<_> = image.instances.iter().map(|thing| thing.mask.as_ref()).collect();
    assert_eq!(things, [Some(&mask), Some(&mask), Some(&mask), None, None, Some(&mask)]);
    // Where the file has no box it is the mask's.
    assert_eq!(image.instances[2].bbox, BBox::new(4.0, 5.0, 20.0, 15.0));
    assert_eq!(image.instances[2].label, "egret");
    assert_eq!(image.instances[5].bbox, BBox::new(1.0, 2.0, 4.0, 6.0));
    assert_eq!(found.notes, [""; 0]);
    assert_eq!(
        found.classes.into_iter().collect::<Vec<_>>(),
        [(3, "heron".into()), (5, "egret".into())]
    );
}

#[test]
fn coco_polygons_of_one_thing_are_united() {
    let polygons =
        [vec![[2.0, 2.0], [10.5, 2.0], [10.5, 9.25]], vec![[8.0, 1.0], [30.0, 12.0], [9.0, 28.5]]];
    let flat: Vec<Vec<f64>> = polygons.iter().map(|polygon| polygon.concat()).collect();
    let annotation = json!({"image_id": 7, "category_id": 3, "segmentation": flat});
    let found = read_json("coco.json", &coco(json!([annotation])));
    assert_eq!(masks(&found), [Rle::from_polygons(SIZE, &polygons)]);
}

#[test]
fn damaged_masks_of_coco_are_counted_and_their_boxes_stay() {
    let with = |segmentation: Value| json!({"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": segmentation});
    let found = read_json(
        "coco.json",
        &coco(json!([
            with(json!({"size": [30, 40], "counts": "not a code"})),
            with(json!({"size": [30, 40], "counts": [1, 2, 3]})),
            with(json!({"size": [30, 40], "counts": [-5, 1205]})),
            with(json!({"size": [4_000_000_000u64, 4_000_000_000u64], "counts": [1]})),
            with(json!({"size": [3, 2], "counts": [6]})),
            with(json!([[1, 2, 3]])),
            with(json!([[5, 5, 5, 5, 5, 5]])),
            {"image_id": 7, "category_id": 3},
            {"image_id": 7, "category_id": 3, "segmentation": {"size": [30, 40], "counts": [1200]}},
            {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 1,
             "segmentation": {"size": [30, 40], "counts": [1200]}},
        ])),
    );
    assert_eq!(found.images[0].instances.len(), 7);
    assert!(found.images[0].instances.iter().all(|thing| thing.mask.is_none()));
    let notes = notes(&found);
    let has = |wanted: &str| assert!(notes.iter().any(|note| note.contains(wanted)), "{notes:#?}");
    has("coco.json: crowds (`iscrowd`) left out (1)");
    has(
        "masks that cannot be used (6): `coco.json`, annotation 1: run-length string has 't' at byte 2",
    );
    has("annotation 2: runs add up to 6 pixels, expected 1200");
    has("annotation 3: a run that is no whole number from 0 up; and 3 more");
    has("masks without a pixel left out (2): `coco.json`, annotation 7");
    has(
        "things without a usable box or mask left out (2): `coco.json`, annotation 9: it has no box",
    );
}

#[test]
fn results_take_sizes_from_their_masks_and_names_from_a_data_set() {
    let mask = rectangle(4, 5, 20, 15);
    let results = json!([{"image_id": 7, "category_id": 3, "score": 0.5,
        "segmentation": {"size": [30, 40], "counts": mask.counts_string()}}]);
    let alone = read_json("results.json", &results);
    assert_eq!(alone.format, AnnotationFormat::CocoResults);
    let image = &alone.images[0];
    assert_eq!((image.id, image.file_name.as_str(), image.size), (7, "7", SIZE));
    assert_eq!(
        (image.instances[0].label.as_str(), image.instances[0].score),
        ("class 3", Some(0.5))
    );

    let base = folder(&[
        ("results.json", &results.to_string()),
        ("coco.json", &coco(json!([])).to_string()),
    ]);
    let data_set = Some(base.path().join("coco.json"));
    let options = AnnotationOptions { data_set, ..Default::default() };
    let found = Annotations::read(&base.path().join("results.json"), &options).unwrap();
    assert_eq!(found.images[0].file_name, "a.png");
    assert_eq!(found.images[0].instances[0].label, "heron");
}

// YOLO.

#[test]
fn a_yolo_folder_has_boxes_and_polygons_of_its_images() {
    let base = folder(&[
        ("data.yaml", "names: [heron, egret, owl]"),
        ("labels/train/a.txt", "1 0.1 0.2 0.5 0.2 0.5 0.5 0.1 0.5\n0 0.5 0.5 0.5 0.5 0.75\n"),
        ("labels/train/lost.txt", "0 0.5 0.5 0.5 0.5\n"),
    ]);
    picture(&base.path().join("images/train/a.png"), SIZE);
    picture(&base.path().join("images/train/empty.png"), SIZE);
    for path in [base.path().to_path_buf(), base.path().join("labels")] {
        let found = read(&path);
        assert_eq!(found.format, AnnotationFormat::Yolo);
        let names: Vec<_> = found.images.iter().map(|image| image.file_name.as_str()).collect();
        assert_eq!(names, ["train/a.png", "train/empty.png"]);
        let things = &found.images[0].instances;
        assert_eq!(things[0].mask, Some(rectangle(4, 6, 20, 15)));
        assert_eq!((things[0].label.as_str(), things[0].category_id), ("egret", Some(1)));
        assert_eq!(things[1].mask, None);
        assert_eq!(things[1].bbox, BBox::new(10.0, 7.5, 30.0, 22.5));
        assert_eq!(things[1].score, Some(0.75));
        assert!(found.images[1].instances.is_empty());
        // Also the class that nothing is of.
        assert_eq!(found.classes[&2], "owl");
        assert!(found.notes[0].contains("none of the images left out (1)"), "{:?}", found.notes);
    }
}

#[test]
fn yolo_without_images_has_no_sizes() {
    let error = error_of("labels/a.txt", "0 0.5 0.5 0.5 0.5\n");
    assert!(error.contains("does not say how large its images are"), "{error}");
}

#[test]
fn sizes_are_those_of_the_upright_image() {
    let base = folder(&[("a.txt", "0 0.5 0.5 1 1\n")]);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/exif-6.jpg");
    fs::copy(&fixture, base.path().join("a.jpg")).unwrap();
    let upright = samkit_io::read_image(&fixture, &ReadLimits::default()).unwrap().image;
    assert_eq!(read(&base.path().join("a.txt")).images[0].size, upright.dimensions().into());
}

// labelme.

fn labelme_file(shapes: Value) -> Value {
    json!({"version": "5.5.0", "shapes": shapes, "imagePath": "a.png", "imageData": null,
           "imageHeight": 30, "imageWidth": 40})
}

#[test]
fn labelme_has_polygons_rectangles_circles_and_groups() {
    let found = read_json(
        "a.json",
        &labelme_file(json!([
            {"label": "part", "points": [[1, 1], [5, 1], [5, 4], [1, 4]], "shape_type": "polygon", "group_id": 1},
            {"label": "part", "points": [[10, 10], [12, 13]], "shape_type": "rectangle", "group_id": 1},
            {"label": "box", "points": [[20, 25], [10, 5]], "shape_type": "rectangle", "group_id": null,
             "description": "score 0.25"},
            {"label": "disc", "points": [[20, 15], [20, 5]], "shape_type": "circle", "group_id": null},
            {"label": "line", "points": [[20, 15], [20, 5]], "shape_type": "line", "group_id": null},
            {"label": "way", "points": [[20, 15], [20, 5]], "shape_type": "linestrip"},
            {"label": "dot", "points": [[20, 15]], "shape_type": "point", "group_id": null},
        ])),
    );
    let things = &found.images[0].instances;
    let labels: Vec<_> = things.iter().map(|thing| thing.label.as_str()).collect();
    assert_eq!(labels, ["part", "box", "disc"]);
    let parts = Rle::united(SIZE, [rectangle(1, 1, 5, 4), rectangle(10, 10, 12, 13)]);
    assert_eq!(things[0].mask.as_ref(), Some(&parts));
    assert_eq!(things[0].bbox, BBox::new(1.0, 1.0, 12.0, 13.0));
    assert_eq!((things[1].mask.as_ref(), things[1].score), (None, Some(0.25)));
    assert_eq!(things[1].bbox, BBox::new(10.0, 5.0, 20.0, 25.0));
    let area = things[2].mask.as_ref().unwrap().area() as f32;
    assert!((area / (100.0 * std::f32::consts::PI) - 1.0).abs() < 0.03, "{area}");
    assert_eq!(notes(&found), ["a.json: shapes without an area (lines, points) left out (3)"]);
}

/// Base 64 of a PNG of 3×2 grey pixels, as labelme's tools for masks write it:
/// `base64.b64encode` of what Pillow saves for [[1, 0, 1], [0, 1, 1]].
const MASK: &str = "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEElEQVR4nGNgZGBkZGBkAAAAGgAFe9EfAQAAAABJRU5ErkJggg==";

#[test]
fn labelme_has_masks_as_pictures() {
    let shape = |points: Value, mask: Value| json!({"label": "m", "points": points, "shape_type": "mask", "mask": mask});
    let found = read_json(
        "a.json",
        &labelme_file(json!([
            shape(json!([[10, 20], [12, 21]]), json!(MASK)),
            shape(json!([[-1, -1], [1, 0]]), json!(MASK)),
            shape(json!([[10, 20], [12, 21]]), json!("bm90IGEgcGljdHVyZQ==")),
            shape(json!([[10, 20], [12, 21]]), json!("!")),
            shape(json!([[10, 20], [12, 21]]), Value::Null),
        ])),
    );
    let pixels = |pixels: &[(u32, u32)]| {
        Rle::from_mask(&Mask::from_fn(SIZE, |x, y| pixels.contains(&(x, y))))
    };
    let things = &found.images[0].instances;
    let wanted = pixels(&[(10, 20), (12, 20), (11, 21), (12, 21)]);
    assert_eq!(things[0].mask.as_ref(), Some(&wanted));
    assert_eq!(things[0].bbox, BBox::new(10.0, 20.0, 13.0, 22.0));
    assert_eq!(things[1].mask.as_ref(), Some(&pixels(&[(0, 0), (1, 0)])));
    assert!(things[2..].iter().all(|thing| thing.mask.is_none()));
    let notes = notes(&found);
    assert!(
        notes[0].contains("masks that cannot be used (3): `a.json`, shape 3: a damaged PNG"),
        "{notes:?}"
    );
    assert!(notes[0].contains("shape 4: its picture is not base 64"), "{notes:?}");
}

// Label maps.

#[test]
fn label_maps_of_8_and_16_bits_have_a_thing_a_value() {
    let base = folder(&[]);
    let parts = [rectangle(1, 1, 9, 9), rectangle(15, 0, 20, 30), rectangle(39, 29, 40, 30)];
    let map = label_map(SIZE, &parts.each_ref());
    write_gray16(&base.path().join("wide/a.labels.png"), &map).unwrap();
    let narrow = GrayImage::from_fn(SIZE.width, SIZE.height, |x, y| Luma([map[(x, y)][0] as u8]));
    write_gray8(&base.path().join("narrow/a.png"), &narrow).unwrap();
    // What samkit writes beside it, and is no label map.
    fs::write(base.path().join("wide/classes.csv"), "id,name\n").unwrap();
    picture(&base.path().join("wide/a.overlay.png"), SIZE);
    for path in ["wide", "wide/a.labels.png", "narrow", "narrow/a.png"] {
        let found = read(&base.path().join(path));
        assert_eq!(found.format, AnnotationFormat::Labels, "{path}");
        assert_eq!(masks(&found), parts, "{path}");
        assert_eq!(found.images.len(), 1, "{path}");
        let image = &found.images[0];
        assert_eq!((image.size, image.stem.to_str()), (SIZE, Some("a")), "{path}");
        assert!(image.instances.iter().all(|thing| thing.label.is_empty()), "{path}");
    }
}

/// A PNG with a palette of 2 or 256 colours.
fn palette(path: &Path, size: Size, depth: png::BitDepth, data: &[u8]) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), size.width, size.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(depth);
    let colors = if depth == png::BitDepth::Eight { 256 } else { 4 };
    encoder.set_palette((0..colors).flat_map(|n| [n as u8, 200, 7]).collect::<Vec<_>>());
    encoder.write_header().unwrap().write_image_data(data).unwrap();
}

#[test]
fn palettes_are_not_looked_up_and_names_make_classes_of_values() {
    let base = folder(&[]);
    let size = Size::new(5, 2);
    let path = base.path().join("a.png");
    palette(&path, size, png::BitDepth::Eight, &[0, 2, 2, 0, 0, 1, 2, 0, 0, 1]);
    let names = ["background", "heron", "egret"].map(str::to_owned).to_vec();
    let options = AnnotationOptions { class_names: names, ..Default::default() };
    let found = Annotations::read(&path, &options).unwrap();
    let things = &found.images[0].instances;
    let named: Vec<_> =
        things.iter().map(|thing| (thing.label.as_str(), thing.category_id)).collect();
    assert_eq!(named, [("heron", Some(1)), ("egret", Some(2))]);
    let egret = Mask::from_fn(size, |x, y| [(1, 0), (2, 0), (1, 1)].contains(&(x, y)));
    assert_eq!(things[1].mask, Some(Rle::from_mask(&egret)));

    // Two bits a pixel: 0 1 2 3 | 1, and 3 0 0 0 | 2.
    palette(&path, size, png::BitDepth::Two, &[0b0001_1011, 0b0100_0000, 0b1100_0000, 0b1000_0000]);
    let found = read(&path);
    let areas: Vec<_> = masks(&found).iter().map(Rle::area).collect();
    assert_eq!(areas, [2, 2, 2]);
    assert_eq!(
        masks(&found)[1].to_mask(),
        Mask::from_fn(size, |x, y| (x, y) == (2, 0) || (x, y) == (4, 1))
    );
}

#[test]
fn a_class_map_of_samkit_has_its_names_beside_it() {
    let base = folder(&[("classes.csv", "id,name\n3,heron\n300,egret\n")]);
    let things = [
        thing("heron", Some(3), rectangle(0, 0, 5, 5)),
        thing("egret", Some(300), rectangle(9, 9, 12, 12)),
    ];
    let map: Gray16Image = samkit_io::class_map(SIZE, &things);
    write_gray16(&base.path().join("a.classes.png"), &map).unwrap();
    let found = read(&base.path().join("a.classes.png"));
    assert_eq!(found.images[0].instances, things);
}

#[test]
fn pictures_are_no_label_maps() {
    let base = folder(&[]);
    let path = base.path().join("photo.png");
    picture(&path, SIZE);
    let error = Annotations::read(&path, &AnnotationOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("is no label map: an image of the colour type Rgb"),
        "{error}"
    );
    let large = ImageBuffer::<Luma<u8>, _>::new(100, 100);
    write_gray8(&path, &large).unwrap();
    let limits = ReadLimits { max_pixels: 9_999, ..ReadLimits::default() };
    let options = AnnotationOptions { limits, ..Default::default() };
    let error = Annotations::read(&path, &options).unwrap_err();
    assert!(error.to_string().contains("an image of 100×100 pixels"), "{error}");
}

// samkit's own JSON.

#[test]
fn masks_that_samkit_wrote_come_back() {
    let base = folder(&[]);
    let mask = rectangle(4, 5, 20, 15);
    let record = MaskRecord {
        segmentation: mask.clone(),
        area: mask.area(),
        bbox: mask.inclusive_bbox(),
        predicted_iou: 0.875,
        point: Point::new(5.0, 6.0),
        stability_score: 0.9,
        crop: BBox::new(0.0, 0.0, 40.0, 30.0),
        logits: None,
    };
    write_masks(&base.path().join("birds/a.masks.json"), &[record]).unwrap();
    fs::write(base.path().join("run.json"), "{\"version\": \"1\"}").unwrap();
    for path in ["", "birds/a.masks.json"] {
        let found = read(&base.path().join(path));
        assert_eq!(found.format, AnnotationFormat::Samkit);
        let image = &found.images[0];
        assert_eq!((image.size, image.instances.len()), (SIZE, 1));
        let thing = &image.instances[0];
        assert_eq!((thing.mask.as_ref(), thing.score), (Some(&mask), Some(0.875)));
        // Not the reference's box, which ends at the last pixel.
        assert_eq!(thing.bbox, mask.bbox());
    }
}

#[test]
fn what_tasks_find_has_labels_and_scores() {
    let mask = rectangle(4, 5, 20, 15);
    let text = json!([
        {"segmentation": {"size": [30, 40], "counts": mask.counts_string()}, "area": 160,
         "bbox": [4, 5, 16, 10], "label": "heron", "score": 0.5, "category_id": 16, "other": 1},
        {"bbox": [1, 2, 3, 4], "label": "heron", "score": 0.25, "category_id": 16},
    ]);
    let found = read_json("a.instances.json", &text);
    let things = &found.images[0].instances;
    assert_eq!(found.images[0].file_name, "a");
    assert_eq!(things[0].mask.as_ref(), Some(&mask));
    assert_eq!((things[1].score, things[1].category_id), (Some(0.25), Some(16)));
    assert_eq!(found.classes[&16], "heron");

    // Boxes alone do not say how large the image is: it is looked for beside the file.
    let boxes = json!([{"bbox": [1, 2, 3, 4], "label": "heron"}]).to_string();
    let base = folder(&[("a.detect.json", &boxes)]);
    picture(&base.path().join("a.png"), SIZE);
    let found = read(&base.path().join("a.detect.json"));
    assert_eq!((found.images[0].size, found.images[0].file_name.as_str()), (SIZE, "a.png"));
}

// GeoJSON.

#[test]
fn geojson_has_polygons_with_holes_in_pixels() {
    let square = |x0: u32, y0: u32, x1: u32, y1: u32| {
        json!([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
    };
    let feature = |kind: &str, coordinates: Value, properties: Value| {
        json!({"type": "Feature", "properties": properties,
               "geometry": {"type": kind, "coordinates": coordinates}})
    };
    let features = json!([
        feature(
            "Polygon",
            json!([square(2, 2, 20, 20), square(5, 5, 10, 10)]),
            json!({"label": "ring", "score": 0.5, "category_id": 4})
        ),
        feature(
            "MultiPolygon",
            json!([[square(0, 0, 3, 3)], [square(30, 20, 40, 30)]]),
            json!({"classification": {"name": "Tumor", "color": [1, 2, 3]}, "name": 7})
        ),
        feature("LineString", json!([[1, 2], [3, 4]]), Value::Null),
        feature("Polygon", json!([[1, 2], [3, 4]]), Value::Null),
        json!({"type": "Feature", "geometry": null, "properties": null}),
    ]);
    let text = json!({"type": "FeatureCollection", "features": features}).to_string();
    let base = folder(&[("a.geojson", &text), ("one/b.json", &features[0].to_string())]);
    picture(&base.path().join("a.png"), SIZE);
    picture(&base.path().join("one/b.png"), SIZE);
    let found = read(&base.path().join("a.geojson"));
    assert_eq!(found.format, AnnotationFormat::Geojson);
    let things = &found.images[0].instances;
    assert_eq!(things.len(), 2);
    assert_eq!(things[0].mask.as_ref().unwrap().area(), 18 * 18 - 25);
    assert_eq!(things[0].bbox, BBox::new(2.0, 2.0, 20.0, 20.0));
    assert_eq!(
        (things[0].label.as_str(), things[0].score, things[0].category_id),
        ("ring", Some(0.5), Some(4))
    );
    let parts = [rectangle(0, 0, 3, 3), rectangle(30, 20, 40, 30)];
    assert_eq!(things[1].mask, Some(Rle::united(SIZE, parts)));
    assert_eq!(things[1].label, "Tumor");
    let notes = notes(&found);
    assert_eq!(notes[0], "a.geojson: features that are no polygons left out (2)");
    assert!(notes[1].contains("feature 4: `coordinates` that are not lists of rings"), "{notes:?}");
    assert_eq!(read(&base.path().join("one/b.json")).images[0].instances.len(), 1);
}

// Boxes.

#[test]
fn tables_and_voc_give_boxes_with_sizes_where_they_have_them() {
    let table = "image,image_width,image_height,x,y,width,height,label,score\n\
                 a.png,40,30,1,2,3,4,heron,0.5\n";
    let voc = "<annotation><filename>a.png</filename><size><width>40</width><height>30</height></size>\
        <object><name>heron</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax>\
        </bndbox></object></annotation>";
    let base = folder(&[("boxes.csv", table), ("voc/a.xml", voc)]);
    for path in ["boxes.csv", "voc"] {
        let found = read(&base.path().join(path));
        let image = &found.images[0];
        assert_eq!((image.size, image.file_name.as_str()), (SIZE, "a.png"), "{path}");
        assert_eq!(image.instances[0].bbox, BBox::new(1.0, 2.0, 4.0, 6.0), "{path}");
        assert_eq!(image.instances[0].mask, None, "{path}");
    }
}

#[test]
fn labelme_files_that_samkit_wrote_come_back() {
    let base = folder(&[]);
    let parts = Rle::united(SIZE, [rectangle(0, 20, 6, 30), rectangle(30, 2, 40, 9)]);
    let mut things = vec![
        thing("heron", None, rectangle(4, 5, 20, 15)),
        thing("egret", None, parts),
        Instance { mask: None, ..thing("owl", None, rectangle(1, 2, 3, 4)) },
    ];
    things[0].score = Some(0.5);
    let path = base.path().join("labelme/a.json");
    write_json(&path, &labelme(SIZE, &things, "../photos/a.png")).unwrap();
    let found = read(&path);
    assert_eq!(found.images[0].file_name, "photos/a.png");
    assert_eq!(found.images[0].instances, things);
}

#[test]
fn names_of_classes_come_from_a_text_or_a_yaml_file() {
    let base = folder(&[
        ("names.txt", "heron\n  egret \nowl\n\n"),
        ("data.yaml", "path: .\nnames: {2: owl, 0: heron}\n"),
        ("wild.yaml", "names: {4294967295: owl}\n"),
        ("none.yaml", "path: .\n"),
    ]);
    let names = |name: &str| read_class_names(&base.path().join(name));
    assert_eq!(names("names.txt").unwrap(), ["heron", "egret", "owl"]);
    assert_eq!(names("data.yaml").unwrap(), ["heron", "class 1", "owl"]);
    let error = names("wild.yaml").unwrap_err().to_string();
    assert!(error.contains("found the class 4294967295, expected numbers below"), "{error}");
    assert!(names("none.yaml").unwrap_err().to_string().contains("expected `names`"));
}

// Images.

#[test]
fn a_folder_of_images_says_which_are_wanted() {
    let base = folder(&[("coco.json", &json!({
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30},
                   {"id": 2, "file_name": "b.png", "width": 80, "height": 60},
                   {"id": 3, "file_name": "c.png", "width": 40, "height": 30}],
        "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 2, "bbox": [1, 2, 3, 4]}],
        "categories": []}).to_string())]);
    let photos = base.path().join("photos");
    for name in ["x/a.png", "x/b.png", "other.png"] {
        picture(&photos.join(name), SIZE);
    }
    let found = with_images(&base.path().join("coco.json"), &photos);
    let names: Vec<_> = found.images.iter().map(|image| image.file_name.as_str()).collect();
    assert_eq!(names, ["x/a.png", "x/b.png"]);
    assert_eq!(found.images[1].path, photos.join("x/b.png"));
    let notes = notes(&found);
    assert_eq!(
        notes,
        [
            "coco.json: annotations of none of the images left out (1): c.png",
            "coco.json: images without annotations left out (1): other.png",
            "coco.json: images of another size than their annotations say (1): `x/b.png` is 40×30, not 80×60",
        ]
    );

    let empty = base.path().join("empty");
    picture(&empty.join("z.png"), SIZE);
    let options = AnnotationOptions { images: Some(empty), ..Default::default() };
    let error = Annotations::read(&base.path().join("coco.json"), &options).unwrap_err();
    assert!(error.to_string().contains("which are of `a.png`, `b.png`, `c.png`"), "{error}");
}

#[test]
fn several_files_are_put_together() {
    let one = coco(json!([{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4]}])).to_string();
    let two = one.replace("[1,2,3,4]", "[5,6,7,8]");
    let other = one.replace("a.png", "b.png");
    let large = one.replace("\"width\":40", "\"width\":80");
    let base =
        folder(&[("1.json", &one), ("2.json", &two), ("3.json", &other), ("4.json", &large)]);
    let paths: Vec<_> = (1..=4).map(|n| base.path().join(format!("{n}.json"))).collect();
    let found = Annotations::read_all(&paths, &AnnotationOptions::default()).unwrap().unwrap();
    let counts: Vec<_> =
        found.images.iter().map(|image| (image.id, image.instances.len())).collect();
    assert_eq!(counts, [(1, 2), (2, 1)]);
    assert!(found.notes[0].contains("the second was left out"), "{:?}", found.notes);
}

#[test]
fn names_cannot_lead_out_of_a_folder() {
    for name in ["../../etc/passwd.png", "/etc/passwd.png", "C:\\etc\\passwd.png", "..", ""] {
        let found = read_json(
            "coco.json",
            &json!({
            "images": [{"id": 1, "file_name": name, "width": 40, "height": 30}],
            "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}),
        );
        let image = &found.images[0];
        let is_inside = |path: &Path| {
            path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        assert!(is_inside(&image.stem) && !image.stem.as_os_str().is_empty(), "{name}: {image:?}");
        assert!(!image.file_name.starts_with('/') && !image.file_name.contains(".."), "{name}");
    }
}

// What is refused.

#[test]
fn errors_say_what_and_where() {
    let cases = [
        (
            "a.json",
            "{\"images\": [], \"annotations\": [{\"image_id\": 1, \"segmentation\": \"x\"}]}",
            "`a.json`, line 1, column 66: found string \"x\", expected `segmentation` as a list of polygons or an object with `size` and `counts`",
        ),
        (
            "a.json",
            "{\"images\": [], \"annotations\": [\n{\"image_id\": 1, \"segmentation\": [[1, \"x\"]]}]}",
            "`a.json`, line 2, column 40: found string \"x\", expected a polygon as a list of numbers",
        ),
        (
            "a.geojson",
            "{\"type\": \"FeatureCollection\"}",
            "`a.geojson`, line 1, column 29: found an object with `type`, expected GeoJSON: an object with `type` and `features`",
        ),
        (
            "a.geojson",
            "{\"features\": [",
            "`a.geojson`, line 1, column 14 is not valid JSON: EOF while parsing a list",
        ),
        (
            "a.masks.json",
            "[{\"bbox\": [1, 2]}]",
            "`a.masks.json`, line 1, column 16: found 2 numbers, expected four numbers x, y, width and height as `bbox`",
        ),
        (
            "a.png",
            "not a picture",
            "`a.png` is no label map: a damaged PNG image (Invalid PNG signature.), expected an 8-bit, 16-bit or palette PNG",
        ),
        (
            "a.json",
            "{\"hello\": 1}",
            "`a.json` is in no format of annotations that is known by its ending or content: an object with `hello`",
        ),
        (
            "a.csv",
            "image,x,y,width,height\na.png,1,2,3,4\n",
            "`a.csv` (csv) does not say how large its images are, and none of them is beside it",
        ),
    ];
    for (name, text, wanted) in cases {
        assert_eq!(error_of(name, text), wanted);
    }
    let missing =
        Annotations::read(Path::new("nowhere"), &AnnotationOptions::default()).unwrap_err();
    assert_eq!(missing.to_string(), "there is no file or folder `nowhere`");
}

#[test]
fn folders_of_several_data_sets_are_not_guessed_at() {
    let set = coco(json!([])).to_string();
    let masks = json!([{"bbox": [1, 2, 3, 4]}]).to_string();
    for (name, text) in [("a.masks.json", &masks), ("val.json", &set)] {
        let base = folder(&[("coco.json", &set), (name, text), ("run.json", "{\"samkit\": 1}")]);
        let error = Annotations::read(base.path(), &AnnotationOptions::default()).unwrap_err();
        assert!(error.to_string().contains("holds several data sets ("), "{error}");
    }
    let base = folder(&[("a.masks.json", &masks), ("a.detect.json", &masks)]);
    let error = Annotations::read(base.path(), &AnnotationOptions::default()).unwrap_err();
    assert!(error.to_string().ends_with("holds files of several tasks (detect, masks)"), "{error}");
    // One of them may be named.
    let base = folder(&[("coco.json", &set), ("a.masks.json", &masks), ("run.json", "{}")]);
    picture(&base.path().join("a.png"), SIZE);
    let format = Some(AnnotationFormat::Samkit);
    let options = AnnotationOptions { format, ..Default::default() };
    let found = Annotations::read(base.path(), &options).unwrap();
    assert_eq!(found.images[0].instances[0].bbox, BBox::new(1.0, 2.0, 4.0, 6.0));
}

#[test]
fn sizes_in_files_are_not_believed() {
    let huge = read_json(
        "coco.json",
        &json!({
        "images": [{"id": 1, "file_name": "a.png", "width": 4_000_000_000u64, "height": 4_000_000_000u64}],
        "annotations": [{"image_id": 1, "segmentation": [[0, 0, 1e9, 0, 1e9, 1e9]]}]}),
    );
    assert!(huge.images.is_empty());
    assert!(huge.notes[0].contains("images too large left out (1)"), "{:?}", huge.notes);

    // A polygon of few numbers and many runs, many times.
    let zigzag: Vec<f64> =
        (0..400).flat_map(|n| [if n % 2 == 0 { 0.0 } else { 900.0 }, f64::from(n) * 2.0]).collect();
    let annotation = json!({"image_id": 1, "segmentation": [zigzag]});
    let file = json!({
        "images": [{"id": 1, "file_name": "a.png", "width": 900, "height": 800}],
        "annotations": vec![annotation; 50]});
    let base = folder(&[("coco.json", &file.to_string())]);
    let limits = ReadLimits { max_memory: 10 << 20, ..ReadLimits::default() };
    let options = AnnotationOptions { limits, ..Default::default() };
    let error = Annotations::read(&base.path().join("coco.json"), &options).unwrap_err();
    assert!(error.to_string().contains("take more than 10 MiB of memory"), "{error}");
}

// What is lost.

#[test]
fn losses_are_counted() {
    let hole =
        Rle::from_mask(&Mask::from_fn(SIZE, |x, y| x < 9 && y < 9 && !(3..5).contains(&x.max(y))));
    let mut images = [image_of(vec![
        thing("heron", None, hole),
        thing("", None, rectangle(0, 0, 2, 2)),
        Instance { mask: None, score: Some(0.5), ..thing("egret", None, rectangle(9, 9, 12, 12)) },
    ])];
    let said = |to: TargetFormat, images: &[AnnotatedImage]| losses(to, images).join("\n");
    assert!(
        said(TargetFormat::Csv, &images).contains("masks are left out, only their boxes stay (2)")
    );
    assert!(said(TargetFormat::Yolo, &images).contains("scores are left out (1)"));
    assert!(said(TargetFormat::Labels, &images).contains("things without a mask are left out (1)"));
    assert!(
        said(TargetFormat::Labels, &images)
            .contains("images with masks that overlap: the smallest is on top (1)")
    );
    assert!(
        said(TargetFormat::Results, &images).contains("things without a score get the score 1 (2)")
    );
    images[0].instances.truncate(1);
    assert_eq!(losses(TargetFormat::Coco, &images), [""; 0]);
}

#[test]
fn names_of_any_length_make_short_notes() {
    let name = "é".repeat(5000);
    let found = read_json(
        "coco.json",
        &json!({
            "images": [{"id": 1, "file_name": name}],
            "annotations": [{"image_id": 1, "segmentation": {"size": [0, 0], "counts": []}}, {
                "image_id": 2, "segmentation": {"size": [30, 40], "counts": [0, 1200]}}],
        }),
    );
    assert_eq!(found.images.len(), 1);
    assert!(found.notes.iter().all(|note| note.len() < 1000), "{:?}", found.notes);
    assert!(found.notes[0].contains("images of unknown size left out"), "{:?}", found.notes);
}
