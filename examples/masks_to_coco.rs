//! Masks for everything in some images, as one COCO data set.
//!
//! ```sh
//! cargo run --release --example masks_to_coco -- examples/images/*.jpg
//! ```
//!
//! writes `out/masks_to_coco.json`. In a terminal `samkit everything IMAGE… --save coco` does the same,
//! and more; this is for programs that have something to say between the masks and the file.

use std::{
    env,
    error::Error,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use samkit::{
    core::{MaskRecord, Size},
    engine::{DeviceKind, GeneratorParams, Sam, generate_masks},
    io::{self, AnnotatedImage, Categories, Instance, Segmentation},
    models,
};

const DATASET: &str = "out/masks_to_coco.json";

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        return Err("usage: masks_to_coco IMAGE…".into());
    }
    let store = models::Store::open_default()?;
    let spec = models::find("mobile-sam")?;
    let weights = store.ensure(spec, &models::PullOptions::default(), &models::Silent)?;
    let sam = Sam::load(&weights.path, DeviceKind::Auto)?;
    // A quarter of the reference's 32×32 prompts, and no holes or islands below 100 pixels.
    let params =
        GeneratorParams { points_per_side: 16, min_mask_region_area: 100, ..Default::default() };

    let mut images = Vec::new();
    for (id, path) in (1..).zip(paths) {
        let photo = io::read_image(&path, &io::ReadLimits::default())?.image;
        let go_on = |_: usize, _: usize| ControlFlow::Continue(());
        let records = generate_masks(&sam, &photo, None, &params, &go_on)?;
        println!("{}: {} masks", path.display(), records.len());
        let instances = records.into_iter().map(instance).collect();
        images.push(annotated(id, path, Size::from(photo.dimensions()), instances));
    }

    // All in memory, which is fine for a few. Who has many implements `io::AnnotatedImages` for what
    // holds them and gives one at a time.
    let categories = Categories::of(&images)?;
    io::write_coco_dataset(Path::new(DATASET), &images, &categories, Segmentation::Rle)?;
    println!("wrote {DATASET}");
    Ok(())
}

/// A mask as a thing in a data set. It has no label, and so its class is called `object`.
fn instance(record: MaskRecord) -> Instance {
    Instance {
        // COCO's box, which ends after the last pixel; `record.bbox` ends on it.
        bbox: record.segmentation.bbox(),
        label: String::new(),
        category_id: None,
        score: Some(record.predicted_iou),
        mask: Some(record.segmentation),
    }
}

fn annotated(id: u64, path: PathBuf, size: Size, instances: Vec<Instance>) -> AnnotatedImage {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = path.file_stem().unwrap_or_default().into();
    AnnotatedImage { id, file_name: name, path, stem, size, instances }
}
