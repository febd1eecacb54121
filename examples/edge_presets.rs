//! What the presets of `edges` make of photographs, side by side: a row an image, and in it the
//! photograph, `paper`, `default` and `fine`. The image is encoded once for the three.
//!
//! ```sh
//! cargo run --release --example edge_presets -- examples/images/*.jpg
//! ```
//!
//! writes `out/edge-presets.png`, edges dark on white.

use std::{env, error::Error, path::Path, sync::Arc, time::Instant};

use samkit::{
    core::Size,
    edges,
    engine::{DeviceKind, Sam},
    io, models,
    plugins::{Cancel, Input, Plugin, View},
    scene::Scene,
};

use image::{
    Rgb, RgbImage,
    imageops::{FilterType, replace, resize},
};

const SHEET: &str = "out/edge-presets.png";
const PRESETS: [&str; 3] = ["paper", "default", "fine"];
/// Width of a column, in pixels.
const COLUMN: u32 = 400;
const GAP: u32 = 8;
const WHITE: Rgb<u8> = Rgb([255; 3]);

fn main() -> Result<(), Box<dyn Error>> {
    let images: Vec<String> = env::args().skip(1).collect();
    if images.is_empty() {
        return Err("usage: edge_presets IMAGE [IMAGE …]".into());
    }
    let store = models::Store::open_default()?;
    let spec = models::find("mobile-sam")?;
    let weights = store.ensure(spec, &models::PullOptions::default(), &models::Silent)?;
    let sam = Arc::new(Sam::load(&weights.path, DeviceKind::Auto)?);
    let task = Plugin::linked_in(edges::entry())?;

    let mut rows = Vec::new();
    for path in &images {
        let photo = io::read_image(Path::new(path), &io::ReadLimits::default())?.image;
        let scene = Scene::new(sam.clone(), photo, None);
        let mut row = vec![column(scene.image())];
        for preset in PRESETS {
            let start = Instant::now();
            row.push(column(&drawing(&task, &scene, preset)?));
            println!("{path}, {preset}: {:.1?}", start.elapsed());
        }
        rows.push(row);
    }
    io::write_rgb(Path::new(SHEET), &sheet(&rows))?;
    println!("wrote {SHEET}");
    Ok(())
}

/// The thinned edges of the image of `scene`, dark on white.
fn drawing(task: &Plugin, scene: &Scene, preset: &str) -> Result<RgbImage, Box<dyn Error>> {
    let params = format!(r#"{{ "preset": "{preset}" }}"#).parse()?;
    let mut task = task.create(&params, scene)?;
    let image = [Input::image("image", scene.image())];
    let outputs = task.run(&image, scene, &Cancel::default())?;
    let output = outputs.iter().find(|output| output.name() == "thinned");
    let Some(View::EdgeMap(map)) = output.map(|output| output.view()) else {
        return Err("the task gave no edges".into());
    };
    let Size { width, height } = scene.image().dimensions().into();
    let shade = |strength: f32| (255.0 * (1.0 - strength)).round() as u8;
    Ok(RgbImage::from_fn(width, height, |x, y| Rgb([shade(map[(x, y)][0]); 3])))
}

/// The picture at a column's width.
fn column(picture: &RgbImage) -> RgbImage {
    let height = u64::from(picture.height()) * u64::from(COLUMN) / u64::from(picture.width());
    resize(picture, COLUMN, (height as u32).max(1), FilterType::CatmullRom)
}

/// Rows of pictures on white.
fn sheet(rows: &[Vec<RgbImage>]) -> RgbImage {
    let heights = rows.iter().map(|row| row[0].height() + GAP);
    let width = rows[0].len() as u32 * (COLUMN + GAP) - GAP;
    let mut sheet = RgbImage::from_pixel(width, heights.sum::<u32>() - GAP, WHITE);
    let mut top = 0;
    for row in rows {
        for (picture, left) in row.iter().zip((0..).step_by((COLUMN + GAP) as usize)) {
            replace(&mut sheet, picture, left, top);
        }
        top += i64::from(row[0].height() + GAP);
    }
    sheet
}
