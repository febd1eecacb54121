//! Boxes out of annotation files: what each format gives, what is refused and where, and which image
//! gets which boxes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use proptest::prelude::*;
use samkit_core::{BBox, Size};
use samkit_io::{
    BoxFile, BoxFormat, BoxOptions, BoxProblem, GivenBox, InputImage, Matched, ResolvedBoxes,
};
use tempfile::TempDir;

#[path = "common/box_fuzz.rs"]
mod fuzz;

const SIZE: Size = Size::new(640, 480);

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn with(class_names: &[&str]) -> BoxOptions {
    let class_names = class_names.iter().map(ToString::to_string).collect();
    BoxOptions { class_names, ..BoxOptions::default() }
}

fn formatted(format: BoxFormat) -> BoxOptions {
    BoxOptions { format: Some(format), ..BoxOptions::default() }
}

/// Reads one file of this name and text.
fn read(name: &str, text: &str) -> BoxFile {
    BoxFile::read(&folder(&[(name, text)]).path().join(name), &BoxOptions::default()).unwrap()
}

/// What is wrong with `path` among `files`, without the folder for temporary files.
fn error_of(files: &[(&str, &str)], path: &str, options: &BoxOptions) -> String {
    let base = folder(files);
    let error = BoxFile::read(&base.path().join(path), options).unwrap_err();
    assert!(error.help().is_some(), "{error} has no hint");
    error.to_string().replace(&format!("{}/", base.path().display()), "")
}

fn fails(name: &str, text: &str) -> String {
    error_of(&[(name, text)], name, &BoxOptions::default())
}

/// Images below `/data/in`.
fn images(names: &[&str]) -> Vec<InputImage> {
    let image = |name: &&str| InputImage {
        path: Path::new("/data/in").join(name),
        relative: PathBuf::from(name),
    };
    names.iter().map(image).collect()
}

fn matched(file: &BoxFile, names: &[&str]) -> Matched {
    file.matched(&images(names))
}

/// The boxes of `a.jpg`, the only image.
fn of_a(file: &BoxFile) -> ResolvedBoxes {
    matched(file, &["a.jpg"]).boxes(0, SIZE)
}

fn labels(boxes: &ResolvedBoxes) -> Vec<&str> {
    boxes.boxes.iter().map(|given| given.label.as_str()).collect()
}

/// Whole pixels, for comparing.
fn pixels(given: &GivenBox) -> [f32; 4] {
    [given.bbox.x0, given.bbox.y0, given.bbox.x1, given.bbox.y1]
}

/// For each image by its place, which entries' labels it got.
fn by_image(matched: &Matched, count: usize) -> Vec<String> {
    (0..count).map(|index| labels(&matched.boxes(index, SIZE)).join(" ")).collect()
}

// What each format gives.

const COCO: &str = r#"{
  "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
  "annotations": [
    {"id": 1, "image_id": 7, "category_id": 3, "bbox": [64, 48, 128, 96], "segmentation": [[1, 2]]},
    {"id": 2, "image_id": 7, "category_id": 5, "bbox": [320, 240, 160, 120]}],
  "categories": [{"id": 3, "name": "heron"}, {"id": 5, "name": "egret"}]}"#;
const RESULTS: &str = r#"[
  {"image_id": 7, "category_id": 3, "bbox": [64, 48, 128, 96], "score": 0.5},
  {"image_id": 7, "category_id": 5, "bbox": [320, 240, 160, 120], "score": 0.25}]"#;
const YOLO: &str = "0 0.2 0.2 0.2 0.2\n1 0.625 0.625 0.25 0.25\n";
const VOC: &str = "<annotation><filename>a.jpg</filename>
  <size><width>640</width><height>480</height><depth>3</depth></size>
  <object><name>heron</name><bndbox>
    <xmin>64</xmin><ymin>48</ymin><xmax>192</xmax><ymax>144</ymax></bndbox></object>
  <object><bndbox><ymax>360</ymax><xmax>480.0</xmax><ymin>240</ymin><xmin>320</xmin></bndbox>
    <name>egret</name></object>
</annotation>";
const CSV: &str =
    "image,x0,y0,x1,y1,label\na.jpg,64,48,192,144,heron\na.jpg,320,240,480,360,egret\n";
const LABELME: &str = r#"{"shapes": [
    {"label": "heron", "points": [[192, 144], [64, 48]], "shape_type": "rectangle"},
    {"label": "egret", "points": [[320, 300], [400, 240], [480, 300], [400, 360]],
     "shape_type": "polygon", "group_id": null}],
  "imagePath": "a.jpg", "imageData": "AAAA", "imageHeight": 480, "imageWidth": 640}"#;

#[test]
fn all_formats_give_the_same_boxes() {
    let base = folder(&[
        ("coco.json", COCO),
        ("results.json", RESULTS),
        ("yolo/a.txt", YOLO),
        ("yolo/classes.txt", "heron\negret\n"),
        ("voc/a.xml", VOC),
        ("boxes.csv", CSV),
        ("labelme/a.json", LABELME),
    ]);
    let images = Some(base.path().join("coco.json"));
    let cases = [
        ("coco.json", BoxFormat::Coco, BoxOptions::default()),
        ("results.json", BoxFormat::CocoResults, BoxOptions { images, ..BoxOptions::default() }),
        ("yolo", BoxFormat::Yolo, BoxOptions::default()),
        ("yolo/a.txt", BoxFormat::Yolo, BoxOptions::default()),
        ("voc", BoxFormat::Voc, BoxOptions::default()),
        ("voc/a.xml", BoxFormat::Voc, BoxOptions::default()),
        ("boxes.csv", BoxFormat::Csv, BoxOptions::default()),
        ("labelme", BoxFormat::Labelme, BoxOptions::default()),
        ("labelme/a.json", BoxFormat::Labelme, BoxOptions::default()),
    ];
    for (path, format, options) in cases {
        let file = BoxFile::read(&base.path().join(path), &options).unwrap();
        assert_eq!(file.format(), format, "{path}");
        let found = of_a(&file);
        assert_eq!(labels(&found), ["heron", "egret"], "{path}");
        let wanted = [[64.0, 48.0, 192.0, 144.0], [320.0, 240.0, 480.0, 360.0]];
        for (given, wanted) in found.boxes.iter().zip(wanted) {
            for (found, wanted) in pixels(given).into_iter().zip(wanted) {
                // YOLO's fractions are rounded to `f32`.
                assert!((found - wanted).abs() < 1e-3, "{path}: {given:?}");
            }
        }
        assert_eq!((found.unusable, found.stated_size), (None, None), "{path}");
    }
}

