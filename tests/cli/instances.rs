//! Boxes and their masks: `detect`, `instances`, and boxes out of files.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Place, Run, needs_weights, scene};

/// Ends the test when the built-in detector's weights are not there.
macro_rules! needs_detector {
    () => {
        if samkit_models::testing::local_or_skip("ssdlite-mobilenet-v2").is_none() {
            return;
        }
    };
}

fn example(name: &str) -> String {
    format!("{}/examples/images/{name}.jpg", env!("CARGO_MANIFEST_DIR"))
}

/// The scene's disc and block, in pixels of 120×80.
const DISC: [f32; 4] = [12.0, 20.0, 60.0, 52.0];
const BLOCK: [f32; 4] = [72.0, 24.0, 108.0, 64.0];

/// A place with the scene as `a.png`, and boxes of its two things as CSV.
fn place() -> Place {
    let place = Place::new();
    place.picture("a.png", &scene(120, 80));
    place.write("boxes.csv", csv(&[("a.png", DISC, "disc"), ("a.png", BLOCK, "block")]));
    place
}

fn csv(rows: &[(&str, [f32; 4], &str)]) -> String {
    let row = |(image, [x0, y0, x1, y1], label): &(&str, [f32; 4], &str)| {
        format!("{image},{x0},{y0},{x1},{y1},{label}\n")
    };
    "image,xmin,ymin,xmax,ymax,label\n".to_owned() + &rows.iter().map(row).collect::<String>()
}

fn masks_of(place: &Place, boxes: &str, more: &[&str]) -> Run {
    let args = ["instances", "a.png", "--boxes", boxes, "--output", "out"];
    place.run(&[&args[..], more].concat())
}

#[test]
fn the_built_in_detector_finds_the_cat() {
    needs_detector!();
    let place = Place::new();
    let run = place.run(&["detect", &example("chelsea"), "--output", "out", "--json"]).exits(0);
    // Segment Anything is not needed, so it is not loaded.
    let report = run.json();
    assert_eq!(report["model"], Value::Null);
    assert_eq!(report["weights"][0]["id"], "ssdlite-mobilenet-v2");
    assert_eq!(place.names("out"), ["chelsea.detect.json", "chelsea.overlay.png"]);
    let boxes = place.json("out/chelsea.detect.json");
    assert_eq!(boxes[0]["label"], "cat");
    assert_eq!(boxes[0]["category_id"].as_f64(), Some(17.0));
    assert!(boxes[0]["score"].as_f64() > Some(0.5), "{boxes}");
}

#[test]
fn labels_are_taken_as_people_say_them_and_others_refused_with_the_nearest() {
    needs_detector!();
    let place = Place::new();
    let cat = example("chelsea");
    place.run(&["detect", &cat, "--labels", "Cats", "--output", "out"]).exits(0);
    assert_eq!(place.json("out/chelsea.detect.json")[0]["label"], "cat");
    let refused = place.run(&["detect", &cat, "--labels", "teddybear", "--output", "no"]).exits(2);
    refused.says(&["`teddybear`", "help: did you mean `teddy bear`?", "80 classes"]);
    assert!(place.names("no").is_empty());
}

#[test]
fn nothing_found_is_a_result_too() {
    needs_weights!();
    needs_detector!();
    let place = Place::new();
    place.picture("grey.png", &RgbImage::from_pixel(64, 48, Rgb([90; 3])));
    let save = "masks,labels,coco,results,yolo,labelme,overlay";
    let args = ["instances", "grey.png", "--output", "out", "--save", save];
    let run = place.run(&args).exits(0).says(&["`detect`: no box has a score of 0.4 or more"]);
    // Said once, by the step that looked for boxes.
    assert!(!run.stderr.contains("`instances`:"), "{}", run.stderr);
    assert_eq!(place.json("out/grey.instances.json"), json!([]));
    assert_eq!(place.json("out/results.json"), json!([]));
    assert_eq!(place.json("out/coco.json")["images"][0]["file_name"], "grey.png");
    assert_eq!(place.json("out/coco.json")["annotations"], json!([]));
    assert!(place.path("out/yolo/labels/grey.txt").is_file());
}

