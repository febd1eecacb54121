//! Things with their boxes, names and scores.

use image::{Rgb, RgbImage};
use samkit_core::{BBox, Rle};

use super::{mask_overlay, paint::line_width, palette, text::draw_tag};
use crate::Instance;

/// Draws masks in colours, boxes around them, and names with scores in percent. The largest are drawn
/// first, so that small ones stay readable.
///
/// # Panics
/// When a mask has another size than the image.
pub fn instance_overlay(image: &RgbImage, instances: &[Instance]) -> RgbImage {
    let size = |instance: &Instance| match &instance.mask {
        Some(mask) => mask.area() as f32,
        None => instance.bbox.area(),
    };
    let mut order: Vec<&Instance> = instances.iter().collect();
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let masks: Vec<&Rle> = order.iter().filter_map(|instance| instance.mask.as_ref()).collect();
    // Colours go by rank in both pictures, so they agree where everything has a mask.
    let mut overlay = mask_overlay(image, &masks);
    for (rank, instance) in order.iter().enumerate() {
        outline(&mut overlay, instance.bbox, palette::color(rank));
    }
    for (rank, instance) in order.iter().enumerate() {
        let percent = instance.score.map(|score| format!("{:.0}%", 100.0 * score));
        let words: Vec<&str> =
            [Some(instance.label.as_str()), percent.as_deref()].into_iter().flatten().collect();
        let text = words.join(" ");
        if !text.trim().is_empty() {
            let BBox { x0, y0, .. } = instance.bbox;
            draw_tag(&mut overlay, x0, y0, text.trim(), palette::color(rank));
        }
    }
    overlay
}

fn outline(picture: &mut RgbImage, bbox: BBox, color: Rgb<u8>) {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let line = i64::from(line_width(picture.dimensions()));
    let (x0, y0) = (bbox.x0.round() as i64, bbox.y0.round() as i64);
    let (x1, y1) = (bbox.x1.round() as i64 - 1, bbox.y1.round() as i64 - 1);
    for y in y0.max(0)..=y1.min(height - 1) {
        for x in x0.max(0)..=x1.min(width - 1) {
            let to_side = (x - x0).min(x1 - x).min(y - y0).min(y1 - y);
            if to_side < line {
                picture.put_pixel(x as u32, y as u32, color);
            }
        }
    }
}
