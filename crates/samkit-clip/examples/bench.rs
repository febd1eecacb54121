//! samkit's side of `benches/clip/run.py`: reads what to do from standard input, line by line, and
//! answers each line with the seconds it took.
//!
//! `images N` embeds N images that are ready for the image tower, `texts N` N texts that it has not
//! seen before.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use samkit_clip::{ClipModel, TextImageModel};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: bench FOLDER")?;
    let model = ClipModel::load(folder.as_ref())?;
    let values = model.image_side() * model.image_side() * 3;
    let mut texts = 0;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (word, count) = line.split_once(' ').ok_or("expected a word and a number")?;
        let count: usize = count.parse()?;
        let seconds = match word {
            "images" => {
                let pixels: Vec<f32> =
                    (0..count * values).map(|i| (i * 7919 % 1009) as f32 / 252.0 - 2.0).collect();
                let start = Instant::now();
                let features = model.image_features(&pixels)?;
                assert_eq!(features.len(), count * model.dim());
                start.elapsed()
            }
            "texts" => {
                let fresh =
                    (texts..texts + count).map(|n| format!("a photo of a thing number {n}."));
                let fresh: Vec<String> = fresh.collect();
                texts += count;
                let start = Instant::now();
                model.embed_texts(&fresh)?;
                start.elapsed()
            }
            _ => return Err(format!("`{word}` is neither `images` nor `texts`").into()),
        };
        println!("{}", seconds.as_secs_f64());
        std::io::stdout().flush()?;
    }
    Ok(())
}
