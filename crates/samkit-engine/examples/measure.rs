//! Times one kind of work on the CPU: encoding, decoding, or automatic masks.
//!
//! `measure [--generic | --bf16] WEIGHTS RUNS WORK [IMAGE] [POINTS_PER_SIDE]` does the work once unmeasured,
//! then RUNS times, and prints one JSON line with every run's time in milliseconds.
//! `benches/compare` starts one such program for each work, so that the peak memory is the work's.
//! `--generic` takes the plain candle operations in place of the kernels for CPUs, `--bf16` the
//! encoder of lower precision.

use std::time::Instant;

use image::{Rgb, RgbImage};
use samkit_core::Prompt;
use samkit_engine::{
    DeviceKind, Embedding, GeneratorParams, MaskOutput, Precision, Prediction, Sam, generate_masks,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: measure [--generic | --bf16] WEIGHTS RUNS \
                     encode|point|batch|refine|first|click IMAGE|masks IMAGE POINTS_PER_SIDE";

/// The networks' own input size, so that no time goes into resizing.
const SIDE: u32 = 1024;

fn main() -> Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let flag = args.first().filter(|arg| arg.starts_with("--")).cloned();
    args.drain(..usize::from(flag.is_some()));
    let [weights, runs, work, rest @ ..] = &args[..] else { return Err(USAGE.into()) };
    let sam = match flag.as_deref() {
        None => Sam::load(weights.as_ref(), DeviceKind::Cpu),
        Some("--generic") => Sam::load_generic(weights.as_ref(), DeviceKind::Cpu),
        Some("--bf16") => Sam::load_with(weights.as_ref(), DeviceKind::Cpu, Precision::Bf16),
        Some(_) => return Err(USAGE.into()),
    }?;

    let mut masks = None;
    let ms = match (work.as_str(), rest) {
        ("encode", []) => {
            let image = formula();
            measure(runs, || Ok(sam.encode(&image)?))
        }
        ("point", []) => {
            let embedding = sam.encode(&formula())?;
            measure(runs, || point(&sam, &embedding, SIDE, SIDE))
        }
        ("batch", []) => {
            let embedding = sam.encode(&formula())?;
            let grid = grid();
            measure(runs, || Ok(sam.predict(&embedding, &grid, MaskOutput::Multi)?))
        }
        // The batch again, every prompt with its best mask.
        ("refine", []) => {
            let embedding = sam.encode(&formula())?;
            let answers = sam.predict(&embedding, &grid(), MaskOutput::Multi)?;
            let prompts = grid().into_iter().zip(&answers);
            let prompts: Vec<Prompt> = prompts
                .map(|(prompt, answer)| prompt.and_mask(answer.best().logits.clone()))
                .collect();
            measure(runs, || Ok(sam.predict(&embedding, &prompts, MaskOutput::Multi)?))
        }
        // What an embedding prepares on its first prompt shows only here.
        ("first", []) => {
            let image = formula();
            measure(runs, || point(&sam, &sam.encode(&image)?, SIDE, SIDE))
        }
        ("click", [image]) => {
            let embedding = sam.encode(&image::open(image)?.to_rgb8())?;
            let size = embedding.image_size();
            measure(runs, || {
                let answers = point(&sam, &embedding, size.width, size.height)?;
                Ok(embedding.frame().upsample(&answers[0].best().logits))
            })
        }
        ("masks", [image, side]) => {
            let image = image::open(image)?.to_rgb8();
            // A whole unmeasured run would take minutes in the slowest of the compared programs.
            automatic(&sam, &image, 4)?;
            let side = side.parse()?;
            time(runs, || {
                masks = Some(automatic(&sam, &image, side)?);
                Ok(())
            })
        }
        _ => return Err(USAGE.into()),
    }?;
    let line = serde_json::json!({
        "program": "samkit",
        "work": work,
        "network": sam.architecture(),
        "threads": rayon::current_num_threads(),
        "ms": ms,
        "masks": masks,
        "peak_bytes": peak_bytes(),
    });
    println!("{line}");
    Ok(())
}

/// One foreground point in the middle, three masks.
fn point(sam: &Sam, embedding: &Embedding, width: u32, height: u32) -> Result<Vec<Prediction>> {
    let centre = [Prompt::point(width as f32 / 2.0, height as f32 / 2.0)];
    Ok(sam.predict(embedding, &centre, MaskOutput::Multi)?)
}

/// How many masks the generator finds, the image's encoding included.
fn automatic(sam: &Sam, image: &RgbImage, points_per_side: u32) -> Result<usize> {
    let params = GeneratorParams { points_per_side, ..GeneratorParams::default() };
    Ok(generate_masks(sam, image, None, &params, &|_, _| std::ops::ControlFlow::Continue(()))?
        .len())
}

/// A picture by formula, the same in every program that is compared.
fn formula() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        Rgb([0, 50, 100].map(|offset| ((7 * x + 13 * y + offset) % 256) as u8))
    })
}

/// The centres of an 8×8 grid.
fn grid() -> Vec<Prompt> {
    let centre = |i: u32| (i as f32 + 0.5) * (SIDE / 8) as f32;
    (0..64).map(|i| Prompt::point(centre(i % 8), centre(i / 8))).collect()
}

/// Milliseconds of every run, after one unmeasured run.
fn measure<T>(runs: &str, mut run: impl FnMut() -> Result<T>) -> Result<Vec<f64>> {
    run()?;
    time(runs, run)
}

/// Milliseconds of every run.
fn time<T>(runs: &str, mut run: impl FnMut() -> Result<T>) -> Result<Vec<f64>> {
    let once = |_| {
        let start = Instant::now();
        std::hint::black_box(run()?);
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    (0..runs.parse()?).map(once).collect()
}

/// The most memory that this process has held, where the system says so (Linux).
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