#[test]
fn numbers_of_classes_and_scores_are_kept() {
    let of = |name, text| {
        let boxes = of_a(&read(name, text)).boxes;
        (boxes[0].category_id, boxes[0].score)
    };
    assert_eq!(of("a.json", COCO), (Some(3), None));
    assert_eq!(of("a.txt", "4 0.5 0.5 0.1 0.1 0.75"), (Some(4), Some(0.75)));
    assert_eq!(of("a.csv", "image,x,y,w,h,confidence\na.jpg,1,2,3,4,0.5"), (None, Some(0.5)));
    assert_eq!(of("a.csv", "image,x,y,w,h,class_id,score\na.jpg,1,2,3,4,9,"), (Some(9), None));
    let results = read("r.json", RESULTS);
    let boxes = matched(&results, &["0007.jpg"]).boxes(0, SIZE).boxes;
    assert_eq!((boxes[1].category_id, boxes[1].score), (Some(5), Some(0.25)));
}

#[test]
fn classes_without_a_name_are_called_by_their_number() {
    let results = read("r.json", RESULTS);
    let found = matched(&results, &["7.jpg"]).boxes(0, SIZE);
    assert_eq!(labels(&found), ["class 3", "class 5"]);
    assert_eq!(labels(&of_a(&read("a.txt", YOLO))), ["class 0", "class 1"]);
    let half = COCO.replace(r#", {"id": 5, "name": "egret"}"#, "");
    assert_eq!(labels(&of_a(&read("a.json", &half))), ["heron", "class 5"]);
    let csv = "image,x,y,w,h,class_id\na.jpg,1,2,3,4,9\n";
    assert_eq!(labels(&of_a(&read("a.csv", csv))), ["class 9"]);
}

#[test]
fn names_of_classes_can_be_given() {
    let base = folder(&[("a.txt", YOLO), ("classes.txt", "x\ny\n"), ("r.json", RESULTS)]);
    let file = BoxFile::read(&base.path().join("a.txt"), &with(&["heron", "egret"])).unwrap();
    assert_eq!(labels(&of_a(&file)), ["heron", "egret"]);
    let names = with(&["zero", "one", "two", "three"]);
    let file = BoxFile::read(&base.path().join("r.json"), &names).unwrap();
    let found = matched(&file, &["7.jpg"]).boxes(0, SIZE);
    assert_eq!(labels(&found), ["three", "class 5"]);
}

#[test]
fn cocos_keys_come_in_any_order() {
    let text = r#"{"categories": [{"name": "heron", "id": 3}],
      "annotations": [{"bbox": [1, 2, 3, 4], "category_id": 3, "image_id": 7}],
      "licenses": [{"a": [{}]}],
      "images": [{"file_name": "a.jpg", "id": 7}]}"#;
    let found = of_a(&read("a.json", text));
    assert_eq!(labels(&found), ["heron"]);
    assert_eq!(found.boxes[0].bbox, BBox::new(1.0, 2.0, 4.0, 6.0));
}

#[test]
fn crowds_are_kept_out_and_counted() {
    let text = COCO.replace(r#""id": 1,"#, r#""id": 1, "iscrowd": 1,"#);
    let file = read("a.json", &text);
    assert_eq!((file.crowd_count(), file.box_count()), (1, 1));
    assert_eq!(labels(&of_a(&file)), ["egret"]);
    assert_eq!(of_a(&file).unusable, None);
}

#[test]
fn ids_of_images_may_be_texts() {
    let text = r#"[{"image_id": "sub/a", "category_id": 0, "bbox": [1, 2, 3, 4]},
                   {"image_id": "b.c", "category_id": 1, "bbox": [1, 2, 3, 4]}]"#;
    let found = matched(&read("r.json", text), &["sub/a.jpg", "b.c.png"]);
    assert_eq!(by_image(&found, 2), ["class 0", "class 1"]);
}

#[test]
fn lvis_names_images_by_their_address() {
    let text = COCO.replace(
        r#""file_name": "a.jpg""#,
        r#""coco_url": "http://images.cocodataset.org/val2017/a.jpg""#,
    );
    assert_eq!(labels(&of_a(&read("a.json", &text))), ["heron", "egret"]);
}

#[test]
fn yolos_polygons_become_the_boxes_around_them() {
    let text = "0 0.1 0.5 0.3 0.1 0.5 0.5 0.3 0.9\n";
    let boxes = of_a(&read("a.txt", text)).boxes;
    assert_eq!(pixels(&boxes[0]).map(f32::round), [64.0, 48.0, 320.0, 432.0]);
}

