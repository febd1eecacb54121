//! Something to show where nobody has looked: regions of equal tone, and gradients.

use image::{
    GrayImage, Luma, RgbImage,
    imageops::{blur, grayscale},
};
use samkit_core::{Mask, Rle, Size};
use samkit_io::Instance;

use crate::annotated::instance;

/// Regions of equal tone that fill at least a hundredth of the image.
pub(crate) fn of(photo: &RgbImage) -> Vec<Instance> {
    let smooth = blur(&grayscale(photo), 3.0);
    let (width, height) = smooth.dimensions();
    let tone = |x: u32, y: u32| smooth.get_pixel(x, y)[0] / 52;
    let mut mask = Mask::empty(Size::new(width, height));
    let mut seen = mask.clone();
    let mut regions = Vec::new();
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        if seen.get(x, y) {
            continue;
        }
        let (mut open, mut inside) = (vec![(x, y)], Vec::new());
        seen.set(x, y, true);
        while let Some((x, y)) = open.pop() {
            inside.push((x, y));
            let sides = [(x + 1, y), (x.wrapping_sub(1), y), (x, y + 1), (x, y.wrapping_sub(1))];
            for side in sides.into_iter().filter(|&(u, v)| u < width && v < height) {
                if !seen.get(side.0, side.1) && tone(side.0, side.1) == tone(x, y) {
                    seen.set(side.0, side.1, true);
                    open.push(side);
                }
            }
        }
        if inside.len() * 100 >= mask.size().area() {
            inside.iter().for_each(|&(x, y)| mask.set(x, y, true));
            regions.push(instance(Rle::from_mask(&mask), 0.99 - 0.02 * regions.len() as f32));
            inside.iter().for_each(|&(x, y)| mask.set(x, y, false));
        }
    }
    regions
}

/// The strength of the change from pixel to pixel.
pub(crate) fn edges(gray: &GrayImage) -> GrayImage {
    let smooth = blur(gray, 1.5);
    let (width, height) = smooth.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let at =
            |x: u32, y: u32| i32::from(smooth.get_pixel(x.min(width - 1), y.min(height - 1))[0]);
        let (across, down) = (at(x + 1, y) - at(x, y), at(x, y + 1) - at(x, y));
        Luma([(6 * (across.abs() + down.abs())).clamp(0, 255) as u8])
    })
}
