//! Clicks into a picture: it is encoded once, and every click takes a fraction of that time.
//!
//! ```sh
//! cargo run --release --example click_many -- examples/images/astronaut.jpg 180,400 400,420 200,60
//! ```
//!
//! Weights are fetched where they are not there yet. The masks are drawn over the picture in
//! `out/click_many.png`.

use std::{error::Error, path::Path, time::Instant};

use samkit::{
    core::{Prompt, Rle},
    engine::{DeviceKind, MaskOutput, Sam},
    io, models,
};

const USAGE: &str = "usage: click_many IMAGE X,Y [X,Y …], in pixels of the image";
const OVERLAY: &str = "out/click_many.png";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = arguments.next().ok_or(USAGE)?;
    let clicks = arguments.map(|text| click(&text)).collect::<Result<Vec<_>, _>>()?;
    if clicks.is_empty() {
        return Err(USAGE.into());
    }

    let store = models::Store::open_default()?;
    let spec = models::find("mobile-sam")?;
    let weights = store.ensure(spec, &models::PullOptions::default(), &models::Silent)?;
    let sam = Sam::load(&weights.path, DeviceKind::Auto)?;

    let photo = io::read_image(Path::new(&image), &io::ReadLimits::default())?.image;
    let start = Instant::now();
    let embedding = sam.encode(&photo)?;
    println!("encoded in {:.1?}", start.elapsed());

    let mut masks = Vec::new();
    for &(x, y) in &clicks {
        // The first click also prepares the embedding for the decoder; later ones find it prepared.
        let start = Instant::now();
        // A point may mean a thing or a part of it: three masks come back, and the one that the network
        // rates highest is taken.
        let prompt = [Prompt::point(x, y)];
        let answers = sam.predict_inside(&embedding, &prompt, MaskOutput::Multi)?;
        let best = answers[0].best();
        let mask = embedding.frame().mask(&best.logits);
        let (took, iou) = (start.elapsed(), best.predicted_iou);
        println!("({x}, {y}): {} pixels, predicted IoU {iou:.2}, in {took:.1?}", mask.area());
        masks.push(Rle::from_mask(&mask));
    }

    let mut overlay = io::mask_overlay(&photo, &masks.iter().collect::<Vec<_>>());
    for &(x, y) in &clicks {
        io::draw_prompt(&mut overlay, &Prompt::point(x, y));
    }
    io::write_rgb(Path::new(OVERLAY), &overlay)?;
    println!("wrote {OVERLAY}");
    Ok(())
}

fn click(text: &str) -> Result<(f32, f32), Box<dyn Error>> {
    let (x, y) = text.split_once(',').ok_or(USAGE)?;
    Ok((x.trim().parse()?, y.trim().parse()?))
}
