//! Points and boxes that were asked about.

use image::{Rgb, RgbImage};
use samkit_core::{BBox, Point, PointLabel, Prompt};

use super::paint::{line_width, mix};

const RIM: Rgb<u8> = Rgb([255, 255, 255]);
const FOREGROUND: Rgb<u8> = Rgb([0, 150, 60]);
const BACKGROUND: Rgb<u8> = Rgb([210, 30, 30]);
const BOX: Rgb<u8> = Rgb([255, 230, 0]);
const BOX_RIM: Rgb<u8> = Rgb([0, 0, 0]);

/// Draws the points of a prompt as discs (a green one with a plus on the object, a red one with a
/// minus off it) and its box as a frame.
pub fn draw_prompt(image: &mut RgbImage, prompt: &Prompt) {
    let line = line_width(image.dimensions()) as f32;
    if let Some(bbox) = &prompt.bbox {
        draw(image, frame_area(bbox, line), BOX_RIM, |at| frame(at, bbox) - line);
        draw(image, frame_area(bbox, line), BOX, |at| frame(at, bbox) - line / 2.0);
    }
    let radius = 4.5 * line;
    for prompt in &prompt.points {
        let center = prompt.point;
        let area = [center.x - radius, center.y - radius, center.x + radius, center.y + radius];
        let (color, plus) = match prompt.label {
            PointLabel::Foreground => (FOREGROUND, true),
            PointLabel::Background => (BACKGROUND, false),
        };
        draw(image, area, RIM, |at| distance(at, center) - radius);
        draw(image, area, color, |at| distance(at, center) - (radius - line));
        draw(image, area, RIM, |at| sign(at, center, radius * 0.45, line / 2.0, plus));
    }
}

/// Paints the pixels of `area` (x0, y0, x1, y1) whose `signed_distance` to a shape is negative,
/// with smooth borders.
fn draw(
    image: &mut RgbImage,
    area: [f32; 4],
    color: Rgb<u8>,
    signed_distance: impl Fn(Point) -> f32,
) {
    let (width, height) = image.dimensions();
    let [x0, y0] = [area[0], area[1]].map(|start| (start - 1.0).max(0.0) as u32);
    let [x1, y1] = [area[2], area[3]].map(|end| (end + 2.0).max(0.0) as u32);
    for y in y0..y1.min(height) {
        for x in x0..x1.min(width) {
            let alpha = (0.5 - signed_distance(Point::new(x as f32, y as f32))).clamp(0.0, 1.0);
            if alpha > 0.0 {
                image[(x, y)] = mix(image[(x, y)], color, alpha);
            }
        }
    }
}

fn distance(a: Point, b: Point) -> f32 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// Distance to the lines of a minus, or of a plus, from its border of `half` a line's width.
fn sign(at: Point, center: Point, reach: f32, half: f32, plus: bool) -> f32 {
    let (dx, dy) = ((at.x - center.x).abs(), (at.y - center.y).abs());
    let minus = (dx - reach).max(dy - half);
    if plus { minus.min((dy - reach).max(dx - half)) } else { minus }
}

/// Distance to the four sides of a box.
fn frame(at: Point, bbox: &BBox) -> f32 {
    let dx = (bbox.x0 - at.x).max(at.x - bbox.x1);
    let dy = (bbox.y0 - at.y).max(at.y - bbox.y1);
    if dx > 0.0 && dy > 0.0 { dx.hypot(dy) } else { dx.max(dy).abs() }
}

fn frame_area(bbox: &BBox, line: f32) -> [f32; 4] {
    [bbox.x0 - line, bbox.y0 - line, bbox.x1 + line, bbox.y1 + line]
}
