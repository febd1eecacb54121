//! Files with the annotations of many images: what is in them, for which numbers, and that they are
//! written from images that come one by one.

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
};

use samkit_core::{BBox, Mask, Rle, Size};
use samkit_io::{
    AnnotatedImage, AnnotatedImages, Categories, Instance, Segmentation, WriteError,
    write_class_legend, write_coco_dataset, write_coco_results, write_csv, write_yolo_labels,
    yolo_image_path,
};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "common/shapes.rs"]
mod shapes;

const SIZE: Size = Size::new(10, 8);

fn thing(label: &str, category_id: Option<u32>, inside: fn(u32, u32) -> bool) -> Instance {
    let mask = Rle::from_mask(&Mask::from_fn(SIZE, inside));
    Instance { bbox: mask.bbox(), mask: Some(mask), ..only_box(label, category_id) }
}

fn only_box(label: &str, category_id: Option<u32>) -> Instance {
    let bbox = BBox::new(1.5, 2.0, 4.0, 6.0);
    Instance { bbox, label: label.to_owned(), category_id, score: Some(0.9), mask: None }
}

fn image(id: u64, stem: &str, instances: Vec<Instance>) -> AnnotatedImage {
    let file_name = format!("{stem}.jpg");
    AnnotatedImage {
        id,
        path: file_name.clone().into(),
        file_name,
        stem: stem.into(),
        size: SIZE,
        instances,
    }
}

/// A ring in one image, nothing in the next, a box in a third.
fn images() -> Vec<AnnotatedImage> {
    let ring = thing("ring", Some(7), |x, y| {
        (2..7).contains(&x) && (1..6).contains(&y) && (x, y) != (4, 3)
    });
    let unsure = Instance { score: None, ..only_box("", Some(3)) };
    vec![image(4, "a", vec![ring]), image(5, "b/c", vec![]), image(9, "d", vec![unsure])]
}

fn written(name: &str, write: impl FnOnce(&Path) -> Result<(), WriteError>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path).unwrap();
    fs::read_to_string(path).unwrap()
}

fn coco(images: &[AnnotatedImage], segmentation: Segmentation) -> String {
    let categories = Categories::of(&images).unwrap();
    written("coco.json", |path| write_coco_dataset(path, &images, &categories, segmentation))
}

#[test]
fn coco_has_an_annotation_a_line() {
    let expected = r#"{
"info": {"description":"made with samkit"},
"licenses": [],
"categories": [
{"id":3,"name":"object","supercategory":""},
{"id":7,"name":"ring","supercategory":""}
],
"images": [
{"id":4,"file_name":"a.jpg","width":10,"height":8},
{"id":5,"file_name":"b/c.jpg","width":10,"height":8},
{"id":9,"file_name":"d.jpg","width":10,"height":8}
],
"annotations": [
{"id":1,"image_id":4,"category_id":7,"bbox":[2.0,1.0,5.0,5.0],"area":24,"iscrowd":0,"segmentation":{"size":[8,10],"counts":"a053002O03N^1"},"score":0.9},
{"id":2,"image_id":9,"category_id":3,"bbox":[1.5,2.0,2.5,4.0],"area":10.0,"iscrowd":0,"segmentation":[]}
]
}
"#;
    let text = coco(&images(), Segmentation::Rle);
    let counts = text.split("counts\":\"").nth(1).unwrap().split('"').next().unwrap();
    let expected = expected.replace("a053002O03N^1", counts);
    assert_eq!(text, expected);
    let mask = Rle::from_counts_string(SIZE, counts).unwrap();
    assert_eq!(Some(mask), images()[0].instances[0].mask);
    assert!(serde_json::from_str::<Value>(&coco(&[], Segmentation::Rle)).is_ok());
}

#[test]
fn polygons_have_bridges_to_holes_and_a_list_for_every_part() {
    let two = thing("two", None, |x, y| (x, y) == (0, 0) || (x, y) == (1, 1));
    let nothing = thing("nothing", None, |_, _| false);
    let mut images = images();
    images[1].instances = vec![two, nothing];
    let file: Value = serde_json::from_str(&coco(&images, Segmentation::Polygons)).unwrap();
    let segmentation = |index: usize| &file["annotations"][index]["segmentation"];
    assert_eq!(
        *segmentation(0),
        json!([[2, 1, 4, 3, 4, 4, 5, 4, 5, 3, 4, 3, 2, 1, 7, 1, 7, 6, 2, 6]])
    );
    assert_eq!(*segmentation(1), json!([[0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 2, 1, 2, 2, 1, 2]]));
    let is_code = segmentation(2)["counts"].is_string();
    assert!(is_code, "a mask without a pixel is lost: {}", segmentation(2));
    assert_eq!(*segmentation(3), json!([]), "only a box");
}

