//! Edges in a strong colour over the photograph.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::paint::{brightness, line_width, mix};

const COLOR: Rgb<u8> = Rgb([255, 176, 0]);
/// How bright the photograph stays.
const DIMMED: f32 = 0.5;

/// Draws an edge map (0 to 255) over an image, which is dimmed and turned grey so that the edges
/// stand out. The stronger an edge, the more of its colour is seen; the speckle of very weak edges
/// that flat areas have all but vanishes. On large images the lines are thickened, so that they are
/// seen at screen size.
///
/// # Panics
/// When the map has another size than the image.
pub fn edge_overlay(image: &RgbImage, edges: &GrayImage) -> RgbImage {
    assert_eq!(image.dimensions(), edges.dimensions(), "edges and image differ in size");
    let edges = thickened(edges, line_width(image.dimensions()) / 2);
    let mut overlay = image.clone();
    for (pixel, &Luma([strength])) in overlay.pixels_mut().zip(edges.pixels()) {
        let grey = (brightness(*pixel) * DIMMED).round() as u8;
        *pixel = mix(Rgb([grey; 3]), COLOR, visibility(strength));
    }
    overlay
}

/// How opaque an edge is drawn. The cubic that is level at both ends, because thickening makes
/// speckle cover more of the picture than it does of the map: an edge of 20 gets 2 % instead of 8 %,
/// one of 200 gets 88 %.
fn visibility(strength: u8) -> f32 {
    let share = f32::from(strength) / 255.0;
    share * share * (3.0 - 2.0 * share)
}

/// The maximum over a square of `2·radius + 1` pixels, by rows and then by columns.
fn thickened(edges: &GrayImage, radius: u32) -> GrayImage {
    let (width, height) = edges.dimensions();
    let near =
        |center: u32, end: u32| center.saturating_sub(radius)..(center + radius + 1).min(end);
    let strongest = |values: &mut dyn Iterator<Item = u8>| Luma([values.max().unwrap_or(0)]);
    let rows = GrayImage::from_fn(width, height, |x, y| {
        strongest(&mut near(x, width).map(|x| edges[(x, y)][0]))
    });
    GrayImage::from_fn(width, height, |x, y| {
        strongest(&mut near(y, height).map(|y| rows[(x, y)][0]))
    })
}
