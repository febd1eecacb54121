//! Masks as polygons with holes.

use std::collections::HashMap;

use crate::{Point, Rle, joined, outlines, simplified};

/// A connected part of a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Around it, clockwise as seen on the screen.
    pub outer: Vec<Point>,
    /// Around each of its holes, the other way.
    pub holes: Vec<Vec<Point>>,
}

/// The parts of a mask, along the sides of its pixels. Pixels belong together when they touch at a
/// side; those that touch at a corner only are parts of their own. No ring meets itself, and two rings
/// meet at corners only, so that every part is a valid polygon in the sense of Simple Features
/// (OGC 06-103r4), and all of them a valid multipolygon.
pub fn parts(mask: &Rle) -> Vec<Part> {
    let outlines = outlines(mask);
    let mut rings: Vec<Ring> = outlines.iter().flat_map(|outline| simple_rings(outline)).collect();
    rings.sort_by_key(|ring| ring.start);
    let sides = Sides::of(&rings);
    let mut parts: Vec<Part> = Vec::new();
    let mut owners: Vec<usize> = Vec::with_capacity(rings.len());
    for ring in rings {
        if ring.is_outer {
            owners.push(parts.len());
            parts.push(Part { outer: ring.points, holes: Vec::new() });
        } else {
            // What bounds the mask on the left begins above or further left: its owner is known.
            let owner = owners[sides.left_of(ring.start)];
            owners.push(owner);
            parts[owner].holes.push(ring.points);
        }
    }
    parts
}

/// A mask as polygons, one a part, none of the outlines' points further than `tolerance` pixels from
/// them. Formats with polygons have no holes: a hole is reached over a bridge and left the same way
/// back ([`joined`]), so that filling by the even-odd rule, as pycocotools does, leaves it out.
///
/// Rings are never simplified so far that they lose their shape: the tolerance is at most a sixteenth
/// of the side of a square of the ring's area. Up to half a pixel, filling at the centres of pixels
/// gives the mask back exactly; so it does for every ring of fewer than 64 pixels.
pub fn polygons(mask: &Rle, tolerance: f32) -> Vec<Vec<Point>> {
    let polygon = |part: &Part| {
        let rings: Vec<Vec<Point>> = std::iter::once(&part.outer)
            .chain(&part.holes)
            .map(|ring| simplified(ring, tolerance.min(signed_area(ring).abs().sqrt() / 16.0)))
            .collect();
        joined(&rings)
    };
    parts(mask).iter().map(polygon).collect()
}

/// Positive for what runs clockwise on the screen.
fn signed_area(ring: &[Point]) -> f32 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| f64::from(a.x * b.y - b.x * a.y)).sum::<f64>() as f32 / 2.0
}

/// A closed way that meets no corner twice.
struct Ring {
    points: Vec<Point>,
    is_outer: bool,
    /// Row and column of its first corner, from the top and then from the left.
    start: (u32, u32),
}

impl Ring {
    fn new(points: Vec<Point>) -> Self {
        let start = points.iter().map(place).min().unwrap_or_default();
        Self { is_outer: signed_area(&points) > 0.0, start, points }
    }
}

/// Row and column of a corner of pixels.
fn place(point: &Point) -> (u32, u32) {
    (point.y as u32, point.x as u32)
}

/// An outline, cut where it comes back to a corner: two ends of a part that touch there enclose a
/// hole, and two holes that touch there are two.
fn simple_rings(outline: &[Point]) -> Vec<Ring> {
    let mut rings = Vec::new();
    let mut open: Vec<Point> = Vec::with_capacity(outline.len());
    let mut seen: HashMap<(u32, u32), usize> = HashMap::new();
    for point in outline {
        if let Some(&index) = seen.get(&place(point)) {
            let ring = open.split_off(index);
            for point in &ring {
                seen.remove(&place(point));
            }
            rings.push(Ring::new(ring));
        }
        seen.insert(place(point), open.len());
        open.push(*point);
    }
    rings.push(Ring::new(open));
    rings
}

/// The upright sides of all rings in the rows where a hole begins: row, column, ring.
struct Sides(Vec<(u32, u32, usize)>);

impl Sides {
    fn of(rings: &[Ring]) -> Self {
        let holes = rings.iter().filter(|ring| !ring.is_outer);
        let mut rows: Vec<u32> = holes.map(|ring| ring.start.0).collect();
        rows.dedup();
        let mut sides = Vec::new();
        for (index, ring) in rings.iter().enumerate() {
            let next = ring.points.iter().cycle().skip(1);
            for (a, b) in ring.points.iter().zip(next).filter(|(a, b)| a.x == b.x) {
                let (top, bottom) = (a.y.min(b.y) as u32, a.y.max(b.y) as u32);
                let crossed = &rows[rows.partition_point(|&row| row < top)..];
                let crossed = crossed.iter().take_while(|&&row| row < bottom);
                sides.extend(crossed.map(|&row| (row, a.x as u32, index)));
            }
        }
        sides.sort_unstable();
        Self(sides)
    }

