//! Prompts made by a program: boxes with points on and off the thing, a first answer that goes back in
//! as a mask, and masks that are tidied up by the program's own rules.
//!
//! ```sh
//! cargo run --release --example custom_prompts
//! ```
//!
//! cuts a cup, its saucer and its spoon out of `examples/images/coffee.jpg` into the folder
//! `out/custom_prompts`. A folder after `--` goes in its place.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
};

use samkit::{
    core::{BBox, Mask, PointLabel, Prompt, RegionMode, Rle, remove_small_regions},
    engine::{DeviceKind, Embedding, MaskOutput, MaskPrediction, Sam},
    io, models,
};

/// Holes and islands of fewer pixels than this are taken for noise.
const NOISE: u32 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or("out/custom_prompts".into(), PathBuf::from);
    let store = models::Store::open_default()?;
    let spec = models::find("mobile-sam")?;
    let weights = store.ensure(spec, &models::PullOptions::default(), &models::Silent)?;
    let sam = Sam::load(&weights.path, DeviceKind::Auto)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images/coffee.jpg");
    let photo = io::read_image(&path, &io::ReadLimits::default())?.image;
    let embedding = sam.encode(&photo)?;

    let mut masks = Vec::new();
    for (name, prompt) in prompts() {
        let answer = refined(&sam, &embedding, &prompt)?;
        let mask = tidy(&embedding.frame().mask(&answer.logits));
        println!("{name}: {} pixels, predicted IoU {:.2}", mask.area(), answer.predicted_iou);
        masks.push((name, Rle::from_mask(&mask)));
    }

    // Things that come first lie on top: a pixel belongs to the first that claims it.
    let mut taken = Rle::from_mask(&Mask::empty(embedding.image_size()));
    for (_, mask) in &mut masks {
        *mask = mask.difference(&taken);
        taken = taken.union(mask);
    }
    for (name, mask) in &masks {
        if let Some(shown) = io::cutout(&photo, mask) {
            io::write_rgba(&folder.join(format!("{name}.png")), &shown)?;
        }
    }
    let all: Vec<&Rle> = masks.iter().map(|(_, mask)| mask).collect();
    io::write_rgb(&folder.join("overlay.png"), &io::mask_overlay(&photo, &all))?;
    println!("wrote {}", folder.display());
    Ok(())
}

/// What is asked about, in pixels of the image, from the top of the pile to its bottom.
fn prompts() -> [(&'static str, Prompt); 3] {
    use PointLabel::{Background, Foreground};
    let around = |x0, y0, x1, y1| Prompt::bbox(BBox::new(x0, y0, x1, y1));
    [
        // Cup and spoon share much of this box: two points on the spoon say which is meant.
        (
            "spoon",
            around(318.0, 66.0, 425.0, 326.0)
                .and_point(400.0, 110.0, Foreground)
                .and_point(345.0, 250.0, Foreground),
        ),
        ("cup", around(173.0, 18.0, 410.0, 284.0)),
        // The cup stands in the middle of its saucer's box: a point on it says that it is not meant.
        (
            "saucer",
            around(77.0, 66.0, 480.0, 386.0)
                .and_point(120.0, 290.0, Foreground)
                .and_point(230.0, 150.0, Background),
        ),
    ]
}

/// Asks twice: the best of three answers goes back in as a mask, with the same points and box.
fn refined(
    sam: &Sam,
    embedding: &Embedding,
    prompt: &Prompt,
) -> Result<MaskPrediction, Box<dyn Error>> {
    let ask = |prompt: Prompt, output| -> Result<MaskPrediction, Box<dyn Error>> {
        // `predict` and not `predict_inside`: logits that go back in are needed whole.
        Ok(sam.predict(embedding, &[prompt], output)?[0].best().clone())
    };
    let first = ask(prompt.clone(), MaskOutput::Multi)?;
    ask(prompt.clone().and_mask(first.logits), MaskOutput::Single)
}

/// The mask without small holes and islands.
fn tidy(mask: &Mask) -> Mask {
    let (filled, _) = remove_small_regions(mask, NOISE, RegionMode::Holes);
    remove_small_regions(&filled, NOISE, RegionMode::Islands).0
}
