//! Masks in colours over the photograph.

use image::{Rgb, RgbImage};
use samkit_core::{Mask, Rle};

use super::{
    ids,
    paint::{brightness, line_width, mix},
    palette,
};

const FILL_ALPHA: f32 = 0.45;
const CONTOUR_ALPHA: f32 = 0.95;
const RIM_ALPHA: f32 = 0.8;

/// What is seen of the masks at a pixel: of which mask, by its rank in size.
#[derive(Clone, Copy)]
enum Layer {
    Nothing,
    Fill(usize),
    /// Next to the contour, on the inside.
    Rim(usize),
    Contour(usize),
}

impl Layer {
    fn rank(self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Fill(rank) | Self::Rim(rank) | Self::Contour(rank) => Some(rank),
        }
    }

    fn over(self, pixel: Rgb<u8>) -> Rgb<u8> {
        match self {
            Self::Nothing => pixel,
            Self::Fill(rank) => mix(pixel, palette::color(rank), FILL_ALPHA),
            Self::Rim(rank) => mix(pixel, rim(palette::color(rank)), RIM_ALPHA),
            Self::Contour(rank) => mix(pixel, palette::color(rank), CONTOUR_ALPHA),
        }
    }
}

/// Black beside light colours, white beside dark ones.
fn rim(color: Rgb<u8>) -> Rgb<u8> {
    if brightness(color) > 128.0 { Rgb([0; 3]) } else { Rgb([255; 3]) }
}

/// Draws masks over an image, each in a colour of its own with a contour. Small masks lie on top of
/// large ones, and where masks overlap only the topmost is seen, so colours stay pure. Colours are
/// given out by size, the largest first, because the palette's first colours differ most. Along its
/// inside the contour has a thin rim, black or white, so that it is seen on an area of its own colour.
///
/// # Panics
/// When a mask has another size than the image.
pub fn mask_overlay(image: &RgbImage, masks: &[&Rle]) -> RgbImage {
    painted(image, &layers(image, masks, &order(masks)))
}

/// The same with every mask's number: its place in `masks` from 1, which is what a pixel of
/// [`crate::label_map`] holds. It stands deep inside of what is seen of the mask, or beside it where it
/// would cover too much. A mask of which nothing is seen has no number.
///
/// # Panics
/// When a mask has another size than the image.
pub fn mask_overlay_with_ids(image: &RgbImage, masks: &[&Rle]) -> RgbImage {
    let order = order(masks);
    let layers = layers(image, masks, &order);
    let mut overlay = painted(image, &layers);
    let ranks: Vec<Option<usize>> = layers.into_iter().map(Layer::rank).collect();
    ids::draw(&mut overlay, &ranks, &order);
    overlay
}

/// The places of the masks in their list, the largest first.
fn order(masks: &[&Rle]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(masks[index].area()));
    order
}

fn layers(image: &RgbImage, masks: &[&Rle], order: &[usize]) -> Vec<Layer> {
    let line = line_width(image.dimensions()) as i32;
    let mut layers = vec![Layer::Nothing; image.width() as usize * image.height() as usize];
    for (rank, &index) in order.iter().enumerate() {
        let size = masks[index].size();
        assert_eq!(image.dimensions(), (size.width, size.height), "mask and image differ in size");
        paint(&mut layers, masks[index], rank, line);
    }
    layers
}

fn painted(image: &RgbImage, layers: &[Layer]) -> RgbImage {
    let mut overlay = image.clone();
    for (pixel, layer) in overlay.pixels_mut().zip(layers) {
        *pixel = layer.over(*pixel);
    }
    overlay
}

fn paint(layers: &mut [Layer], rle: &Rle, rank: usize, line: i32) {
    if rle.area() == 0 {
        return;
    }
    let mask = rle.to_mask();
    let width = rle.size().width as usize;
    let disc = disc(line + (line + 1) / 2);
    let bbox = rle.inclusive_bbox();
    for y in bbox.y0 as u32..=bbox.y1 as u32 {
        for x in bbox.x0 as u32..=bbox.x1 as u32 {
            if mask.get(x, y) {
                let nearest = disc.iter().find(|&&(dx, dy)| is_outside(&mask, x, y, dx, dy));
                layers[y as usize * width + x as usize] = match nearest {
                    Some((dx, dy)) if dx * dx + dy * dy <= line * line => Layer::Contour(rank),
                    Some(_) => Layer::Rim(rank),
                    None => Layer::Fill(rank),
                };
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
