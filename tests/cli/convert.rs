//! Annotations from one format into another.

use std::path::PathBuf;

use samkit::{
    core::{Mask, Rle, Size},
    io::{
        AnnotatedImage, AnnotationOptions, Annotations, Categories, Instance, Segmentation,
        write_coco_dataset,
    },
};

use crate::support::{Place, scene};

const SIZE: Size = Size::new(64, 48);

fn ring() -> Rle {
    let distance = |x: u32, y: u32| (x as f32 - 20.0).hypot(y as f32 - 22.0);
    Rle::from_mask(&Mask::from_fn(SIZE, |x, y| (6.0..14.0).contains(&distance(x, y))))
}

fn two_parts() -> Rle {
    let is_in = |x: u32, y: u32| (40..52).contains(&x) && (4..16).contains(&(y % 22));
    Rle::from_mask(&Mask::from_fn(SIZE, is_in))
}

fn instance(label: &str, id: u32, mask: Rle) -> Instance {
    let (bbox, label) = (mask.bbox(), label.to_owned());
    Instance { bbox, label, category_id: Some(id), score: Some(0.75), mask: Some(mask) }
}

/// A place with two pictures in `photos` and `coco.json`: a ring and a thing of two parts in one, nothing
/// in the other.
fn data_set() -> Place {
    let place = Place::new();
    let image = |id: u64, name: &str, instances| {
        let path = place.picture(&format!("photos/{name}.png"), &scene(SIZE.width, SIZE.height));
        let (file_name, stem) = (format!("{name}.png"), PathBuf::from(name));
        AnnotatedImage { id, file_name, path, stem, size: SIZE, instances }
    };
    let things = vec![instance("ring", 3, ring()), instance("pair", 8, two_parts())];
    let images = vec![image(1, "a", things), image(2, "b", Vec::new())];
    let categories = Categories::of(&images).expect("in memory");
    let path = place.path("coco.json");
    write_coco_dataset(&path, &images, &categories, Segmentation::Rle).expect("written");
    place
}

/// What a file or folder holds of image `a`.
fn read(place: &Place, name: &str) -> Vec<Instance> {
    let options =
        AnnotationOptions { images: Some(place.path("photos")), ..AnnotationOptions::default() };
    let found = Annotations::read(&place.path(name), &options).expect("annotations");
    let image = found.images.into_iter().find(|image| image.file_name == "a.png");
    image.expect("the image").instances
}

fn iou(found: &Instance, mask: &Rle) -> f64 {
    found.mask.as_ref().and_then(|found| found.iou(mask)).expect("masks of one size")
}

#[test]
fn masks_survive_formats_that_can_hold_them() {
    let place = data_set();
    for (format, output, least) in [
        ("coco", "again.json", 1.0),
        ("coco-polygons", "polygons.json", 0.99),
        ("geojson", "geojson", 1.0),
        ("labels", "labels", 1.0),
        ("labelme", "labelme", 0.9),
        ("yolo", "yolo", 0.9),
    ] {
        let args = ["convert", "coco.json", "--images", "photos", "--to", format, "-o", output];
        place.run(&args).exits(0);
        // And back.
        let back = format!("{output}.back.json");
        let args = ["convert", output, "--images", "photos", "--to", "coco", "-o", &back];
        place.run(&args).exits(0);
        let things = read(&place, &back);
        assert_eq!(things.len(), 2, "{format}");
        for (thing, mask) in things.iter().zip([ring(), two_parts()]) {
            assert!(iou(thing, &mask) >= least, "{format}: {}", iou(thing, &mask));
        }
        if format != "labels" {
            let labels: Vec<_> = things.iter().map(|thing| thing.label.as_str()).collect();
            assert_eq!(labels, ["ring", "pair"], "{format}");
        }
    }
    assert!(place.path("yolo/images/a.png").exists(), "images are copied");
    assert!(place.path("yolo/images/b.png").exists(), "also those without a thing");
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let place = data_set();
    let args = ["convert", "coco.json", "--images", "photos", "--to", "yolo", "-o", "yolo"];
    place.run(&args).exits(0).says(&["score"]);
    let args = ["convert", "coco.json", "--to", "csv", "-o", "boxes.csv", "--json"];
    let run = place.run(&args).exits(0);
    assert_eq!((&run.json()["images"], &run.json()["things"]), (&2.into(), &2.into()));
    assert!(run.json()["losses"].to_string().contains("mask"), "{}", run.stdout);
    assert_eq!(read(&place, "boxes.csv")[0].bbox, ring().bbox());
}

#[test]
fn what_cannot_be_converted_is_refused_and_nothing_is_written() {
    let place = data_set();
    place.write("damaged.json", "{\"images\": [");
    place.write("text.json", "\"words\"");
    for (from, parts) in [
        ("nothing.json", &["nothing.json"][..]),
        ("damaged.json", &["damaged.json"]),
        ("text.json", &["text.json", "--from"]),
    ] {
        place.run(&["convert", from, "--to", "coco", "-o", "out.json"]).exits(2).says(parts);
        assert!(!place.path("out.json").exists());
    }
    std::fs::create_dir_all(place.path("run/.samkit")).expect("a folder");
    let args = ["convert", "run", "--to", "coco", "-o", "out.json"];
    place.run(&args).exits(2).says(&[
        "run is the output folder of a run",
        "run/coco.json",
        "--from",
    ]);
    let args = ["convert", "coco.json", "--to", "masks", "-o", "out"];
    place.run(&args).exits(2).says(&["coco-polygons", "labelme", "geojson"]);
    let args = ["convert", "coco.json", "--to", "coco", "-o", "coco.json"];
    place.run(&args).exits(2).says(&["it is what is to be converted"]);
}

#[test]
fn classes_keep_their_numbers_also_without_a_thing() {
    let place = Place::new();
    place.picture("yolo/images/a.png", &scene(SIZE.width, SIZE.height));
    place.write("yolo/labels/a.txt", "2 0.5 0.5 0.25 0.25\n");
    place.write("yolo/data.yaml", "train: images\nval: images\nnames: [hen, cow, pig]\n");
    place.run(&["convert", "yolo", "--to", "coco", "-o", "coco.json"]).exits(0);
    let coco = place.json("coco.json");
    assert_eq!(coco["categories"].as_array().map(Vec::len), Some(3));
    assert_eq!(coco["annotations"][0]["category_id"], 2);
    place.run(&["convert", "yolo", "--to", "yolo", "-o", "again"]).exits(0);
    let label = std::fs::read_to_string(place.path("again/labels/a.txt")).expect("labels");
    assert!(label.starts_with("2 0.5 0.5"), "{label}");
}