    /// The ring of the next side to the left, in the row that begins at a corner.
    fn left_of(&self, (row, column): (u32, u32)) -> usize {
        let here = self.0.partition_point(|&(y, x, _)| (y, x) < (row, column));
        self.0[here - 1].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mask, Size, outline::tests::filled};

    fn mask(rows: &[&str]) -> Rle {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        Rle::from_mask(&Mask::from_fn(size, |x, y| rows[y as usize].as_bytes()[x as usize] == b'#'))
    }

    /// How many parts there are, and the areas of their holes.
    fn holes(rows: &[&str]) -> Vec<Vec<f32>> {
        let areas = |part: &Part| part.holes.iter().map(|hole| -signed_area(hole)).collect();
        parts(&mask(rows)).iter().map(areas).collect()
    }

    #[test]
    fn holes_belong_to_the_part_around_them() {
        let nested = ["######", "#....#", "#.##.#", "#.##.#", "#....#", "######"];
        assert_eq!(holes(&nested), [vec![16.0], vec![]]);
        let in_a_row = ["#########", "#.#.#..##", "#########"];
        assert_eq!(holes(&in_a_row), [vec![1.0, 1.0, 2.0]]);
        assert_eq!(holes(&["..", ".."]), [[]; 0]);
    }

    #[test]
    fn rings_that_touch_themselves_are_cut() {
        let ends_touch = ["####", "#..#", "#.#.", "###."];
        assert_eq!(holes(&ends_touch), [[3.0]]);
        let two_holes = ["####", "#.##", "##.#", "####"];
        assert_eq!(holes(&two_holes), [[1.0, 1.0]]);
        assert_eq!(holes(&["#.", ".#"]), [[], []], "pixels that touch at a corner are two parts");
    }

    #[test]
    fn random_masks_have_rings_without_repeated_corners_and_the_right_area() {
        let mut state = 7_u32;
        for round in 0..200 {
            let size = Size::new(1 + round % 13, 1 + round % 11);
            let mask = Mask::from_fn(size, |_, _| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 24 < 160
            });
            let parts = parts(&Rle::from_mask(&mask));
            let mut area = 0.0;
            for part in &parts {
                assert!(signed_area(&part.outer) > 0.0);
                for ring in std::iter::once(&part.outer).chain(&part.holes) {
                    let mut corners: Vec<_> = ring.iter().map(place).collect();
                    corners.sort_unstable();
                    corners.dedup();
                    assert_eq!(corners.len(), ring.len(), "{mask:?}");
                    area += signed_area(ring);
                }
                let [left, top] = part.outer.iter().fold([f32::INFINITY; 2], |least, point| {
                    [least[0].min(point.x), least[1].min(point.y)]
                });
                let within = |point: &Point| point.x > left && point.y > top;
                assert!(part.holes.iter().flatten().all(within), "a hole left its part: {mask:?}");
            }
            assert_eq!(area as u64, mask.area(), "{mask:?}");
        }
    }

    #[test]
    fn half_a_pixel_of_tolerance_gives_masks_back() {
        let size = Size::new(90, 70);
        let masks: [&dyn Fn(f32, f32) -> bool; 4] = [
            &|x, y| (15.0..32.0).contains(&(x - 45.0).hypot(y - 35.0)),
            &|x, y| (y - 0.3 * x - 8.0).abs() < 9.0 + 3.0 * (x / 4.0).sin(),
            &|x, y| (x / 7.0).sin() + (y / 5.0).cos() > 0.2,
            &|x, y| (x * 0.71 + y).rem_euclid(13.0) < 6.0,
        ];
        for (index, inside) in masks.into_iter().enumerate() {
            let mask = Rle::from_mask(&Mask::from_fn(size, |x, y| inside(x as f32, y as f32)));
            let exact = polygons(&mask, 0.0);
            let simple = polygons(&mask, 0.5);
            assert_eq!(filled(&simple, size), mask, "mask {index}");
            let corners = |polygons: &[Vec<Point>]| polygons.iter().map(Vec::len).sum::<usize>();
            assert!(corners(&simple) < corners(&exact), "mask {index} is not simpler");
        }
    }

    #[test]
    fn polygons_keep_small_parts_as_they_are() {
        let small = mask(&["#..##", "...#."]);
        let corners: Vec<usize> = polygons(&small, 5.0).iter().map(Vec::len).collect();
        assert_eq!(corners, [4, 6]);
        // Around the outer square, over the bridge, around the hole, and back.
        assert_eq!(polygons(&mask(&["###", "#.#", "###"]), 0.0)[0].len(), 4 + 5 + 1);
    }
}
