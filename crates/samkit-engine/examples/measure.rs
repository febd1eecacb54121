//! Times the networks on the CPU: one image encoded, one prompt decoded, a batch of prompts decoded.
//!
//! `measure WEIGHTS.safetensors [RUNS]` prints one JSON line per kind of work: the median and the
//! minimum of RUNS runs after one unmeasured run. `benches/compare` reads these lines.

use std::time::Instant;

use image::{Rgb, RgbImage};
use samkit_core::Prompt;
use samkit_engine::{DeviceKind, MaskOutput, Sam};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The networks' own input size, so that no time goes into resizing.
const SIDE: u32 = 1024;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let weights = args.next().ok_or("usage: measure WEIGHTS [RUNS]")?;
    let runs = args.next().map_or(Ok(5), |n| n.parse())?;

    let sam = Sam::load(weights.as_ref(), DeviceKind::Cpu)?;
    let image = image();
    let embedding = measure("encode 1024x1024", runs, || Ok(sam.encode(&image)?))?;
    let centre = [Prompt::point(512.0, 512.0)];
    measure("decode 1 point", runs, || Ok(sam.predict(&embedding, &centre, MaskOutput::Multi)?))?;
    let grid = grid();
    measure("decode 64 points", runs, || Ok(sam.predict(&embedding, &grid, MaskOutput::Multi)?))?;
    // What an embedding prepares on its first prompt shows only here.
    measure("encode and decode 1 point", runs, || {
        Ok(sam.predict(&sam.encode(&image)?, &centre, MaskOutput::Multi)?)
    })?;
    Ok(())
}

/// A picture by formula, the same in every program that is compared.
fn image() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        Rgb([0, 50, 100].map(|offset| ((7 * x + 13 * y + offset) % 256) as u8))
    })
}

/// The centres of an 8×8 grid.
fn grid() -> Vec<Prompt> {
    let centre = |i: u32| (i as f32 + 0.5) * (SIDE / 8) as f32;
    (0..64).map(|i| Prompt::point(centre(i % 8), centre(i / 8))).collect()
}

fn measure<T>(work: &str, runs: usize, mut run: impl FnMut() -> Result<T>) -> Result<T> {
    let mut result = run()?;
    let mut ms = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        result = run()?;
        ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    ms.sort_by(f64::total_cmp);
    let (median, min) = (ms[ms.len() / 2], ms[0]);
    println!(
        r#"{{"program":"samkit","work":"{work}","runs":{},"median_ms":{median:.1},"min_ms":{min:.1}}}"#,
        ms.len()
    );
    Ok(result)
}
