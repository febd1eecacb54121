//! Times candle-transformers' own Segment Anything on the CPU, with the weights that samkit uses.
//!
//! `stock-candle WEIGHTS RUNS encode|point|batch|first` prints one JSON line, in the form of
//! samkit's `measure` example: the milliseconds of RUNS runs after one unmeasured run.
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
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [weights, runs, work] = &args[..] else {
        panic!("usage: stock-candle WEIGHTS RUNS encode|point|batch|first");
    };
    let runs = runs.parse().expect("RUNS is a number");

    let tensors = candle_core::safetensors::load(weights, &Device::Cpu)?;
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let sam = Sam::new_tiny(vb.clone())?;
    let image = image()?;
    let point = |embedding: &Tensor| {
        let centre = [(0.5, 0.5, true)];
        sam.forward_for_embeddings(embedding, IMAGE_SIZE, IMAGE_SIZE, &centre, true)
    };

    let ms = match work.as_str() {
        "encode" => measure(runs, || sam.embeddings(&image))?,
        "point" => {
            let embedding = sam.embeddings(&image)?;
            measure(runs, || point(&embedding))?
        }
        "batch" => {
            let embedding = sam.embeddings(&image)?;
            let side = IMAGE_SIZE / 16;
            let input = (IMAGE_SIZE, IMAGE_SIZE);
            let prompts =
                PromptEncoder::new(256, (side, side), input, 16, vb.pp("prompt_encoder"))?;
            let decoder = MaskDecoder::new(256, 3, 3, 256, vb.pp("mask_decoder"))?;
            let coords = Tensor::from_vec(grid(), (BATCH, 1, 2), &Device::Cpu)?;
            let labels = Tensor::ones((BATCH, 1), DType::F32, &Device::Cpu)?;
            measure(runs, || {
                let pe = prompts.get_dense_pe()?;
                let (sparse, dense) = prompts.forward(Some((&coords, &labels)), None, None)?;
                decoder.forward(&embedding, &pe, &sparse, &dense, true)
            })?
        }
        "first" => measure(runs, || point(&sam.embeddings(&image)?))?,
        other => panic!("no work is called `{other}`"),
    };
    println!(
        r#"{{"program":"stock-candle","work":"{work}","threads":{},"ms":{ms:?}}}"#,
        candle_core::utils::get_num_threads()
    );
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

/// Milliseconds of every run, after one unmeasured run.
fn measure<T>(runs: usize, mut run: impl FnMut() -> Result<T>) -> Result<Vec<f64>> {
    run()?;
    let time = |_| {
        let start = Instant::now();
        std::hint::black_box(run()?);
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    (0..runs).map(time).collect()
}