#[test]
fn a_detector_and_masks_in_one_command() {
    needs_weights!();
    needs_detector!();
    let place = Place::new();
    let save = "masks,labels,coco,results,yolo,labelme,overlay";
    place.run(&["instances", &example("chelsea"), "--output", "out", "--save", save]).exits(0);
    let masks = place.json("out/chelsea.instances.json");
    let cat = &masks[0];
    assert_eq!(cat["label"], "cat");
    // It fills most of the picture's 135,300 pixels.
    assert!(cat["area"].as_f64() > Some(70_000.0), "{}", cat["area"]);
    let product = cat["box_score"].as_f64().zip(cat["predicted_iou"].as_f64());
    let product = product.map(|(score, iou)| score * iou).expect("both are there");
    assert!((cat["score"].as_f64().expect("a score") - product).abs() < 1e-5);

    let dataset = place.json("out/coco.json");
    assert_eq!(dataset["categories"][0], json!({"id": 17, "name": "cat", "supercategory": ""}));
    assert_eq!(dataset["annotations"][0]["segmentation"], cat["segmentation"]);
    assert_eq!(place.json("out/results.json")[0]["category_id"], 17);
    let labels = image::open(place.path("out/chelsea.labels.png")).expect("a picture").to_luma16();
    let pixels = labels.pixels().filter(|pixel| pixel.0[0] == 1).count();
    assert_eq!(Some(pixels as f64), cat["area"].as_f64());
    let polygons = place.json("out/chelsea.labelme.json");
    assert_eq!(polygons["shapes"][0]["shape_type"], "polygon");
    assert!(place.path("out").join(polygons["imagePath"].as_str().expect("a path")).is_file());
    assert!(place.path("out/yolo/data.yaml").is_file());
}

