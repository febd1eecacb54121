//! Edges in a strong colour over the photograph.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::paint::{brightness, line_width, mix};

const COLOR: Rgb<u8> = Rgb([255, 176, 0]);
/// How bright the photograph stays.
const DIMMED: f32 = 0.5;

/// Draws an edge map (0 to 255) over an image, which is dimmed and turned grey so that the edges
/// stand out. On large images the lines are thickened, so that they are seen at screen size.
///
/// # Panics
/// When the map has another size than the image.
pub fn edge_overlay(image: &RgbImage, edges: &GrayImage) -> RgbImage {
    assert_eq!(image.dimensions(), edges.dimensions(), "edges and image differ in size");
    let edges = thickened(edges, line_width(image.dimensions()) / 2);
    let mut overlay = image.clone();
    for (pixel, &Luma([strength])) in overlay.pixels_mut().zip(edges.pixels()) {
        let grey = (brightness(*pixel) * DIMMED).round() as u8;
        // Weak edges are many and thin: the square root keeps them visible.
        let alpha = (f32::from(strength) / 255.0).sqrt();
        *pixel = mix(Rgb([grey; 3]), COLOR, alpha);
    }
    overlay
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
