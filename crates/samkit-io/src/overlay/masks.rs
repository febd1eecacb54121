//! Masks in colours over the photograph.

use std::num::NonZeroU32;

use image::{Rgb, RgbImage};
#[cfg(test)]
use samkit_core::Mask;
use samkit_core::Rle;

use super::{
    ids,
    paint::{brightness, line_width, mix},
    palette,
};

const FILL_ALPHA: f32 = 0.45;
const CONTOUR_ALPHA: f32 = 0.95;
const RIM_ALPHA: f32 = 0.8;

/// What is seen of a mask at a pixel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Fill,
    /// Next to the contour, on the inside.
    Rim,
    Contour,
}

/// What is seen of the masks at a pixel: nothing, or a part of one, by its rank in size. In four bytes:
/// large images have many of them.
#[derive(Clone, Copy)]
struct Layer(u32);

impl Layer {
    const NOTHING: Self = Self(0);

    fn new(part: Part, rank: usize) -> Self {
        let kind = match part {
            Part::Fill => 1,
            Part::Rim => 2,
            Part::Contour => 3,
        };
        // More masks than a quarter of all numbers would not fit into memory.
        Self(((rank as u32) << 2) | kind)
    }

    fn seen(self) -> Option<(Part, usize)> {
        let part = match self.0 & 3 {
            0 => return None,
            1 => Part::Fill,
            2 => Part::Rim,
            _ => Part::Contour,
        };
        Some((part, (self.0 >> 2) as usize))
    }

    fn over(self, pixel: Rgb<u8>) -> Rgb<u8> {
        let Some((part, rank)) = self.seen() else { return pixel };
        let color = palette::color(rank);
        match part {
            Part::Fill => mix(pixel, color, FILL_ALPHA),
            Part::Rim => mix(pixel, rim(color), RIM_ALPHA),
            Part::Contour => mix(pixel, color, CONTOUR_ALPHA),
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
    let rank = |layer: Layer| NonZeroU32::new(layer.seen()?.1 as u32 + 1);
    let ranks: Vec<_> = layers.into_iter().map(rank).collect();
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
    let mut layers = vec![Layer::NOTHING; image.width() as usize * image.height() as usize];
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

/// Paints a mask over what is there. A pixel of the mask is on its contour, or on the rim, by its distance
/// from the nearest pixel beside the mask; that one touches the mask, at least at a corner, so that
/// discs around those find the same as looking around every pixel, in a small part of the time.
fn paint(layers: &mut [Layer], rle: &Rle, rank: usize, line: i32) {
    if rle.area() == 0 {
        return;
    }
    let mask = rle.to_mask();
    let size = rle.size();
    let (width, height) = (size.width as i32, size.height as i32);
    let place = |x: i32, y: i32| y as usize * size.width as usize + x as usize;
    let is_inside = |x: i32, y: i32| {
        (0..width).contains(&x) && (0..height).contains(&y) && mask.get(x as u32, y as u32)
    };
    let bbox = rle.inclusive_bbox();
    let (columns, rows) = (bbox.x0 as i32..=bbox.x1 as i32, bbox.y0 as i32..=bbox.y1 as i32);
    for y in rows.clone() {
        for x in columns.clone().filter(|&x| is_inside(x, y)) {
            layers[place(x, y)] = Layer::new(Part::Fill, rank);
        }
    }
    let disc = disc(line + (line + 1) / 2);
    let contour = Layer::new(Part::Contour, rank);
    // Along the image's border there is no contour: what lies beyond is not beside the mask.
    let wider = |range: &std::ops::RangeInclusive<i32>, end: i32| {
        (range.start() - 1).max(0)..=(range.end() + 1).min(end - 1)
    };
    for y in wider(&rows, height) {
        for x in wider(&columns, width) {
            let touches = || NEIGHBOURS.iter().any(|(dx, dy)| is_inside(x + dx, y + dy));
            if is_inside(x, y) || !touches() {
                continue;
            }
            for &(dx, dy) in &disc {
                if !is_inside(x + dx, y + dy) {
                    continue;
                }
                let layer = &mut layers[place(x + dx, y + dy)];
                if dx * dx + dy * dy <= line * line {
                    *layer = contour;
                } else if layer.0 != contour.0 {
                    *layer = Layer::new(Part::Rim, rank);
                }
            }
        }
    }
}

const NEIGHBOURS: [(i32, i32); 8] =
    [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Offsets of the pixels within `radius`, without the centre.
fn disc(radius: i32) -> Vec<(i32, i32)> {
    let reach = -radius..=radius;
    let square = reach.clone().flat_map(|y| reach.clone().map(move |x| (x, y)));
    square.filter(|(x, y)| (1..=radius * radius).contains(&(x * x + y * y))).collect()
}

#[cfg(test)]
mod tests {
    use samkit_core::Size;

    use super::*;

    /// What is painted, by looking around every pixel.
    fn plainly(mask: &Mask, line: i32) -> Vec<u32> {
        let size = mask.size();
        let reach = line + (line + 1) / 2;
        let part = |x: i32, y: i32| {
            let others = mask.pixels().iter().enumerate().filter(|(_, inside)| !**inside);
            let nearest = others.map(|(place, _)| {
                let (ox, oy) = (place as i32 % size.width as i32, place as i32 / size.width as i32);
                (x - ox).pow(2) + (y - oy).pow(2)
            });
            match nearest.min() {
                Some(near) if near <= line * line => Part::Contour,
                Some(near) if near <= reach * reach => Part::Rim,
                _ => Part::Fill,
            }
        };
        let places =
            (0..size.height as i32).flat_map(|y| (0..size.width as i32).map(move |x| (x, y)));
        places
            .map(|(x, y)| match mask.get(x as u32, y as u32) {
                true => Layer::new(part(x, y), 5).0,
                false => 0,
            })
            .collect()
    }

    #[test]
    fn discs_around_what_touches_a_mask_find_its_contour() {
        let size = Size::new(30, 22);
        let shapes: [&dyn Fn(u32, u32) -> bool; 4] = [
            &|x, y| (x as i32 - 14).pow(2) + (y as i32 - 11).pow(2) < 90,
            &|x, y| x < 17 && y > 4 && !((6..9).contains(&x) && (9..12).contains(&y)),
            &|x, y| (x * 7 + y * 13) % 11 < 7,
            &|_, _| true,
        ];
        for shape in shapes {
            for line in 1..4 {
                let mask = Mask::from_fn(size, shape);
                let mut layers = vec![Layer::NOTHING; size.area()];
                paint(&mut layers, &Rle::from_mask(&mask), 5, line);
                let painted: Vec<u32> = layers.iter().map(|layer| layer.0).collect();
                assert!(painted == plainly(&mask, line), "line {line}");
            }
        }
    }
}