#[test]
fn results_are_certain_where_there_is_no_score() {
    let images = images();
    let categories = Categories::of(&images).unwrap();
    let text = written("r.json", |path| write_coco_results(path, &images, &categories));
    assert_eq!(text.lines().count(), 4, "one a line: {text}");
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        file[1],
        json!({ "image_id": 9, "category_id": 3, "bbox": [1.5, 2.0, 2.5, 4.0], "score": 1.0 })
    );
    assert_eq!(file[0]["segmentation"]["size"], json!([8, 10]));
    let none: Vec<AnnotatedImage> = Vec::new();
    let text = written("r.json", |path| write_coco_results(path, &none, &categories));
    assert_eq!(text, "[]\n");
}

#[test]
fn classes_have_their_own_numbers_only_where_all_have_exactly_one() {
    let numbers = |things: &[(&str, Option<u32>)]| -> Vec<(u32, String)> {
        let things = things.iter().map(|(label, id)| only_box(label, *id)).collect();
        let categories = Categories::of(&vec![image(1, "a", things)]).unwrap();
        categories.iter().map(|(id, name)| (id, name.to_owned())).collect()
    };
    let pairs = |pairs: &[(u32, &str)]| -> Vec<(u32, String)> {
        pairs.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
    };
    assert_eq!(numbers(&[("b", Some(3)), ("a", Some(9))]), pairs(&[(3, "b"), (9, "a")]));
    assert_eq!(numbers(&[("b", Some(3)), ("a", None)]), pairs(&[(1, "a"), (2, "b")]));
    assert_eq!(numbers(&[("b", Some(3)), ("b", Some(4))]), pairs(&[(1, "b")]));
    assert_eq!(numbers(&[("b", Some(3)), ("a", Some(3))]), pairs(&[(1, "a"), (2, "b")]));
    assert_eq!(numbers(&[("", None)]), pairs(&[(1, "object")]));
    assert_eq!(numbers(&[]), pairs(&[]));
}

#[test]
fn the_legend_has_the_numbers_of_the_maps_and_not_those_of_the_data_set() {
    let things = vec![only_box("b, \"c\"", Some(3)), only_box("a", None), only_box("z", Some(2))];
    let categories = Categories::of(&vec![image(1, "a", things)]).unwrap();
    let text = written("classes.csv", |path| write_class_legend(path, &categories));
    assert_eq!(text, "id,name\n2,z\n3,\"b, \"\"c\"\"\"\n");
}

#[test]
fn the_table_has_a_line_a_thing() {
    let images = images();
    let categories = Categories::of(&images).unwrap();
    let text = written("objects.csv", |path| write_csv(path, &images, &categories));
    assert_eq!(
        text,
        "image,image_id,object,label,category_id,score,x,y,width,height,area\n\
         a.jpg,4,1,ring,7,0.9,2,1,5,5,24\n\
         d.jpg,9,1,object,3,,1.5,2,2.5,4,10\n"
    );
}

#[test]
fn yolo_has_a_label_file_for_every_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut images = images();
    let beyond = Instance { bbox: BBox::new(-5.0, 4.0, 5.0, 90.0), ..only_box("ring", Some(7)) };
    let empty =
        Instance { mask: Some(Rle::from_mask(&Mask::empty(SIZE))), ..only_box("ring", Some(7)) };
    images[1].instances = vec![beyond, empty];
    let categories = Categories::of(&images).unwrap();
    assert_eq!(write_yolo_labels(folder.path(), &images, &categories).unwrap(), 4);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        read("labels/a.txt"),
        "1 0.2 0.125 0.4 0.375 0.4 0.5 0.5 0.5 0.5 0.375 0.4 0.375 0.2 0.125 0.7 0.125 0.7 0.75 0.2 0.75\n"
    );
    assert_eq!(read("labels/b/c.txt"), "1 0.25 0.75 0.5 0.5\n1 0.275 0.5 0.25 0.5\n");
    assert_eq!(read("labels/d.txt"), "0 0.275 0.5 0.25 0.5\n");
    assert_eq!(
        read("data.yaml"),
        "train: images\nval: images\nnames:\n  0: \"object\"\n  1: \"ring\"\n"
    );
    assert!(!folder.path().join("images").exists(), "images are the program's");
}

