//! Masks in colours over the photograph.

use image::RgbImage;
use samkit_core::{Mask, Rle};

use super::{
    paint::{line_width, mix},
    palette,
};

const FILL_ALPHA: f32 = 0.45;
const CONTOUR_ALPHA: f32 = 0.95;

/// What is seen of the masks at a pixel: of which mask, by its rank in size.
#[derive(Clone, Copy)]
enum Layer {
    Nothing,
    Fill(usize),
    Contour(usize),
}

/// Draws masks over an image, each in a colour of its own with a contour. Small masks lie on top of
/// large ones, and where masks overlap only the topmost is seen, so colours stay pure. Colours are
/// given out by size, the largest first, because the palette's first colours differ most.
///
/// # Panics
/// When a mask has another size than the image.
pub fn mask_overlay(image: &RgbImage, masks: &[&Rle]) -> RgbImage {
    let radius = line_width(image.dimensions()) as i32;
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(masks[index].area()));
    let mut layers = vec![Layer::Nothing; image.width() as usize * image.height() as usize];
    for (rank, index) in order.into_iter().enumerate() {
        let size = masks[index].size();
        assert_eq!(image.dimensions(), (size.width, size.height), "mask and image differ in size");
        paint(&mut layers, masks[index], rank, radius);
    }
    let mut overlay = image.clone();
    for (pixel, layer) in overlay.pixels_mut().zip(layers) {
        *pixel = match layer {
            Layer::Nothing => *pixel,
            Layer::Fill(rank) => mix(*pixel, palette::color(rank), FILL_ALPHA),
            Layer::Contour(rank) => mix(*pixel, palette::color(rank), CONTOUR_ALPHA),
        };
    }
    overlay
}

fn paint(layers: &mut [Layer], rle: &Rle, rank: usize, radius: i32) {
    if rle.area() == 0 {
        return;
    }
    let mask = rle.to_mask();
    let width = rle.size().width as usize;
    let disc = disc(radius);
    let bbox = rle.inclusive_bbox();
    for y in bbox.y0 as u32..=bbox.y1 as u32 {
        for x in bbox.x0 as u32..=bbox.x1 as u32 {
            if mask.get(x, y) {
                let on_contour = disc.iter().any(|&(dx, dy)| is_outside(&mask, x, y, dx, dy));
                layers[y as usize * width + x as usize] =
                    if on_contour { Layer::Contour(rank) } else { Layer::Fill(rank) };
            }
        }
    }
}

/// Offsets of the pixels within `radius`, nearest first, without the centre.
fn disc(radius: i32) -> Vec<(i32, i32)> {
    let reach = -radius..=radius;
    let square = reach.clone().flat_map(|y| reach.clone().map(move |x| (x, y)));
    let limit = radius * radius;
    let mut disc: Vec<_> = square.filter(|(x, y)| (1..=limit).contains(&(x * x + y * y))).collect();
    disc.sort_by_key(|(x, y)| x * x + y * y);
    disc
}

/// Whether the pixel at an offset is in the image and not in the mask: along the image's border
/// there is no contour.
fn is_outside(mask: &Mask, x: u32, y: u32, dx: i32, dy: i32) -> bool {
    let size = mask.size();
    match (x.checked_add_signed(dx), y.checked_add_signed(dy)) {
        (Some(x), Some(y)) if x < size.width && y < size.height => !mask.get(x, y),
        _ => false,
    }
}