#[test]
fn yolos_names_are_found_beside_or_above() {
    let cases = [
        ("data.yaml", "names: [heron, egret]\nnc: 2\n"),
        ("data.yaml", "path: .\nnames:\n  0: heron\n  1: \"egret\"\n"),
        ("labels/data.yml", "names: [heron, egret]"),
        ("labels/train/classes.txt", "heron\r\negret\r\n\r\n"),
    ];
    for (name, text) in cases {
        let base = folder(&[("labels/train/a.txt", YOLO), (name, text)]);
        for path in ["labels/train", "labels/train/a.txt"] {
            let file = BoxFile::read(&base.path().join(path), &BoxOptions::default()).unwrap();
            assert_eq!(labels(&of_a(&file)), ["heron", "egret"], "{path} with {name}");
        }
    }
}

#[test]
fn a_folder_with_labels_has_yolos_boxes_in_them_only() {
    let base = folder(&[
        ("README.txt", "Some words.\n"),
        ("data.yaml", "names: [heron, egret]"),
        ("train/labels/a.txt", YOLO),
        ("valid/labels/b.txt", "1 0.5 0.5 0.5 0.5"),
        ("valid/labels/c.txt", ""),
    ]);
    let file = BoxFile::read(base.path(), &BoxOptions::default()).unwrap();
    let names = ["train/images/a.jpg", "valid/images/b.jpg", "valid/images/c.jpg"];
    let found = matched(&file, &names);
    assert_eq!(by_image(&found, 3), ["heron egret", "egret", ""]);
    assert!(found.has_entry(2), "an empty file says that there is nothing in the image");
}

#[test]
fn the_boxes_of_an_objects_parts_are_passed_over() {
    let parts = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>";
    let text = VOC.replacen("</object>", parts, 1);
    let found = of_a(&read("a.xml", &text));
    assert_eq!(labels(&found), ["heron", "egret"]);
    assert_eq!(found.unusable, None);
}

#[test]
fn signs_of_xml_are_read() {
    let text = VOC.replace("heron", "h&#xe9;ron &amp; <![CDATA[<egret>]]>");
    assert_eq!(labels(&of_a(&read("a.xml", &text)))[0], "héron & <egret>");
}

#[test]
fn columns_are_known_by_their_usual_names() {
    let headers = [
        ("image,x0,y0,x1,y1,label", "a.jpg,1,2,4,6,heron"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,640,480,heron,1,2,4,6"),
        ("file_name,class_name,x1,y1,x2,y2", "a.jpg,heron,1,2,4,6"),
        ("\u{feff}File;X;Y;Width;Height;Category", "a.jpg;1;2;3;4;heron"),
        ("file\tx\ty\tw\th\tlabel\tnotes", "a.jpg\t1\t2\t3\t4\theron\tx"),
        (" Image , X min,y min,x-max,y-max,label", "a.jpg, 1, 2, 4, 6, heron"),
        ("image_id,x,y,w,h,label", "a.jpg,1,2,3,4,heron"),
    ];
    for (header, line) in headers {
        let found = of_a(&read("a.csv", &format!("{header}\n{line}\n")));
        assert_eq!(labels(&found), ["heron"], "{header}");
        assert_eq!(pixels(&found.boxes[0]), [1.0, 2.0, 4.0, 6.0], "{header}");
    }
}

#[test]
fn a_line_without_numbers_is_an_image_without_boxes() {
    let file = read("a.csv", "image,xmin,ymin,xmax,ymax,label\na.jpg,,,,,\n");
    let found = matched(&file, &["a.jpg"]);
    assert!(found.has_entry(0));
    assert_eq!(found.boxes(0, SIZE), ResolvedBoxes::default());
}

#[test]
fn labelmes_other_shapes_are_counted_and_parts_joined() {
    let text = r#"{"imagePath": "a.jpg", "shapes": [
      {"label": "x", "points": [[0, 0], [5, 5]], "shape_type": "circle"},
      {"label": "dog", "points": [[10, 10], [20, 10], [20, 20]], "group_id": 1},
      {"label": "cat", "points": [[1, 1], [2, 3]], "group_id": 1, "shape_type": "rectangle"},
      {"label": "dog", "points": [[50, 40], [60, 40], [60, 70]], "group_id": 1}]}"#;
    let file = read("a.json", text);
    let found = of_a(&file);
    assert_eq!(file.skipped_shape_count(), 1);
    assert_eq!(labels(&found), ["dog", "cat"]);
    assert_eq!(pixels(&found.boxes[0]), [10.0, 10.0, 60.0, 70.0]);
}

#[test]
fn formats_are_recognised_without_an_ending() {
    for (text, format) in [
        (COCO, BoxFormat::Coco),
        (RESULTS, BoxFormat::CocoResults),
        (VOC, BoxFormat::Voc),
        (LABELME, BoxFormat::Labelme),
    ] {
        assert_eq!(read("annotations", text).format(), format);
        assert_eq!(read("annotations", &format!("\u{feff}\n {text}")).format(), format);
    }
}

#[test]
fn names_of_formats_come_back() {
    for format in BoxFormat::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.name());
    }
    assert!("pascal".parse::<BoxFormat>().is_err());
}

// What is refused, and where.

/// The error names the line that `new` is in, and a column in it or behind it.
fn check_place(text: &str, old: &str, new: &str, wanted: &str) {
    let text = text.replacen(old, new, 1);
    let found = fails("a.json", &text);
    let start = text.find(new).unwrap();
    let line = text[..start].matches('\n').count();
    let rest = found.strip_prefix(&format!("`a.json`, line {}, column ", line + 1));
    let (column, message) = rest.and_then(|rest| rest.split_once(": ")).expect(&found);
    let end = text.lines().nth(line).unwrap().len();
    let start = start - text[..start].rfind('\n').unwrap_or_default();
    let column: usize = column.parse().unwrap();
    assert!((start..=end).contains(&column), "{found}: not in {start} to {end}");
    assert_eq!(message, wanted, "{old} as {new}");
}

