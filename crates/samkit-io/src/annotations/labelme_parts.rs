//! labelme's shapes as parts of things.

use std::f64::consts::TAU;

use super::shape::{Part, Shape};

/// The parts of one thing.
#[derive(Debug, Default)]
pub(crate) struct LabelmeParts {
    parts: Vec<Part>,
    /// Whether any part is more than a rectangle.
    has_outline: bool,
}

impl LabelmeParts {
    /// Adds a shape of a kind that covers an area; others are passed over. `points` become such that
    /// the box around them is the box around the shape.
    pub(crate) fn add(&mut self, kind: &str, points: &mut Vec<f64>, mask: Option<String>) {
        let part = match (kind, &points[..]) {
            // Without points it is nothing, whatever it is called.
            (_, []) => return,
            ("polygon" | "oriented_rectangle", _) => Part::Outline(points.clone()),
            ("rectangle", _) => Part::Outline(rectangle(points)),
            ("circle", &[x, y, edge_x, edge_y]) => {
                *points = circle(x, y, (edge_x - x).hypot(edge_y - y));
                Part::Outline(points.clone())
            }
            ("circle", _) => Part::Bad("a circle without a centre and a point".to_owned()),
            ("mask", &[x0, y0, x1, y1]) => {
                // The points are the first and the last pixel.
                let (x, y) = (x0.min(x1), y0.min(y1));
                *points = vec![x, y, x0.max(x1) + 1.0, y0.max(y1) + 1.0];
                match mask {
                    Some(base64) => Part::Picture { base64, x, y },
                    None => Part::Bad("a mask without its picture".to_owned()),
                }
            }
            ("mask", _) => Part::Bad("a mask without two corners".to_owned()),
            _ => return,
        };
        self.has_outline |= kind != "rectangle";
        self.parts.push(part);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds the parts of another shape of the same thing.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
        self.has_outline |= other.has_outline;
    }

    /// The shape of the thing; none where it is nothing but rectangles, which are a box.
    pub(crate) fn into_shape(self) -> Option<Shape> {
        self.has_outline.then_some(Shape(self.parts))
    }
}

/// The corners of the rectangle between two, or around any number of corners.
fn rectangle(points: &[f64]) -> Vec<f64> {
    let side = |start: usize, best: fn(f64, f64) -> f64| {
        points.iter().skip(start).step_by(2).copied().reduce(best).unwrap_or(f64::NAN)
    };
    let [x0, y0] = [side(0, f64::min), side(1, f64::min)];
    let [x1, y1] = [side(0, f64::max), side(1, f64::max)];
    vec![x0, y0, x1, y0, x1, y1, x0, y1]
}

/// A polygon that lies within a twentieth of a pixel of the circle, unless that is a very large one.
fn circle(x: f64, y: f64, radius: f64) -> Vec<f64> {
    let corners = (10.0 * radius.sqrt()).ceil().clamp(16.0, 2048.0) as u32;
    let angles = (0..corners).map(|corner| TAU * f64::from(corner) / f64::from(corners));
    angles.flat_map(|angle| [x + radius * angle.cos(), y + radius * angle.sin()]).collect()
}