#[test]
fn yolo_without_classes_is_still_yaml() {
    let folder = tempfile::tempdir().unwrap();
    let images = vec![image(1, "a", vec![])];
    write_yolo_labels(folder.path(), &images, &Categories::of(&images).unwrap()).unwrap();
    let yaml = fs::read_to_string(folder.path().join("data.yaml")).unwrap();
    assert_eq!(yaml, "train: images\nval: images\nnames: {}\n");
    assert_eq!(fs::read_to_string(folder.path().join("labels/a.txt")).unwrap(), "");
}

#[test]
fn copies_for_yolo_keep_their_ending_and_dots() {
    let copy = |stem: &str, source: &str| yolo_image_path(stem.as_ref(), source.as_ref());
    assert_eq!(copy("b/c.1", "x/c.1.JPG"), PathBuf::from("images/b/c.1.JPG"));
    assert_eq!(copy("a.jpg-2", "a.jpg"), PathBuf::from("images/a.jpg-2.jpg"));
    assert_eq!(copy("a", "a"), PathBuf::from("images/a"));
}

/// Images that exist only while they are visited.
struct Made {
    count: u64,
    /// Which one cannot be had.
    broken: Option<u64>,
    /// How many visits there were.
    visits: Cell<u32>,
}

impl AnnotatedImages for Made {
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()> {
        self.visits.set(self.visits.get() + 1);
        (1..=self.count).try_for_each(|id| {
            if self.broken == Some(id) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            each(&image(id, &format!("image-{id}"), images().remove(0).instances))
        })
    }
}

/// All files of a run.
fn write_all(folder: &Path, run: &dyn AnnotatedImages) -> Result<(), WriteError> {
    let categories = Categories::of(&images()).unwrap();
    write_coco_dataset(&folder.join("coco.json"), run, &categories, Segmentation::Polygons)?;
    write_coco_results(&folder.join("results.json"), run, &categories)?;
    write_csv(&folder.join("objects.csv"), run, &categories)?;
    write_yolo_labels(folder, run, &categories).map(drop)
}

#[test]
fn images_may_come_one_by_one_and_give_the_same_bytes() {
    let made = Made { count: 30, broken: None, visits: Cell::new(0) };
    let mut kept = Vec::new();
    made.visit(&mut |image| {
        kept.push(image.clone());
        Ok(())
    })
    .unwrap();
    let folders: [TempDir; 2] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    write_all(folders[0].path(), &made).unwrap();
    write_all(folders[1].path(), &kept).unwrap();
    assert!(made.visits.get() > 4);
    for name in ["coco.json", "results.json", "objects.csv", "labels/image-30.txt", "data.yaml"] {
        let [a, b] = [0, 1].map(|index| fs::read(folders[index].path().join(name)).unwrap());
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn an_image_that_cannot_be_had_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let made = Made { count: 3, broken: Some(2), visits: Cell::new(0) };
    assert!(Categories::of(&made).is_err());
    let error = write_all(folder.path(), &made).unwrap_err();
    assert!(error.to_string().contains("coco.json"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
    let categories = Categories::of(&images()).unwrap();
    assert!(write_yolo_labels(folder.path(), &made, &categories).is_err());
    assert!(!folder.path().join("data.yaml").exists(), "the folder looks complete");
}

#[test]
fn hard_shapes_are_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let images = shapes::images(folder.path());
    let file: Value = serde_json::from_str(&coco(&images, Segmentation::Polygons)).unwrap();
    let annotations = file["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), shapes::shapes().len() + 1);
    let parts: Vec<usize> =
        annotations.iter().map(|a| a["segmentation"].as_array().unwrap().len()).collect();
    assert_eq!(parts, [1, 2, 2, 2, 2, 1, 10, 1, 1, 0]);
    let corners = annotations.iter().flat_map(|a| a["segmentation"].as_array().unwrap());
    assert!(corners.clone().all(|list| list.as_array().unwrap().len() >= 6), "not a polygon");
    let within =
        |value: &Value| (0.0..=f64::from(shapes::SIZE.width)).contains(&value.as_f64().unwrap());
    assert!(corners.flat_map(|list| list.as_array().unwrap()).all(within));
}