#[test]
fn wrong_kinds_in_coco_are_named_with_their_place() {
    let cases = [
        (
            r#"[64, 48, 128, 96]"#,
            r#""64, 48""#,
            "found string \"64, 48\", expected four numbers x, y, width and height as `bbox`",
        ),
        (
            "[64, 48, 128, 96]",
            r#"[64, "48", 128, 96]"#,
            "found string \"48\", expected four numbers x, y, width and height as `bbox`",
        ),
        (
            "[64, 48, 128, 96]",
            "[64, 48, 128]",
            "found 3 numbers, expected four numbers x, y, width and height as `bbox`",
        ),
        (
            "[64, 48, 128, 96]",
            "{}",
            "found an object, expected four numbers x, y, width and height as `bbox`",
        ),
        (
            r#""category_id": 3"#,
            r#""category_id": -3"#,
            "found integer `-3`, expected a whole number below 4294967296 as `category_id`",
        ),
        (
            r#""category_id": 3"#,
            r#""category_id": 4294967296"#,
            "found 4294967296, expected a whole number below 4294967296 as `category_id`",
        ),
        (
            r#""image_id": 7"#,
            r#""image": 7"#,
            "found an annotation without `image_id`, expected its image's id",
        ),
        (
            r#""image_id": 7"#,
            r#""image_id": [7]"#,
            "found a list, expected a number or a text as `image_id`",
        ),
        (
            r#""file_name": "a.jpg""#,
            r#""file_name": 12"#,
            "found integer `12`, expected a text as `file_name`",
        ),
        (
            r#""width": 640"#,
            r#""width": NaN"#,
            "found NaN or infinity, expected a whole number as `width`",
        ),
        (
            r#""name": "heron""#,
            r#""name": ["heron"]"#,
            "found a list, expected a text as a category's `name`",
        ),
        (
            r#"{"id": 3, "name": "heron"}"#,
            r#""heron""#,
            "found string \"heron\", expected a category as an object with `id` and `name`",
        ),
    ];
    for (old, new, wanted) in cases {
        check_place(COCO, old, new, wanted);
    }
}

