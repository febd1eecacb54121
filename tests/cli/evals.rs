//! Results against annotations.

use image::{GrayImage, Luma, RgbImage};

use crate::support::{Place, Run};

const SIZE: (u32, u32) = (60, 40);

/// A vertical line.
fn line(x: u32) -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |u, _| Luma([if u == x { 255 } else { 0 }]))
}

fn save(place: &Place, name: &str, map: &GrayImage) {
    let path = place.write(name, []);
    map.save(path).expect("a picture");
}

/// Two images: one with one annotation and a right map, one with two and a map of which half is
/// right.
fn place() -> Place {
    let place = Place::new();
    for name in ["a", "b"] {
        place.picture(&format!("images/{name}.png"), &RgbImage::new(SIZE.0, SIZE.1));
    }
    save(&place, "gt/a.png", &line(20));
    save(&place, "gt/b/1.png", &line(20));
    save(&place, "gt/b/2.png", &line(30));
    save(&place, "pred/a.png", &line(20));
    let mut both = line(20);
    (0..SIZE.1).for_each(|y| both.put_pixel(45, y, Luma([255])));
    save(&place, "pred/b.edges.png", &both);
    place
}

const FOLDERS: [&str; 8] = ["eval", "edges", "--images", "images", "--gt", "gt", "--pred", "pred"];

fn run(place: &Place, more: &[&str]) -> Run {
    place.run(&[&FOLDERS[..], more].concat())
}

#[test]
fn edge_maps_are_scored() {
    let place = place();
    let scores =
        run(&place, &["--json", "--plot", "curve.svg", "--csv", "curve.csv"]).exits(0).json();
    // Right are 40 + 40 of 40 + 80 pixels, found 40 + 40 of 40 + 80: F is 2/3 at every threshold.
    let f = scores["ods"]["f"].as_f64().expect("a number");
    assert!((f - 2.0 / 3.0).abs() < 1e-9, "{f}");
    assert_eq!(scores["images"][0]["f"], 1.0);
    assert_eq!(scores["images"][1]["f"], 0.5);
    assert_eq!(scores["images"][1]["image"], "b.png");
    assert_eq!(scores["curve"].as_array().map(Vec::len), Some(99));
    let plot = std::fs::read_to_string(place.path("curve.svg")).expect("a plot");
    assert!(plot.starts_with("<svg") && plot.contains("SAM ViT-H"));
    let curve = std::fs::read_to_string(place.path("curve.csv")).expect("a curve");
    assert_eq!(curve.lines().count(), 100);

    let table = run(&place, &["--per-image"]).exits(0).stdout;
    for part in ["ODS", "0.667", "b.png", "2 images, 99 thresholds"] {
        assert!(table.contains(part), "no `{part}` in:\n{table}");
    }
}

#[test]
fn missing_files_are_all_named_before_anything_runs() {
    let place = place();
    place.picture("images/c.png", &RgbImage::new(SIZE.0, SIZE.1));
    std::fs::remove_file(place.path("pred/a.png")).expect("it is there");
    let parts = [
        "missing: 3 files",
        "c.png has no annotation",
        "c.png has no edge map",
        "a.png has no edge map",
    ];
    let run = run(&place, &[]).exits(2).says(&parts);
    assert_eq!(run.stdout, "");
}

#[test]
fn what_cannot_be_read_is_listed_and_the_rest_scored() {
    let place = place();
    save(&place, "pred/b.edges.png", &GrayImage::new(9, 9));
    let wrong =
        run(&place, &["--json"]).exits(1).says(&["b.png was not scored", "is 9×9, expected 60×40"]);
    assert_eq!(wrong.json()["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(wrong.json()["failures"][0]["image"], "b.png");

    place.write("pred/b.edges.png", b"no picture");
    run(&place, &[]).exits(1).says(&["is not a readable image"]);
    place.write("gt/a.mat", b"MATLAB 5.0 and no more");
    run(&place, &[]).exits(1).says(&["a.png was not scored", "shorter than a header"]);
}

#[test]
fn wrong_requests() {
    let place = place();
    let other = ["eval", "edges", "--images", "images", "--gt", "truth", "--pred", "pred"];
    place.run(&other).exits(2).says(&["truth", "no such folder"]);
    run(&place, &["--thresholds", "0"]).exits(2).says(&["--thresholds", "1 to 999"]);
    run(&place, &["--max-distance", "2"]).exits(2).says(&["--max-distance", "0 to 0.1"]);
    place.run(&["eval", "edges", "--gt", "gt"]).exits(2).says(&["--images"]);
}
