//! Boxes of an ONNX detector, or of the built-in one, on an image.
//!
//! ```text
//! cargo run --release -p samkit-detect --example detect -- MODEL IMAGE
//! ```

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use samkit_detect::{OnnxDetector, OnnxOptions, Selection, select};
use samkit_io::{ReadLimits, read_image};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(image)) = (args.next(), args.next()) else {
        return Err("expected MODEL and IMAGE".into());
    };
    let image = read_image(&image, &ReadLimits::default())?.image;
    let start = Instant::now();
    let detector = OnnxDetector::load(&model, &OnnxOptions::default())?;
    println!(
        "{} with {} names, loaded in {:?}",
        detector.family().name(),
        detector.class_names().len(),
        start.elapsed()
    );
    let candidates = detector.candidates(&image, 0.01)?;
    let mut times = [Duration::MAX; 15];
    for time in &mut times {
        let start = Instant::now();
        detector.candidates(&image, 0.01)?;
        *time = start.elapsed();
    }
    times.sort_unstable();
    println!(
        "{} candidates; an image takes {:?}, at best {:?}",
        candidates.len(),
        times[times.len() / 2],
        times[0]
    );
    let how = Selection {
        score_threshold: 0.3,
        iou_threshold: detector.family().has_duplicates().then_some(0.6),
        max_detections: 20,
    };
    for found in select(&candidates, image.dimensions().into(), &how) {
        let name = detector.class_names().get(found.class).map_or("?", String::as_str);
        println!("{name} {:.3} {:?}", found.score, found.bbox);
    }
    Ok(())
}