#[test]
fn json_that_is_none_of_the_formats_is_refused() {
    assert_eq!(
        fails("a.json", r#"{"name": "x", "version": 3}"#),
        "`a.json` is in no format of boxes that is known by its ending or content: an object with \
         `name`, `version`"
    );
    assert_eq!(
        fails("a.json", r#"{"images": [], "info": {}}"#),
        "`a.json`, line 1, column 26: found an object with `images`, `info`, expected a COCO data \
         set with `images` and `annotations`"
    );
    assert_eq!(
        fails("a.json", "[1, 2]"),
        "`a.json`, line 1, column 3: found integer `1`, expected an annotation as an object with \
         `image_id`, `category_id` and `bbox`"
    );
    assert_eq!(
        fails("a.json", "  \n "),
        "`a.json` is in no format of boxes that is known by its ending or content: it is empty"
    );
    assert_eq!(
        error_of(&[("a.json", COCO)], "a.json", &formatted(BoxFormat::Labelme)),
        "`a.json`, line 6, column 73: found an object with `images`, `annotations`, `categories`, \
         expected an object with `shapes`, as labelme writes it"
    );
}

#[test]
fn cut_and_broken_json_is_named_with_its_place() {
    let cut = &COCO[..COCO.len() - 60];
    let found = fails("a.json", cut);
    assert!(found.starts_with("`a.json`, line 6, column 13 is not valid JSON: EOF"), "{found}");
    assert_eq!(
        fails("a.json", "[{\"image_id\": 1,}]"),
        "`a.json`, line 1, column 17 is not valid JSON: trailing comma"
    );
    assert_eq!(
        fails("a.json", &format!("{RESULTS}\nmore")),
        "`a.json`, line 4, column 1 is not valid JSON: trailing characters"
    );
}

#[test]
fn two_images_with_one_id_are_refused() {
    let second = r#""images": [{"id": 7, "file_name": "b.jpg"}, "#;
    let found = fails("a.json", &COCO.replace(r#""images": ["#, second));
    let wanted =
        "found `b.jpg` and `a.jpg` with one `id`, expected an `id` of its own for each image";
    assert!(found.ends_with(wanted), "{found}");
}

#[test]
fn wrong_lines_of_yolo_are_named() {
    let cases = [
        (
            "0 0.5 0.5 0.1",
            "found 3 numbers behind the class, expected 4 (centre and sides), 5 (with a score) or a polygon's, an even number from 6 up",
        ),
        (
            "0 1 2 3 4 5 6 7",
            "found 7 numbers behind the class, expected 4 (centre and sides), 5 (with a score) or a polygon's, an even number from 6 up",
        ),
        ("heron 0.5 0.5 0.1 0.1", "found `heron`, expected a class's number, from 0"),
        ("-1 0.5 0.5 0.1 0.1", "found `-1`, expected a class's number, from 0"),
        ("0 0,5 0.5 0.1 0.1", "found `0,5`, expected a number behind the class"),
    ];
    for (line, wanted) in cases {
        let found = fails("a.txt", &format!("{YOLO}\n{line}\n"));
        assert_eq!(found, format!("`a.txt`, line 4: {wanted}"));
    }
    let files = [("labels/a.txt", YOLO), ("labels/sub/b.txt", "0 1 2")];
    let found = error_of(&files, "labels", &BoxOptions::default());
    assert!(found.starts_with("`labels/sub/b.txt`, line 1: found 2 numbers"), "{found}");
}

#[test]
fn wrong_names_of_classes_are_named() {
    let fails = |text| error_of(&[("a.txt", YOLO), ("data.yaml", text)], "a.txt", &with(&[]));
    assert_eq!(
        fails("nc: 2\nnames:\n  - [heron]\n"),
        "`data.yaml`, line 3, column 5: found names[0]: invalid type: sequence, expected a class's name"
    );
    assert!(
        fails("names: heron").contains("expected `names` as a list, or a mapping from numbers")
    );
    let found = fails("names: [heron");
    assert!(found.starts_with("`data.yaml`, line 2, column 1 is not valid YAML"), "{found}");
}

#[test]
fn wrong_xml_is_named_with_its_line() {
    let cases = [
        (
            "<xmax>192</xmax>",
            "",
            "`a.xml`, line 4: found no <xmax> of the object, expected <xmin>, <ymin>, <xmax> and <ymax> in <bndbox>",
        ),
        ("192", "wide", "`a.xml`, line 4: found `wide`, expected a number as <xmax>"),
        (
            "<width>640",
            "<width>many",
            "`a.xml`, line 2: found `many`, expected a number of pixels as <width> and <height> of the image",
        ),
        (
            "annotation>",
            "kml>",
            "`a.xml`, line 1: found the element <kml>, expected <annotation>, as VOC's files begin",
        ),
        ("</annotation>", "", "`a.xml`, line 7 is not valid XML: it ends within <annotation>"),
    ];
    for (old, new, wanted) in cases {
        assert_eq!(fails("a.xml", &VOC.replace(old, new)), wanted);
    }
    let crossed = VOC.replace("</name><bndbox>", "</bndbox><name>");
    assert!(fails("a.xml", &crossed).starts_with("`a.xml`, line 3 is not valid XML"));
    assert!(fails("a.xml", "no XML").contains("found no element"));
}

#[test]
fn wrong_tables_are_named_with_their_line() {
    assert_eq!(
        fails("a.csv", "picture,xmin,ymin,xmax,ymax\n"),
        "`a.csv` has no column for the image; its columns are `picture`, `xmin`, `ymin`, `xmax`, `ymax`"
    );
    assert_eq!(
        fails("a.csv", "image,xmin,ymin,right,bottom\n"),
        "`a.csv` has no column for the box; its columns are `image`, `xmin`, `ymin`, `right`, `bottom`"
    );
    assert_eq!(fails("a.csv", ""), "`a.csv` has no column for the image; its columns are none");
    let lines = [
        ("b.jpg,1,2,x,4,", "found `x`, expected a number as a side of the box"),
        ("b.jpg,1,2,,4,", "found ``, expected a number as a side of the box"),
        ("b.jpg,1,2,3", "found 4 columns, expected 6, as in the header"),
        (",1,2,3,4,heron", "found no image, expected the name of its file"),
    ];
    for (line, wanted) in lines {
        assert_eq!(fails("a.csv", &format!("{CSV}{line}\n")), format!("`a.csv`, line 4: {wanted}"));
    }
    assert_eq!(
        fails("a.csv", "image,x,y,w,h,score\na.jpg,1,2,3,4,high\n"),
        "`a.csv`, line 2: found `high`, expected a number as the score"
    );
}

#[test]
fn wrong_kinds_in_labelmes_files_are_named_with_their_place() {
    let cases = [
        ("[64, 48]", "[64]", "found 1 numbers, expected a point as [x, y]"),
        ("[64, 48]", "64", "found integer `64`, expected a point as [x, y]"),
        ("\"heron\"", "11", "found integer `11`, expected a text as `label`"),
        ("\"a.jpg\"", "{}", "found an object, expected a text as `imagePath`"),
    ];
    for (old, new, wanted) in cases {
        check_place(LABELME, old, new, wanted);
    }
}

#[test]
fn files_that_are_not_there_or_no_text_are_refused() {
    let auto = BoxOptions::default();
    assert_eq!(error_of(&[], "a.json", &auto), "there is no file or folder `a.json`");
    let base = folder(&[]);
    for (name, bytes, wanted) in [
        ("a.json", &b"\xff\xfe{\0"[..], "`a.json` is not UTF-8 text: it is UTF-16"),
        ("a.txt", b"0 1 1 1 1\n\xe9\n", "`a.txt`, line 2 is not UTF-8 text: a byte 0xe9"),
        ("a.xml", b"<annotation>\n\n\x80", "`a.xml`, line 3 is not UTF-8 text: a byte 0x80"),
        (
            "a.csv",
            b"image,x,y,w,h\n\xe9,1,2,3,4\n",
            "`a.csv`, line 2 is not UTF-8 text: a byte that UTF-8 has not",
        ),
        (
            "a.bin",
            b"\x00\x01",
            "`a.bin` is in no format of boxes that is known by its ending or content: it is neither JSON nor XML",
        ),
    ] {
        let path = base.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = BoxFile::read(&path, &auto).unwrap_err().to_string();
        assert_eq!(error.replace(&format!("{}/", base.path().display()), ""), wanted);
    }
}

#[test]
fn folders_that_could_be_anything_are_refused() {
    let auto = BoxOptions::default();
    let of = |files: &[(&str, &str)], options: &BoxOptions| {
        error_of(&[files, &[("in/.hidden/x", "")]].concat(), "in", options)
    };
    assert_eq!(of(&[], &auto), "the folder `in` holds no .xml, .txt, .json or .csv files");
    assert_eq!(
        of(&[("in/a.xml", VOC)], &formatted(BoxFormat::Yolo)),
        "the folder `in` holds no .txt files"
    );
    let mixed = [("in/a.xml", VOC), ("in/a.json", LABELME), ("in/b.json", LABELME)];
    assert_eq!(of(&mixed, &auto), "the folder `in` holds 1 .xml and 2 .json files");
    assert_eq!(
        of(&mixed, &formatted(BoxFormat::Coco)),
        "`in` is a folder, expected a file for the format `coco`"
    );
}

#[test]
fn a_folders_files_decide_its_format() {
    let auto = BoxOptions::default();
    let of = |files: &[(&str, &str)]| BoxFile::read(folder(files).path(), &auto).unwrap().format();
    assert_eq!(of(&[("Annotations/a.xml", VOC), ("ImageSets/train.txt", "a\n")]), BoxFormat::Voc);
    assert_eq!(of(&[("labels/a.txt", YOLO), ("all.json", COCO)]), BoxFormat::Yolo);
    assert_eq!(
        of(&[("a.json", LABELME), ("b.json", LABELME), ("labels.txt", "x")]),
        BoxFormat::Labelme
    );
    assert_eq!(of(&[("annotations/instances.json", COCO)]), BoxFormat::Coco);
    assert_eq!(of(&[("boxes.csv", CSV), ("a.jpg", "")]), BoxFormat::Csv);
}

#[test]
fn a_data_set_of_images_is_for_results_only() {
    let base = folder(&[("a.json", COCO), ("a.csv", CSV), ("r.json", RESULTS)]);
    let images = Some(base.path().join("a.json"));
    let options = BoxOptions { images, ..BoxOptions::default() };
    for name in ["a.json", "a.csv"] {
        let error = BoxFile::read(&base.path().join(name), &options).unwrap_err();
        assert!(error.to_string().contains("which has images of its own"), "{error}");
    }
    let images = Some(base.path().join("r.json"));
    let options = BoxOptions { images, ..BoxOptions::default() };
    let error = BoxFile::read(&base.path().join("r.json"), &options).unwrap_err().to_string();
    assert!(error.ends_with("found a list, expected a COCO data set"), "{error}");
}

// Boxes that cannot be used.

#[test]
fn bad_boxes_are_kept_out_and_reported_with_a_place() {
    let coco = |bbox: &str| COCO.replace("[64, 48, 128, 96]", bbox);
    let voc = |xmax: &str| VOC.replace(">192<", &format!(">{xmax}<"));
    let cases = [
        ("a.json", coco("[NaN, 48, 128, 96]"), "`a.json`, annotation 1", BoxProblem::NotFinite),
        (
            "a.json",
            coco("[64, -Infinity, 128, 9]"),
            "`a.json`, annotation 1",
            BoxProblem::NotFinite,
        ),
        ("a.json", coco("[64, 48, null, 9]"), "`a.json`, annotation 1", BoxProblem::NotFinite),
        ("a.json", coco("[64, 48, 1e39, 9]"), "`a.json`, annotation 1", BoxProblem::NotFinite),
        ("a.json", coco("[64, 48, -128, 96]"), "`a.json`, annotation 1", BoxProblem::Inverted),
        ("a.json", coco("[64, 48, 0, 96]"), "`a.json`, annotation 1", BoxProblem::Empty),
        ("a.json", coco("[640, 48, 10, 96]"), "`a.json`, annotation 1", BoxProblem::Outside),
        ("a.json", coco("[]"), "`a.json`, annotation 1", BoxProblem::Missing),
        ("a.json", coco("null"), "`a.json`, annotation 1", BoxProblem::Missing),
        ("a.txt", YOLO.replacen("0.2", "nan", 1), "`a.txt`, line 1", BoxProblem::NotFinite),
        ("a.txt", YOLO.replacen("0.2\n", "-0.2\n", 1), "`a.txt`, line 1", BoxProblem::Inverted),
        (
            "a.txt",
            YOLO.replacen("0.2 0.2 0.2", "64 48 12", 1),
            "`a.txt`, line 1",
            BoxProblem::Outside,
        ),
        ("a.xml", voc("inf"), "`a.xml`, line 3", BoxProblem::NotFinite),
        ("a.xml", voc("64"), "`a.xml`, line 3", BoxProblem::Empty),
        ("a.xml", voc("6"), "`a.xml`, line 3", BoxProblem::Inverted),
        ("a.csv", CSV.replacen("192", "NaN", 1), "`a.csv`, line 2", BoxProblem::NotFinite),
        ("a.csv", CSV.replacen("192", "1", 1), "`a.csv`, line 2", BoxProblem::Inverted),
        (
            "a.json",
            LABELME.replace("[64, 48]", "[192, 48]"),
            "`a.json`, shape 1",
            BoxProblem::Empty,
        ),
        (
            "a.json",
            LABELME.replace("[64, 48]", "[NaN, 48]"),
            "`a.json`, shape 1",
            BoxProblem::NotFinite,
        ),
        (
            "a.json",
            LABELME.replace("[[192, 144], [64, 48]]", "[]"),
            "`a.json`, shape 1",
            BoxProblem::Missing,
        ),
    ];
    for (name, text, place, problem) in cases {
        let base = folder(&[(name, &text)]);
        let file = BoxFile::read(&base.path().join(name), &BoxOptions::default()).unwrap();
        let found = of_a(&file);
        assert_eq!(found.boxes.len(), 1, "{place}: {problem}");
        let unusable = found.unusable.unwrap_or_else(|| panic!("{place}: {problem}"));
        let base = format!("{}/", base.path().display());
        assert_eq!((unusable.count, unusable.problem), (1, problem), "{place}");
        assert_eq!(unusable.place.replace(&base, ""), place);
    }
}

#[test]
fn bad_boxes_are_counted_with_one_example() {
    let text = "0 nan 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n0 9 9 0.1 0.1\n0 0.5 0.5 0 0.1\n";
    let found = of_a(&read("a.txt", text));
    assert_eq!(found.boxes.len(), 1);
    let text = found.unusable.unwrap().to_string();
    assert!(text.starts_with("3 boxes cannot be used, the first of them: `"), "{text}");
    assert!(text.ends_with("a.txt`, line 1: a number is not finite"), "{text}");
}

#[test]
fn boxes_may_reach_over_the_image() {
    let found = of_a(&read("a.csv", "image,x0,y0,x1,y1\na.jpg,-3,-2,700,10\n"));
    assert_eq!(pixels(&found.boxes[0]), [-3.0, -2.0, 700.0, 10.0]);
}

#[test]
fn another_size_than_the_images_is_reported() {
    for (name, text) in [("a.json", COCO), ("a.xml", VOC), ("a.json", LABELME)] {
        let found = matched(&read(name, text), &["a.jpg"]).boxes(0, Size::new(1280, 960));
        assert_eq!(found.stated_size, Some(SIZE));
    }
}

// Which image gets which boxes.

/// A table with a box for each of these images, called by its place.
fn table(names: &[&str]) -> BoxFile {
    let mut text = "image,x,y,w,h,label\n".to_owned();
    for (index, name) in names.iter().enumerate() {
        text += &format!("{name},1,2,3,4,{index}\n");
    }
    read("a.csv", &text)
}

/// Which entries of a table over `entries` the images get; with the unmatched and ambiguous.
fn pairs(entries: &[&str], names: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let found = matched(&table(entries), names);
    let ambiguous = found.ambiguous().iter().map(|entry| entry.entry.clone()).collect();
    (by_image(&found, names.len()), found.unmatched().to_vec(), ambiguous)
}

fn check(entries: &[&str], names: &[&str], wanted: &[&str]) {
    let (found, unmatched, ambiguous) = pairs(entries, names);
    assert_eq!(found, wanted, "{entries:?} for {names:?}");
    assert!(unmatched.is_empty() && ambiguous.is_empty(), "{unmatched:?} {ambiguous:?}");
}

#[test]
fn entries_go_to_the_image_of_their_name() {
    check(&["x/a.jpg", "a.jpg"], &["a.jpg", "x/a.jpg"], &["1", "0"]);
    check(&["./x//a.jpg", r"y\a.jpg"], &["x/a.jpg", "y/a.jpg"], &["0", "1"]);
    check(&["a.jpg", "a.png"], &["a.png", "a.jpg"], &["1", "0"]);
}

#[test]
fn entries_go_to_the_only_image_with_their_file_name_or_stem() {
    check(&["old/place/a.jpg"], &["x/a.jpg", "b.jpg"], &["0", ""]);
    check(&["a.jpg"], &["x/y/a.jpg"], &["0"]);
    check(&["a.bmp", "b"], &["a.jpg", "x/b.png"], &["0", "1"]);
    check(&["v1.2/a.b"], &["v1.2/a.b.jpg"], &["0"]);
}

#[test]
fn of_several_images_the_one_with_most_shared_folders_is_meant() {
    check(
        &["set/train/a.jpg", "set/val/a.jpg"],
        &["all/val/a.jpg", "all/train/a.jpg"],
        &["1", "0"],
    );
    // The images' own folder counts, also where it was named itself: here it is `in`.
    check(&["in/a.jpg", "out/b.jpg"], &["a.jpg", "b.jpg"], &["0", "1"]);
}

#[test]
fn what_stays_ambiguous_is_named_and_not_guessed() {
    let (found, unmatched, ambiguous) = pairs(&["z/a.jpg"], &["x/a.jpg", "y/a.jpg"]);
    assert_eq!(
        (found, unmatched.len(), ambiguous),
        (vec![String::new(); 2], 0, vec!["z/a.jpg".into()])
    );
    let (found, unmatched, ambiguous) = pairs(&["x/a.jpg", "y/a.jpg"], &["a.jpg"]);
    assert_eq!((found, unmatched.len(), ambiguous.len()), (vec![String::new()], 0, 2));
    let found = matched(&table(&["z/a.jpg"]), &["x/a.jpg", "y/a.jpg", "w/a.jpg"]);
    assert_eq!(
        found.ambiguous()[0].to_string(),
        "`z/a.jpg`: it fits `/data/in/x/a.jpg`, `/data/in/y/a.jpg` and 1 more equally well"
    );
    assert_eq!(found.without_entry(), [0, 1, 2]);
}

#[test]
fn an_image_goes_to_the_entry_that_fits_it_best() {
    let (found, unmatched, ambiguous) = pairs(&["val/a.jpg", "train/a.jpg"], &["train/a.jpg"]);
    assert_eq!((found, ambiguous.len()), (vec!["1".to_owned()], 0));
    assert_eq!(unmatched, ["val/a.jpg"]);
}

#[test]
fn what_matches_nothing_is_listed_on_both_sides() {
    let found = matched(&table(&["a.jpg", "gone.jpg"]), &["b.jpg", "a.jpg"]);
    assert_eq!(found.without_entry(), [0]);
    assert_eq!(found.unmatched(), ["gone.jpg"]);
    assert!(!found.has_entry(0) && found.has_entry(1) && !found.has_entry(2));
    assert_eq!(found.boxes(0, SIZE), ResolvedBoxes::default());
}

#[test]
fn results_without_images_go_by_number() {
    let names = ["000000000007.jpg", "x7.jpg", "8.jpg"];
    let text = RESULTS.replacen("\"image_id\": 7", "\"image_id\": 9", 1);
    let found = matched(&read("r.json", &text), &names);
    assert_eq!(by_image(&found, 3), ["class 5", "", ""]);
    assert_eq!(found.unmatched(), ["image id 9"]);
    let twice = matched(&read("r.json", &text), &["7.jpg", "007.jpg"]);
    assert_eq!(twice.ambiguous()[0].entry, "image id 7");
}

#[test]
fn results_with_images_go_by_name() {
    let text = RESULTS.replacen("\"image_id\": 7", "\"image_id\": 8", 1);
    let more = r#""images": [{"id": 1, "file_name": "other.jpg"}, "#;
    let coco = COCO.replace(r#""images": ["#, more);
    let base = folder(&[("r.json", &text), ("coco.json", &coco)]);
    let images = Some(base.path().join("coco.json"));
    let file =
        BoxFile::read(&base.path().join("r.json"), &BoxOptions { images, ..BoxOptions::default() });
    let found = matched(&file.unwrap(), &["8.jpg", "a.jpg"]);
    assert_eq!(by_image(&found, 2), ["", "egret"]);
    // Nobody misses images that are in the data set only.
    let unmatched = found.unmatched();
    assert_eq!(unmatched.len(), 1);
    assert!(unmatched[0].starts_with("image id 8 (not in `"), "{unmatched:?}");
}

#[test]
fn an_annotation_of_an_image_that_is_not_in_the_data_set_is_named() {
    let text = COCO.replacen("\"image_id\": 7", "\"image_id\": 8", 1);
    let found = matched(&read("a.json", &text), &["a.jpg", "8.jpg"]);
    assert_eq!(by_image(&found, 2), ["egret", ""]);
    assert_eq!(found.unmatched(), ["image id 8 (not in `images`)"]);
}

#[test]
fn folders_of_annotations_mirror_those_of_images() {
    let auto = BoxOptions::default();
    for (ending, text) in [("txt", YOLO), ("xml", VOC), ("json", LABELME)] {
        let other = text.replacen("heron", "crane", 1).replacen("0 0.2", "7 0.2", 1);
        let base = folder(&[
            (&format!("labels/x/a.{ending}"), text),
            (&format!("labels/y/a.{ending}"), &other),
        ]);
        for path in [base.path().to_owned(), base.path().join("labels")] {
            let file = BoxFile::read(&path, &auto).unwrap();
            for names in [["y/a.jpg", "x/a.jpg"], ["images/y/a.jpg", "images/x/a.jpg"]] {
                let found = by_image(&matched(&file, &names), 2);
                let firsts: Vec<_> =
                    found.iter().map(|labels| &labels[..7.min(labels.len())]).collect();
                let wanted =
                    if ending == "txt" { ["class 7", "class 0"] } else { ["crane e", "heron e"] };
                assert_eq!(firsts, wanted, "{ending} {names:?}");
            }
        }
    }
}

#[test]
fn labelme_names_its_image_and_voc_goes_by_its_own_name() {
    let named = LABELME.replace("a.jpg", r"..\\photos\\b.jpg");
    let base = folder(&[("json/a.json", &named), ("json/c.json", LABELME)]);
    let file = BoxFile::read(base.path(), &formatted(BoxFormat::Labelme)).unwrap();
    let found = matched(&file, &["photos/b.jpg", "other/b.jpg"]);
    assert_eq!(by_image(&found, 2), ["heron egret", ""]);
    let file = read("b.xml", VOC);
    assert_eq!(by_image(&matched(&file, &["a.jpg", "b.jpg"]), 2), ["", "heron egret"]);
    assert_eq!(by_image(&matched(&file, &["a.jpg"]), 1), ["heron egret"]);
}

// Many boxes, many images, and spoilt files.

#[test]
fn many_boxes_in_one_image_are_no_trouble() {
    let mut text = "image,x,y,w,h,label\n".to_owned();
    let mut shapes = String::new();
    for index in 0..10_000 {
        text += &format!("a.jpg,{},2,3,4,label {index}\n", index % 600);
        let comma = if index == 0 { "" } else { "," };
        shapes += &format!(
            "{comma}{{\"label\": \"l{index}\", \"group_id\": {index}, \"points\": [[1, 2], [3, 4]]}}"
        );
    }
    let labelme = format!("{{\"shapes\": [{shapes}], \"imagePath\": \"a.jpg\"}}");
    for (name, text) in [("a.csv", text), ("a.json", labelme)] {
        assert_eq!(of_a(&read(name, &text)).boxes.len(), 10_000);
    }
}

#[test]
fn images_with_one_name_in_many_folders_are_no_trouble() {
    let names: Vec<_> = (0..5000).map(|scene| format!("scene {scene}/rgb.png")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let found = matched(&table(&names), &names);
    assert!(found.without_entry().is_empty());
    assert_eq!(labels(&found.boxes(4321, SIZE)), ["4321"]);
}

#[test]
fn the_samples_for_spoiling_are_right() {
    for (format, ending, text) in fuzz::CORPUS {
        let file = read(&format!("a.{ending}"), text);
        assert_eq!(file.format(), format);
        assert!(file.box_count() > 0);
    }
}

#[test]
fn spoilt_files_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fuzz::Random::new(11);
    for _ in 0..3000 {
        let (format, ending, bytes) = fuzz::mutate(&mut random);
        fuzz::exercise(folder.path(), format, ending, &bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all_are_refused_or_read(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        format in 0..BoxFormat::ALL.len(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        fuzz::exercise(folder.path(), BoxFormat::ALL[format], "json", &bytes);
    }

    /// Boxes in thousandths of a pixel come through every format that has pixels.
    #[test]
    fn boxes_come_through(x in 0..600_000_u32, y in 0..400_000_u32, w in 1..90_000_u32, h in 1..90_000_u32) {
        let [x, y, w, h] = [x, y, w, h].map(|number| f64::from(number) / 1000.0);
        let (right, bottom) = (x + w, y + h);
        let csv = format!("image,x0,y0,x1,y1\na.jpg,{x},{y},{right},{bottom}\n");
        let coco = COCO.replace("[64, 48, 128, 96]", &format!("[{x}, {y}, {w}, {h}]"));
        for (name, text) in [("a.csv", csv), ("a.json", coco)] {
            let boxes = of_a(&read(name, &text)).boxes;
            let wanted = [x, y, right, bottom].map(|number| number as f32);
            prop_assert_eq!(pixels(&boxes[0]), wanted, "{}", name);
        }
    }
}