#[test]
fn the_same_boxes_in_every_format_give_the_same_masks() {
    needs_weights!();
    let place = place();
    let first = |name: &str, boxes: &str, more: &[&str]| {
        masks_of(&place, boxes, &[&["--save", "masks"], more].concat()).exits(0);
        let masks = place.json("out/a.instances.json");
        let short = |mask: &Value| json!([mask["segmentation"], mask["label"]]);
        let mut masks: Vec<_> = masks.as_array().expect(name).iter().map(short).collect();
        masks.sort_by_key(Value::to_string);
        masks
    };
    let expected = first("csv", "boxes.csv", &[]);
    assert_eq!(expected.len(), 2);

    let xywh = |[x0, y0, x1, y1]: [f32; 4]| [x0, y0, x1 - x0, y1 - y0];
    let images = json!([{"id": 5, "file_name": "a.png", "width": 120, "height": 80}]);
    let categories = json!([{"id": 1, "name": "disc"}, {"id": 4, "name": "block"}]);
    let things = json!([
        {"id": 1, "image_id": 5, "category_id": 1, "bbox": xywh(DISC), "iscrowd": 0},
        {"id": 2, "image_id": 5, "category_id": 4, "bbox": xywh(BLOCK), "iscrowd": 0},
    ]);
    let dataset = json!({"images": images, "annotations": things, "categories": categories});
    place.write("coco.json", dataset.to_string());
    assert_eq!(first("coco", "coco.json", &[]), expected);

    let results = json!([
        {"image_id": 5, "category_id": 1, "bbox": xywh(DISC), "score": 0.5},
        {"image_id": 5, "category_id": 4, "bbox": xywh(BLOCK), "score": 0.75},
    ]);
    place.write("results.json", results.to_string());
    let with_images = ["--boxes-images", "coco.json"];
    assert_eq!(first("results", "results.json", &with_images), expected);

    let line = |class: u32, [x0, y0, x1, y1]: [f32; 4]| {
        let (x, y) = ((x0 + x1) / 240.0, (y0 + y1) / 160.0);
        format!("{class} {x} {y} {} {}\n", (x1 - x0) / 120.0, (y1 - y0) / 80.0)
    };
    place.write("yolo/labels/a.txt", line(0, DISC) + &line(1, BLOCK));
    place.write("yolo/data.yaml", "names: [disc, block]\n");
    assert_eq!(first("yolo", "yolo", &[]), expected);

    let object = |name: &str, [x0, y0, x1, y1]: [f32; 4]| {
        format!(
            "<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>\
             <xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        )
    };
    let body = object("disc", DISC) + &object("block", BLOCK);
    let xml = format!("<annotation><filename>a.png</filename>{body}</annotation>");
    place.write("voc/a.xml", xml);
    assert_eq!(first("voc", "voc", &[]), expected);

    let shape = |label: &str, [x0, y0, x1, y1]: [f32; 4]| json!({"label": label, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"});
    let shapes =
        json!({"shapes": [shape("disc", DISC), shape("block", BLOCK)], "imagePath": "a.png"});
    place.write("labelme/a.json", shapes.to_string());
    assert_eq!(first("labelme", "labelme", &[]), expected);
}

#[test]
fn what_is_wrong_with_boxes_is_said_and_the_others_get_masks() {
    needs_weights!();
    let place = place();
    let nan = "a.png,NaN,1,20,20,disc\n";
    let rows = [
        ("a.png", DISC, "disc"),
        ("a.png", [30.0, 30.0, 10.0, 10.0], "inverted"),
        ("a.png", [30.0, 30.0, 30.0, 50.0], "without area"),
        ("a.png", [300.0, 30.0, 330.0, 50.0], "outside"),
        ("a.png", [-40.0, -10.0, 60.0, 52.0], "partly outside"),
        ("missing.png", DISC, "of another image"),
    ];
    place.write("boxes.csv", csv(&rows) + nan);
    let run = masks_of(&place, "boxes.csv", &["--save", "masks"]).exits(0);
    run.says(&["missing.png", "4 boxes cannot be used", "line 3", "1 of 2 boxes reach outside"]);
    let labels: Vec<_> = place.json("out/a.instances.json").as_array().expect("a list").clone();
    let labels: Vec<_> = labels.iter().map(|mask| mask["label"].as_str()).collect();
    assert_eq!(labels, [Some("disc"), Some("partly outside")]);
}

#[test]
fn ten_thousand_boxes_are_cut_to_the_best() {
    needs_weights!();
    let place = place();
    let mut rows = "image,xmin,ymin,xmax,ymax,label,score\n".to_owned();
    for number in 0..10_000 {
        let x = number % 100;
        rows += &format!("a.png,{x},10,{},40,thing,{}\n", x + 15, 1.0 - number as f32 / 20_000.0);
    }
    place.write("many.csv", rows);
    let more = ["--save", "masks", "--max-instances", "3"];
    let run = masks_of(&place, "many.csv", &more).exits(0);
    run.says(&["9997 of 10000 boxes are beyond the best 3"]);
    assert_eq!(place.json("out/a.instances.json").as_array().map(Vec::len), Some(3));
}

#[test]
fn boxes_of_other_images_end_the_run_before_it_begins() {
    let place = place();
    place.write("other.csv", csv(&[("b.png", DISC, "disc")]));
    masks_of(&place, "other.csv", &[]).exits(2).says(&["no boxes for any of the images", "b.png"]);
    place.write("bad.json", "{\"images\": [],\n \"annotations\": [{\"bbox\": \"wide\"}]}");
    masks_of(&place, "bad.json", &[]).exits(2).says(&["bad.json", "2:", "expected"]);
    masks_of(&place, "none.csv", &[]).exits(2).says(&["none.csv"]);
    assert!(place.names("out").is_empty());
}

#[test]
fn images_of_one_name_are_told_apart_by_their_folders() {
    needs_weights!();
    let place = Place::new();
    place.picture("in/x/a.png", &scene(120, 80));
    place.picture("in/y/a.png", &scene(120, 80));
    place.write("boxes.csv", csv(&[("x/a.png", DISC, "disc"), ("y/a.png", BLOCK, "block")]));
    let args = ["instances", "in", "--boxes", "boxes.csv", "--output", "out", "--save", "masks"];
    place.run(&args).exits(0);
    assert_eq!(place.json("out/x/a.instances.json")[0]["label"], "disc");
    assert_eq!(place.json("out/y/a.instances.json")[0]["label"], "block");
    place.write("boxes.csv", csv(&[("a.png", DISC, "disc")]));
    place.run(&args).exits(2).says(&["a.png", "several images"]);
}

#[test]
fn recipes_take_boxes_from_files_beside_them() {
    needs_weights!();
    let place = place();
    let recipe = "version: 1\ninput: ../a.png\noutput: ../out\nsteps:\n  - task: boxes\n    \
                  params: { file: ../boxes.csv }\n    save: [coco]\n  - task: instances\n    \
                  inputs: { boxes: boxes }\n    save: [results]\n";
    place.write("recipes/r.yaml", recipe);
    place.run(&["run", "recipes/r.yaml"]).exits(0);
    assert_eq!(
        place.json("out/boxes/coco.json")["annotations"][1]["bbox"],
        json!([72.0, 24.0, 36.0, 40.0])
    );
    assert_eq!(place.json("out/instances/results.json").as_array().map(Vec::len), Some(2));
    place.write("recipes/r.yaml", recipe.replace("{ file: ../boxes.csv }", "{}"));
    place.run(&["run", "recipes/r.yaml"]).exits(2).says(&["`file` is not given", "r.yaml"]);
}

#[test]
fn labels_that_no_box_has_are_named_with_those_that_there_are() {
    needs_weights!();
    let place = place();
    let run = masks_of(&place, "boxes.csv", &["--labels", "dics", "--save", "masks"]).exits(0);
    let run = run.says(&[
        "boxes.csv: of 2 boxes none is labelled `dics` (did you mean `disc`?)",
        "the labels there are: block (1), disc (1)",
        "`boxes`: of 2 boxes none is labelled `dics`",
    ]);
    assert!(!run.stderr.contains("`instances`:"), "{}", run.stderr);
    assert_eq!(place.json("out/a.instances.json"), json!([]));
    // As people say them, like a detector's classes.
    let run = masks_of(&place, "boxes.csv", &["--labels", "Discs", "--save", "masks"]).exits(0);
    assert!(!run.stderr.contains("none"), "{}", run.stderr);
    let masks = place.json("out/a.instances.json");
    assert_eq!(masks.as_array().map(Vec::len), Some(1));
    assert_eq!(masks[0]["label"], "disc");
    place.write("weak.csv", "image,xmin,ymin,xmax,ymax,label,score\na.png,12,20,60,52,disc,0.25\n");
    let run = masks_of(&place, "weak.csv", &["--save", "masks"]).exits(0);
    run.says(&["`boxes`: of 1 box none has a score of 0.4 or more"]);
}

#[test]
fn names_of_classes_out_of_a_file_are_for_boxes_too() {
    needs_weights!();
    let place = place();
    place.write("labels/a.txt", "1 0.3 0.45 0.4 0.4\n");
    place.write("names.txt", "block\ndisc\n");
    let more = ["--class-names-file", "names.txt", "--save", "masks"];
    masks_of(&place, "labels", &more).exits(0);
    assert_eq!(place.json("out/a.instances.json")[0]["label"], "disc");
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    let place = place();
    let detect = place.run(&["detect", "a.png", "--layout", "yolo", "--output", "out"]).exits(2);
    detect.says(&["`--layout` would be ignored", "built in", "help: name a detector", "--model"]);
    let more = ["--class-names", "a,b", "--pixels", "rgb-unit"];
    let args = ["instances", "a.png", "--output", "out"];
    let instances = place.run(&[&args[..], &more[..]].concat()).exits(2);
    instances.says(&["`--class-names`, `--pixels` would be ignored", "`--detector FILE.onnx`"]);
    let both = ["--no-refine", "--refine-from", "single"];
    place.run(&[&args[..], &both[..]].concat()).exits(2).says(&["--no-refine", "--refine-from"]);
    let other = place.run(&[&args[..], &["--detector", "yolo"]].concat()).exits(2);
    other.says(&["`--detector` is `yolo`"]);

    for [flag, value] in [
        ["--layout", "yolo"],
        ["--resize", "stretch"],
        ["--pixels", "imagenet"],
        ["--input-size", "640"],
        ["--iou-threshold", "0.5"],
        ["--detector", "yolo11n.onnx"],
    ] {
        let run = masks_of(&place, "boxes.csv", &[flag, value]).exits(2);
        run.says(&["--boxes", "cannot be used with", flag]);
    }
    let named = masks_of(&place, "boxes.csv", &["--class-names", "a,b"]).exits(2);
    named.says(&["boxes.csv", "`csv`, which names its classes itself", "help: leave out"]);
    let missing = masks_of(&place, "boxes.csv", &["--class-names-file", "no.txt"]).exits(2);
    missing.says(&["no.txt", "`--class-names-file`", "the name of a class on every line"]);
    assert!(place.names("out").is_empty());
}

#[test]
fn files_that_are_no_detectors_are_refused() {
    let place = place();
    place.write("cut.onnx", b"\x08\x07 not a graph");
    let run = place.run(&["detect", "a.png", "--model", "cut.onnx", "--output", "out"]).exits(2);
    run.says(&["cut.onnx is not an ONNX graph", "help: a detector is an ONNX file"]);
    let missing = place.run(&["detect", "a.png", "--model", "none.onnx"]).exits(2);
    missing.says(&["cannot read none.onnx", "help: expected a detector's file"]);
    place.run(&["detect", "a.png", "--model", "yolo"]).exits(2).says(&["`yolo`", ".onnx"]);
    assert!(place.names("out").is_empty());
}

#[test]
fn results_are_scored_as_coco_does() {
    let place = Place::new();
    let images = json!([{"id": 1, "file_name": "a.png", "width": 50, "height": 50}]);
    let thing = json!({"id": 1, "image_id": 1, "category_id": 2, "bbox": [10, 10, 20, 20],
        "area": 400, "iscrowd": 0});
    let categories = json!([{"id": 2, "name": "cup"}]);
    let truth = json!({"images": images, "annotations": [thing], "categories": categories});
    place.write("truth.json", truth.to_string());
    let result = json!([{"image_id": 1, "category_id": 2, "bbox": [10, 10, 20, 16], "score": 0.9}]);
    place.write("results.json", result.to_string());
    let args = ["eval", "instances", "--gt", "truth.json", "--results", "results.json", "--iou"];
    let scores = place.run(&[&args[..], &["bbox", "--json"]].concat()).exits(0).json();
    // IoU 0.8 passes seven of the ten thresholds.
    assert!((scores["summary"]["AP"].as_f64().expect("a number") - 0.7).abs() < 1e-9, "{scores}");
    assert_eq!(scores["summary"]["APm"], Value::Null);
    assert_eq!(scores["classes"][0]["name"], "cup");
    let table = place.run(&[&args[..], &["bbox", "--per-class"]].concat()).exits(0).stdout;
    for part in ["AP50", "0.7000", "cup", "1 result against 1 annotation of 1 image"] {
        assert!(table.contains(part), "no `{part}` in:\n{table}");
    }
    place.write("results.json", "[{\"image_id\": \"one\"}]");
    let wrong = place.run(&[&args[..], &["bbox"]].concat()).exits(2);
    let parts =
        ["results.json: line 1, column", "found string \"one\"", "help: expected COCO results"];
    wrong.says(&parts);
    let quiet = place.write("results.json", result.to_string());
    assert!(quiet.is_file());
    let quiet = place.run(&[&args[..], &["bbox", "-q"]].concat()).exits(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn files_that_are_no_results_are_told_from_those_that_are() {
    let place = Place::new();
    let images = json!([{"id": 1, "file_name": "a.png", "width": 50, "height": 50}]);
    let thing = json!({"id": 1, "image_id": 1, "category_id": 2, "bbox": [10, 10, 20, 20],
        "area": 400, "iscrowd": 0});
    let categories = json!([{"id": 2, "name": "cup"}]);
    let truth = json!({"images": images, "annotations": [thing], "categories": categories});
    place.write("truth.json", truth.to_string());
    let result = |class: u32| json!({"image_id": 1, "category_id": class, "bbox": [10, 10, 20, 20], "score": 0.9});
    let eval = |gt: &str, results: &str, more: &[&str]| {
        let args = ["eval", "instances", "--gt", gt, "--results", results];
        place.run(&[&args[..], more].concat())
    };
    let bbox = ["--iou", "bbox"];
    let dataset = eval("truth.json", "truth.json", &bbox).exits(2);
    dataset.says(&["truth.json is an object", "data set", "help: `--save results`"]);
    place.write("results.json", json!([result(2)]).to_string());
    eval("results.json", "truth.json", &bbox).exits(2).says(&["results.json is a list"]);
    let missing = eval("truth.json", "nope.json", &bbox).exits(2);
    let missing = missing.says(&["there is no file nope.json", "help: expected COCO results"]);
    assert_eq!(missing.stderr.matches("nope.json").count(), 1, "{}", missing.stderr);
    place.write("cut.json", "[{\"image_id\": 1");
    eval("truth.json", "cut.json", &bbox).exits(2).says(&["cut.json", "ends too early"]);

    let masks = eval("truth.json", "results.json", &[]).exits(2);
    masks.says(&["no annotation in truth.json has a mask", "`--iou bbox`"]);
    let mut masked = truth;
    masked["annotations"][0]["segmentation"] = json!([[10, 10, 30, 10, 30, 30, 10, 30]]);
    place.write("masked.json", masked.to_string());
    let masks = eval("masked.json", "results.json", &[]).exits(0);
    masks.says(&["results.json: results without a mask (`segmentation`): 1 of 1", "`--iou bbox`"]);

    place.write("results.json", json!([result(2), result(7)]).to_string());
    let other = eval("truth.json", "results.json", &bbox).exits(0);
    let other = other.says(&["results of classes that the annotations do not have: 1 of 2"]);
    assert_eq!(other.stderr.lines().count(), 1, "{}", other.stderr);
    place.write("results.json", json!([result(7)]).to_string());
    let other = eval("truth.json", "results.json", &bbox).exits(2);
    other.says(&["no result in results.json is of a class", "`category_id` 7", "have 2"]);
}
