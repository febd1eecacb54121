//! A page of photographs with made-up results, to look at and to measure: no network is needed.
//!
//! ```text
//! cargo run --release -p samkit-report --example gallery -- OUT.html COUNT FOLDER…
//! ```
//!
//! Photographs are taken again under other names until there are COUNT. Objects come from
//! `annotations/*.json` beside a folder (COCO's format) or from `STEM.amg32.json` in the folder named by
//! `SAMKIT_GALLERY_MASKS`, and are regions of equal tone where there is neither; the edge map is a
//! gradient. A few images fail, warn, or have odd names.

mod annotated;
mod regions;

use std::{
    cell::Cell,
    env,
    error::Error,
    path::Path,
    slice,
    time::{Duration, Instant},
};

use image::{RgbImage, imageops::grayscale};
use samkit_io::{Depth, Instance, ReadLimits, find_images, read_image};
use samkit_report::{Card, ResultView, Run, Shown, Totals, write_report};
use serde_json::json;

use annotated::Annotations;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [out, count, folders @ ..] = args.as_slice() else {
        return Err("expected OUT.html, COUNT and folders".into());
    };
    let count: usize = count.parse()?;
    let mut photos = Vec::new();
    for folder in folders {
        let annotations = Annotations::beside(Path::new(folder))?;
        for image in find_images(slice::from_ref(folder), Path::new("."), Depth::Subfolders, None)
            .map_err(|bad| bad.error)?
        {
            let photo = read_image(&image.path, &ReadLimits::default())?.image;
            let objects = annotations.of(&image.path, &photo);
            photos.push((image.name(), photo, objects));
        }
    }
    if photos.is_empty() {
        return Err("no photographs in these folders".into());
    }
    let in_cards = Cell::new(Duration::ZERO);
    let start = Instant::now();
    let cards = (0..count).map(|number| {
        let (name, photo, objects) = &photos[number % photos.len()];
        let name = shown_name(number, number / photos.len(), name);
        Ok(card(number, &name, photo, objects, &in_cards))
    });
    let run = Run {
        title: "instances.yaml".into(),
        version: "samkit 0.1.0".into(),
        started: "24 November 2025, 14:02".into(),
        took: "3 min 12 s".into(),
        output: "out/instances".into(),
        totals: Totals { images: count, failed: failed(count), objects: 12_345, files: 3 * count },
        settings: vec![
            ("masks".into(), json!({ "boxes": "found", "refine": true, "score_threshold": 0.4 })),
            (
                "edges".into(),
                json!({ "preset": "fine", "classes": ["dog", "cat <b>"], "cut": null }),
            ),
        ],
        notes: Vec::new(),
    };
    write_report(Path::new(out), &run, cards)?;
    let bytes = std::fs::metadata(out)?.len();
    let each = in_cards.get() / count.max(1) as u32;
    println!("{count} images, {bytes} bytes, {:?}; a card {each:?}", start.elapsed());
    Ok(())
}

/// Numbers of the images at which something is wrong.
const BROKEN: usize = 3;
const LATE: usize = 5;

fn failed(count: usize) -> usize {
    [BROKEN, LATE].iter().filter(|&&number| number < count).count()
}

fn shown_name(number: usize, round: usize, name: &str) -> String {
    match number {
        BROKEN => "scans/<b>\"broken\"</b> & </script> Übergröße 猫.tif".into(),
        2 => format!("{}.jpg", "a name that goes on and on ".repeat(8).trim()),
        _ if round > 0 => format!("{:02}/{name}", round + 1),
        _ => name.into(),
    }
}

fn card(
    number: usize,
    name: &str,
    photo: &RgbImage,
    objects: &[Instance],
    in_cards: &Cell<Duration>,
) -> Card {
    if number == BROKEN {
        let help = "save it as PNG, JPEG or TIFF with 8 or 16 bits";
        return Card::failed(name, "the file ends after 1,024 of 88,213 bytes", Some(help));
    }
    let edges = regions::edges(&grayscale(photo));
    let files = [format!("masks/{name}.masks.json"), format!("masks/{name}.overlay.png")];
    let warnings = ["two boxes lay outside the image and were left out".to_owned()];
    let masks = ResultView {
        numbers: &[("prompts", 1024.0), ("mean stability", 0.9731)],
        files: &files,
        warnings: if number % 90 == 1 { &warnings } else { &[] },
        ..ResultView::new("masks", Shown::Objects(objects))
    };
    let boxes: Vec<Instance> =
        objects.iter().map(|thing| Instance { mask: None, ..thing.clone() }).collect();
    let found = ResultView::new("found", Shown::Objects(&boxes));
    let edges = match number {
        LATE => Shown::Failed {
            message: "the plugin `edges` did not answer within 30 s",
            help: Some("run it on a smaller image, or with a coarser grid"),
        },
        _ => Shown::Gray(&edges),
    };
    let results = [found, masks, ResultView::new("edges", edges)];
    // Any number that differs from image to image.
    let seconds = 0.3 + (number * 7919 % 1000) as f64 / 400.0;
    let start = Instant::now();
    let card = Card::new(name, photo, &results).with_seconds(seconds);
    in_cards.set(in_cards.get() + start.elapsed());
    card
}
