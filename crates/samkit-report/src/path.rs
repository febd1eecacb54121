//! Masks and boxes as paths of SVG.

use std::fmt::Write;

use samkit_core::{BBox, Mask, Point, Rle, Size, outlines, simplified};

/// How far a path may lie from the outline, in pixels of the picture. Stairs of single pixels become
/// straight lines from here on.
const TOLERANCE: f32 = 1.25;
/// Parts and holes with less area than this are left out, in pixels of the picture, unless nothing
/// else is there.
const MIN_AREA: f64 = 4.0;

/// The outlines of a mask in a picture of `width` × `height`: closed lines, to be filled by the even-odd
/// rule. Empty for an empty mask.
pub(crate) fn mask_path(mask: &Rle, (width, height): (u32, u32)) -> String {
    if mask.area() == 0 {
        return String::new();
    }
    let across = width as f32 / mask.size().width as f32;
    let down = height as f32 / mask.size().height as f32;
    let BBox { x0, y0, x1, y1 } = mask.bbox();
    let bbox = BBox::new(x0 * across, y0 * down, x1 * across, y1 * down);
    let (left, top) = (bbox.x0.floor() as i64, bbox.y0.floor() as i64);
    let small = sampled(&mask.to_mask(), bbox, (across, down));
    let moved = |outline: Vec<Point>| -> Vec<(i64, i64)> {
        let outline = simplified(&outline, TOLERANCE);
        outline.iter().map(|p| (p.x as i64 + left, p.y as i64 + top)).collect()
    };
    let mut parts: Vec<_> = outlines(&small).into_iter().map(moved).collect();
    let largest = parts.iter().map(|part| area(part)).fold(0.0, f64::max);
    parts.retain(|part| area(part) >= MIN_AREA.min(largest));
    if parts.is_empty() {
        return box_path(bbox);
    }
    parts.iter().map(|part| closed(part)).collect()
}

/// The mask at the picture's pixels inside `bbox`: what lies at their middles. Tracing takes time with
/// the area, so that it is done on no more than will be seen.
fn sampled(mask: &Mask, bbox: BBox, (across, down): (f32, f32)) -> Rle {
    let (left, top) = (bbox.x0.floor(), bbox.y0.floor());
    let size = Size::new((bbox.x1.ceil() - left) as u32, (bbox.y1.ceil() - top) as u32);
    let at = |start: f32, pixel: u32, scale: f32, end: u32| {
        (((start + pixel as f32 + 0.5) / scale) as u32).min(end - 1)
    };
    let columns: Vec<u32> =
        (0..size.width).map(|x| at(left, x, across, mask.size().width)).collect();
    let rows: Vec<u32> = (0..size.height).map(|y| at(top, y, down, mask.size().height)).collect();
    Rle::from_mask(&Mask::from_fn(size, |x, y| mask.get(columns[x as usize], rows[y as usize])))
}

/// A box as a closed line, in the same pixels, and never without an inside.
pub(crate) fn box_path(bbox: BBox) -> String {
    // No picture is that large; boxes of other programs may be.
    let whole = |side: f32| side.clamp(-1e5, 1e5) as i64;
    let (left, top) = (whole(bbox.x0.floor()), whole(bbox.y0.floor()));
    let right = whole(bbox.x1.ceil()).max(left + 1);
    let bottom = whole(bbox.y1.ceil()).max(top + 1);
    closed(&[(left, top), (right, top), (right, bottom), (left, bottom)])
}

fn area(part: &[(i64, i64)]) -> f64 {
    let next = part.iter().cycle().skip(1);
    let twice: i64 = part.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    twice.abs() as f64 / 2.0
}

/// `M` with the first point, `l` with the steps to the others. Steps are short numbers, and a minus
/// sign separates as well as a space.
fn closed(points: &[(i64, i64)]) -> String {
    let Some(&(mut x, mut y)) = points.first() else { return String::new() };
    let mut path = format!("M{x} {y}");
    for (index, &(next_x, next_y)) in points.iter().enumerate().skip(1) {
        let (dx, dy) = (next_x - x, next_y - y);
        let before = if index == 1 { "l" } else { gap(dx) };
        let _ = write!(path, "{before}{dx}{}{dy}", gap(dy));
        (x, y) = (next_x, next_y);
    }
    path.push('z');
    path
}

fn gap(number: i64) -> &'static str {
    if number < 0 { "" } else { " " }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rle(size: Size, inside: impl Fn(u32, u32) -> bool) -> Rle {
        Rle::from_mask(&Mask::from_fn(size, inside))
    }

    #[test]
    fn a_frame_is_two_lines_of_which_the_even_odd_rule_makes_a_hole() {
        let ring = |x: u32, y: u32| {
            (10..30).contains(&x)
                && (10..30).contains(&y)
                && !((15..25).contains(&x) && (15..25).contains(&y))
        };
        let mask = rle(Size::new(40, 40), ring);
        assert_eq!(mask_path(&mask, (40, 40)), "M10 10l20 0 0 20-20 0zM15 15l0 10 10 0 0-10z");
    }

    #[test]
    fn paths_are_in_pixels_of_the_picture() {
        let mask = rle(Size::new(400, 200), |x, y| x < 200 && y < 100);
        assert_eq!(mask_path(&mask, (100, 50)), "M0 0l50 0 0 25-50 0z");
    }

    #[test]
    fn a_shrunk_mask_stays_in_its_place() {
        let size = Size::new(3000, 2001);
        let disc = rle(size, |x, y| (x as f32 - 2000.0).hypot(y as f32 - 1500.0) < 300.0);
        let path = mask_path(&disc, (750, 500));
        // Its top and left end, a quarter as far.
        let numbers = path[1..].split(['l', ' ']).take(2).map(|number| number.parse::<f32>());
        let [x, y] = numbers.collect::<Result<Vec<_>, _>>().unwrap()[..] else { panic!("{path}") };
        assert!((x - 500.0).abs() < 20.0 && (y - 300.0).abs() < 2.0, "{path}");
    }

    #[test]
    fn specks_are_left_out_but_never_the_whole_mask() {
        let size = Size::new(1000, 1000);
        let blocks = |x: u32, y: u32| (x < 500 && y < 500) || (x == 900 && y == 900);
        assert_eq!(mask_path(&rle(size, blocks), (1000, 1000)), "M0 0l500 0 0 500-500 0z");
        let speck = rle(size, |x, y| x == 900 && y == 900);
        assert_eq!(mask_path(&speck, (1000, 1000)), "M900 900l1 0 0 1-1 0z");
        assert_eq!(mask_path(&speck, (100, 100)), "M90 90l1 0 0 1-1 0z");
        assert_eq!(mask_path(&rle(size, |_, _| false), (100, 100)), "");
    }

    #[test]
    fn a_round_mask_keeps_its_shape_with_few_points() {
        let size = Size::new(600, 600);
        let disc = rle(size, |x, y| (x as f32 - 300.0).hypot(y as f32 - 300.0) < 200.0);
        let path = mask_path(&disc, (600, 600));
        assert!((100..400).contains(&path.len()), "{path}");
    }
}
