//! What samkit writes of a run comes back as it was, as far as the format can hold it.

use std::{fs, path::Path};

use image::RgbImage;
use samkit_core::{BBox, Mask, Rle, Size};
use samkit_io::{
    AnnotatedImage, AnnotationOptions, Annotations, Categories, Instance, Segmentation,
    write_class_legend, write_coco_dataset, write_coco_results, write_csv, write_geojson,
    write_gray16, write_rgb, write_yolo_labels, yolo_image_path,
};
use tempfile::TempDir;

const SIZE: Size = Size::new(64, 48);

/// Whether a pixel is inside.
type Shape = fn(u32, u32) -> bool;

/// Things with masks: one plain, one with a hole, one of two parts.
fn things() -> Vec<Instance> {
    let shapes: [Shape; 3] = [
        |x, y| (4..20).contains(&x) && (5..15).contains(&y),
        |x, y| {
            (30..50).contains(&x)
                && (10..30).contains(&y)
                && !((35..40).contains(&x) && (15..25).contains(&y))
        },
        |x, y| (x < 9 && y > 30) || (x > 55 && y < 7),
    ];
    let labels = [("heron", 3), ("egret", 5), ("heron", 3)];
    let thing = |(inside, (label, id)): (Shape, (&str, u32))| {
        let mask = Rle::from_mask(&Mask::from_fn(SIZE, inside));
        Instance {
            bbox: mask.bbox(),
            label: label.into(),
            category_id: Some(id),
            score: Some(0.625),
            mask: Some(mask),
        }
    };
    shapes.into_iter().zip(labels).map(thing).collect()
}

/// Two images, the second with nothing in it, and the folder that they are in.
fn images(base: &TempDir) -> Vec<AnnotatedImage> {
    let image = |(name, instances): (&str, Vec<Instance>)| {
        let path = base.path().join("photos").join(name);
        write_rgb(&path, &RgbImage::new(SIZE.width, SIZE.height)).unwrap();
        AnnotatedImage {
            id: 0,
            file_name: name.into(),
            path,
            stem: Path::new(name).with_extension(""),
            size: SIZE,
            instances,
        }
    };
    let mut images: Vec<_> = [("birds/a.png", things()), ("b.png", Vec::new())].map(image).into();
    images.iter_mut().zip(1..).for_each(|(image, id)| image.id = id);
    images
}

fn read(base: &TempDir, name: &str) -> Annotations {
    let images = Some(base.path().join("photos"));
    let options = AnnotationOptions { images, ..AnnotationOptions::default() };
    Annotations::read(&base.path().join(name), &options).unwrap()
}

/// The same without what a format does not hold.
fn without(lost: fn(&mut Instance)) -> Vec<Instance> {
    let mut things = things();
    things.iter_mut().for_each(lost);
    things
}

#[test]
fn coco_with_codes_holds_everything() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    let categories = Categories::of(&images).unwrap();
    let path = base.path().join("coco.json");
    write_coco_dataset(&path, &images, &categories, Segmentation::Rle).unwrap();
    assert_eq!(read(&base, "coco.json").images, images);
}

#[test]
fn coco_with_polygons_and_yolo_hold_masks_that_are_made_of_rectangles() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    let categories = Categories::of(&images).unwrap();
    let path = base.path().join("coco.json");
    write_coco_dataset(&path, &images, &categories, Segmentation::Polygons).unwrap();
    assert_eq!(read(&base, "coco.json").images, images);

    let folder = base.path().join("yolo");
    write_yolo_labels(&folder, &images, &categories).unwrap();
    for image in &images {
        let copy = folder.join(yolo_image_path(&image.stem, &image.path));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&image.path, copy).unwrap();
    }
    // The images are found in the folder itself.
    let found = Annotations::read(&folder, &AnnotationOptions::default()).unwrap();
    assert_eq!(found.images.len(), 2);
    let image = found.images.iter().find(|image| image.file_name == "birds/a.png").unwrap();
    for (found, wanted) in image.instances.iter().zip(things()) {
        assert_eq!((found.mask.as_ref(), &found.label), (wanted.mask.as_ref(), &wanted.label));
    }
}

#[test]
fn results_hold_all_but_names() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    let categories = Categories::of(&images).unwrap();
    write_coco_results(&base.path().join("results.json"), &images, &categories).unwrap();
    write_coco_dataset(&base.path().join("coco.json"), &images, &categories, Segmentation::Rle)
        .unwrap();
    let data_set = Some(base.path().join("coco.json"));
    let options = AnnotationOptions { data_set, ..AnnotationOptions::default() };
    let found = Annotations::read(&base.path().join("results.json"), &options).unwrap();
    assert_eq!(found.images[0].instances, things());
}

#[test]
fn tables_hold_boxes() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    let categories = Categories::of(&images).unwrap();
    write_csv(&base.path().join("things.csv"), &images, &categories).unwrap();
    let found = read(&base, "things.csv");
    assert_eq!(found.images[0].instances, without(|thing| thing.mask = None));
}

#[test]
fn geojson_holds_masks_to_the_pixel() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    write_geojson(&base.path().join("geojson/birds/a.geojson"), &images[0].instances).unwrap();
    write_geojson(&base.path().join("geojson/b.geojson"), &images[1].instances).unwrap();
    let mut found = read(&base, "geojson").images;
    found.sort_by_key(|image| std::cmp::Reverse(image.instances.len()));
    assert_eq!(found[0].instances, things());
    assert_eq!(found.len(), 2);
}

#[test]
fn label_maps_hold_masks_and_class_maps_classes() {
    let base = tempfile::tempdir().unwrap();
    let images = images(&base);
    let masks: Vec<_> =
        images[0].instances.iter().filter_map(|thing| thing.mask.as_ref()).collect();
    let map = samkit_io::label_map(SIZE, &masks);
    write_gray16(&base.path().join("labels/birds/a.labels.png"), &map).unwrap();
    let found = read(&base, "labels");
    let wanted = without(|thing| {
        *thing = Instance { label: String::new(), category_id: None, score: None, ..thing.clone() };
    });
    assert_eq!(found.images[0].instances, wanted);

    let categories = Categories::of(&images).unwrap();
    let map = samkit_io::class_map(SIZE, &images[0].instances);
    write_gray16(&base.path().join("classes/birds/a.classes.png"), &map).unwrap();
    write_class_legend(&base.path().join("classes/birds/classes.csv"), &categories).unwrap();
    let found = read(&base, "classes");
    let herons = Rle::united(SIZE, [masks[0].clone(), masks[2].clone()]);
    let classes: Vec<_> =
        found.images[0].instances.iter().map(|thing| thing.label.as_str()).collect();
    assert_eq!(classes, ["heron", "egret"]);
    assert_eq!(found.images[0].instances[0].mask, Some(herons));
}

#[test]
fn labelme_holds_masks_as_polygons_and_as_pictures() {
    let base = tempfile::tempdir().unwrap();
    let mut things = without(|thing| thing.category_id = None);
    things.push(Instance { mask: None, bbox: BBox::new(1.0, 2.0, 3.5, 4.0), ..things[0].clone() });
    for (name, file) in [
        ("polygons", samkit_io::labelme(SIZE, &things, "a.png")),
        ("pictures", samkit_io::labelme_masks(SIZE, &things, "a.png")),
    ] {
        let path = base.path().join(name).join("a.json");
        samkit_io::write_json(&path, &file).unwrap();
        let found = Annotations::read(&path, &AnnotationOptions::default()).unwrap();
        assert_eq!(found.images[0].instances, things, "{name}");
    }
}
