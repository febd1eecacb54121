//! Everything in an image: which masks are kept, and in which files.

use std::fs;

use samkit::core::Rle;

use crate::support::{Place, needs_weights, scene};

/// A grid that finds something in `scene`, and filters that let it through.
const FIND: [&str; 6] =
    ["--points-per-side", "4", "--pred-iou-thresh", "0.5", "--stability-score-thresh", "0.5"];

fn everything(place: &Place, output: &str, more: &[&str]) {
    let args = [&["everything", "a.png", "--output", output][..], &FIND, more].concat();
    place.run(&args).exits(0);
}

fn masks(place: &Place, output: &str) -> Vec<Rle> {
    let path = place.path(output).join("a.masks.json");
    let read = samkit::io::read_masks(&path).expect("masks");
    read.into_iter().map(|record| record.segmentation).collect()
}

#[test]
fn masks_are_chosen_by_area_number_and_overlap() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(160, 120));
    everything(&place, "all", &[]);
    let all = masks(&place, "all");
    assert!(all.len() >= 3, "{} masks", all.len());

    everything(&place, "two", &["--max-masks", "2"]);
    let two = masks(&place, "two");
    assert_eq!(two.len(), 2);
    assert!(two.iter().all(|mask| all.contains(mask)));

    let median = all[all.len() / 2].area().to_string();
    everything(&place, "large", &["--min-area", &median]);
    let large = all.iter().filter(|mask| mask.area() >= all[all.len() / 2].area()).count();
    assert_eq!(masks(&place, "large").len(), large);

    everything(&place, "apart", &["--overlap", "none", "--save", "masks,labels"]);
    let apart = masks(&place, "apart");
    let map = image::open(place.path("apart/a.labels.png")).expect("a map").to_luma16();
    for (number, mask) in apart.iter().enumerate() {
        let shown = map.pixels().filter(|pixel| usize::from(pixel[0]) == number + 1).count();
        assert_eq!(shown as u64, mask.area(), "every pixel belongs to one mask");
    }

    everything(&place, "inside", &["--inside", "0,0,80,120", "--drop-border"]);
    for mask in masks(&place, "inside") {
        let bbox = mask.bbox();
        assert!(bbox.x0 >= 1.0 && bbox.y0 >= 1.0 && bbox.x1 <= 80.0, "{bbox:?}");
    }
}

#[test]
fn every_format_is_written_and_holds_the_same_masks() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(160, 120));
    let save =
        "masks,labels,pngs,cutouts,geojson,labelme,coco,coco-polygons,results,csv,yolo,logits";
    everything(&place, "out", &["--save", save, "--report"]);
    let masks = masks(&place, "out");
    let numbered = |folder: &str| {
        let names = place.names(&format!("out/{folder}"));
        assert_eq!(names.len(), masks.len(), "{folder}: {names:?}");
        names
    };
    for (name, mask) in numbered("a.masks").iter().zip(&masks) {
        let picture = place.grey(&format!("out/a.masks/{name}"));
        let inside = picture.pixels().filter(|pixel| pixel[0] == 255).count();
        assert_eq!(inside as u64, mask.area(), "{name}");
    }
    for (name, mask) in numbered("a.cutouts").iter().zip(&masks) {
        let path = place.path(&format!("out/a.cutouts/{name}"));
        let picture = image::open(path).expect("a picture").to_rgba8();
        let bbox = mask.bbox();
        assert_eq!(picture.width(), (bbox.x1 - bbox.x0) as u32);
        assert_eq!(picture.pixels().filter(|pixel| pixel[3] == 255).count() as u64, mask.area());
    }
    let coco = place.json("out/coco.json");
    assert_eq!(coco["annotations"].as_array().map(Vec::len), Some(masks.len()));
    assert_eq!(coco["annotations"][0]["segmentation"]["counts"], masks[0].counts_string());
    let polygons = place.json("out/coco-polygons.json");
    assert!(polygons["annotations"][0]["segmentation"][0].is_array());
    let features = place.json("out/a.geojson");
    assert_eq!(features["features"].as_array().map(Vec::len), Some(masks.len()));
    let table = fs::read_to_string(place.path("out/objects.csv")).expect("a table");
    assert_eq!(table.lines().count(), masks.len() + 1);
    let page = fs::read_to_string(place.path("out/report.html")).expect("a page");
    // The name of SVG is no address that anything is fetched from.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(page.contains("a.png") && !page.contains("://"), "it needs no network");
    let logits = fs::metadata(place.path("out/a.logits.npz")).expect("a file").len();
    assert!(logits > masks.len() as u64 * 256 * 256 * 4, "{logits} bytes");
    assert_eq!(place.size("out/a.labels.color.png"), (160, 120));
}

#[test]
fn pictures_of_masks_that_are_no_longer_found_go() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(160, 120));
    everything(&place, "out", &["--save", "pngs"]);
    place.write("out/a.masks/notes.txt", "mine");
    everything(&place, "out", &["--save", "pngs", "--max-masks", "1"]);
    assert_eq!(place.names("out/a.masks"), ["001.png", "notes.txt"]);
}

#[test]
fn presets_are_values_that_can_be_changed() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(40, 30));
    let args = ["everything", "a.png", "--preset", "fine", "--points-per-side", "2"];
    place.run(&[&args[..], &["--crop-n-layers", "0"]].concat()).exits(0);
    let params = &place.json("samkit-out/run.json")["steps"][0]["params"];
    assert_eq!((&params["points_per_side"], &params["crop_n_layers"]), (&2.into(), &0.into()));
    assert_eq!(params["crop_n_points_downscale_factor"], 2, "the preset's");

    let recipe = "version: 1\ninput: a.png\noutput: fast\nsteps:\n  - task: everything\n    \
                  params: { preset: fast, points_per_side: 2 }\n    save: []\n";
    place.write("r.yaml", recipe);
    place.run(&["run", "r.yaml"]).exits(0);
    let params = &place.json("fast/run.json")["steps"][0]["params"];
    assert_eq!((&params["points_per_side"], &params["adaptive"]), (&2.into(), &true.into()));
}

#[test]
fn wrong_choices_are_refused() {
    let place = Place::new();
    place.picture("a.png", &scene(40, 30));
    for (flags, parts) in [
        (&["--max-masks", "0"][..], &["--max-masks", "1"][..]),
        (&["--min-area", "9", "--max-area", "5"], &["--max-area", "5", "min_area"]),
        (&["--inside", "5,5,2,9"], &["--inside", "x0 below x1"]),
        (&["--inside", "5,5,2"], &["--inside", "3 numbers", "x0,y0,x1,y1"]),
        (&["--overlap", "some"], &["allowed", "nested", "none"]),
        (&["--preset", "best"], &["fast", "default", "fine"]),
        (&["--save", "pictures"], &["pngs", "cutouts"]),
    ] {
        let args = [&["everything", "a.png"][..], flags].concat();
        place.run(&args).exits(2).says(parts);
    }
}
