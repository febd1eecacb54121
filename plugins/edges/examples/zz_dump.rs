//! temporary
use image::{ImageBuffer, Luma};
use samkit_edges::*;
use samkit_engine::*;
use std::ops::ControlFlow;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let sam =
        Sam::load("/root/.cache/samkit/models/mobile-sam.safetensors".as_ref(), DeviceKind::Cpu)
            .unwrap();
    for f in &a[2..] {
        let img = image::open(f).unwrap().to_rgb8();
        let t0 = std::time::Instant::now();
        let e = sam.encode(&img).unwrap();
        let t1 = std::time::Instant::now();
        let p =
            EdgeParams { points_per_batch: 32, thinning: Thinning::None, ..EdgeParams::default() };
        let m = detect_edges(&sam, &e, &p, &|_, _| ControlFlow::Continue(())).unwrap();
        println!(
            "{f} {}x{} masks {} encode {:?} edges {:?} timings {:?}",
            img.width(),
            img.height(),
            m.masks,
            t1 - t0,
            t1.elapsed(),
            sam.timings()
        );
        let stem = std::path::Path::new(f).file_stem().unwrap().to_str().unwrap();
        ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(img.width(), img.height(), |x, y| {
            Luma([(m.raw[(x, y)][0] * 65535.0).round() as u16])
        })
        .save(format!("{}/{stem}.png", a[1]))
        .unwrap();
    }
}
