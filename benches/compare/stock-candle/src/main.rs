//! Times candle-transformers' own Segment Anything on the CPU, with the weights that samkit uses.
//!
//! `stock-candle WEIGHTS.safetensors [RUNS]` prints one JSON line per kind of work, in the form of
//! samkit's `measure` example: the median and the minimum of RUNS runs after one unmeasured run.
//! The batch goes through candle's public prompt encoder and mask decoder, because its `Sam`
//! offers batches only inside the automatic generator, where filters are part of the time.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::segment_anything::{
    mask_decoder::MaskDecoder,
    prompt_encoder::PromptEncoder,
    sam::{IMAGE_SIZE, Sam},
};

const BATCH: usize = 64;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let weights = args.next().expect("usage: stock-candle WEIGHTS [RUNS]");
    let runs = args.next().map_or(5, |n| n.parse().expect("RUNS is a number"));

    let tensors = candle_core::safetensors::load(weights, &Device::Cpu)?;
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let sam = Sam::new_tiny(vb.clone())?;
    let side = IMAGE_SIZE / 16;
    let image_size = (IMAGE_SIZE, IMAGE_SIZE);
    let prompts = PromptEncoder::new(256, (side, side), image_size, 16, vb.pp("prompt_encoder"))?;
    let decoder = MaskDecoder::new(256, 3, 3, 256, vb.pp("mask_decoder"))?;

    let image = image()?;
    let embedding = measure("encode 1024x1024", runs, || sam.embeddings(&image))?;
    let centre = [(0.5, 0.5, true)];
    measure("decode 1 point", runs, || {
        sam.forward_for_embeddings(&embedding, IMAGE_SIZE, IMAGE_SIZE, &centre, true)
    })?;

    let coords = Tensor::from_vec(grid(), (BATCH, 1, 2), &Device::Cpu)?;
    let labels = Tensor::ones((BATCH, 1), DType::F32, &Device::Cpu)?;
    measure("decode 64 points", runs, || {
        let pe = prompts.get_dense_pe()?;
        let (sparse, dense) = prompts.forward(Some((&coords, &labels)), None, None)?;
        decoder.forward(&embedding, &pe, &sparse, &dense, true)
    })?;
    measure("encode and decode 1 point", runs, || {
        sam.forward_for_embeddings(&sam.embeddings(&image)?, IMAGE_SIZE, IMAGE_SIZE, &centre, true)
    })?;
    Ok(())
}

/// Channels × height × width; the pixel formula of the `measure` example.
fn image() -> Result<Tensor> {
    let n = IMAGE_SIZE;
    let pixel = |i: usize| ((7 * (i % n) + 13 * (i / n % n) + 50 * (i / n / n)) % 256) as f32;
    Tensor::from_iter((0..3 * n * n).map(pixel), &Device::Cpu)?.reshape((3, n, n))
}

/// x, y of the centres of an 8×8 grid, in pixels.
fn grid() -> Vec<f32> {
    let cell = (IMAGE_SIZE / 8) as f32;
    let centre = |i: usize| (i as f32 + 0.5) * cell;
    (0..BATCH).flat_map(|i| [centre(i % 8), centre(i / 8)]).collect()
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
        r#"{{"program":"stock-candle","work":"{work}","runs":{},"median_ms":{median:.1},"min_ms":{min:.1}}}"#,
        ms.len()
    );
    Ok(result)
}
