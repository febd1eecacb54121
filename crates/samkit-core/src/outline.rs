//! Outlines of masks as polygons.

use crate::{Mask, Point, Rle};

/// Ways along the sides of pixels, as bits and steps: right, down, left, up.
const STEPS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// The outlines of a mask along the sides of its pixels: around every part clockwise (as seen on the
/// screen), around every hole the other way. Filled by the even-odd or the non-zero rule they give the
/// mask back exactly. Pixels that touch at a corner only belong to different parts.
pub fn outlines(mask: &Rle) -> Vec<Vec<Point>> {
    let (size, mask) = (mask.size(), mask.to_mask());
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let is_inside = |x: i64, y: i64| {
        (0..width).contains(&x) && (0..height).contains(&y) && mask.get(x as u32, y as u32)
    };
    let columns = width + 1;
    let corner = |x: i64, y: i64| (y * columns + x) as usize;
    // The sides that leave every corner, with the mask on their right.
    let mut leaving = vec![0u8; (columns * (height + 1)) as usize];
    for (x, y) in inside_pixels(&mask) {
        let (x, y) = (i64::from(x), i64::from(y));
        let sides = [
            (x, y, x, y - 1),
            (x + 1, y, x + 1, y),
            (x + 1, y + 1, x, y + 1),
            (x, y + 1, x - 1, y),
        ];
        for (direction, (corner_x, corner_y, beyond_x, beyond_y)) in sides.into_iter().enumerate() {
            if !is_inside(beyond_x, beyond_y) {
                leaving[corner(corner_x, corner_y)] |= 1 << direction;
            }
        }
    }
    let mut found = Vec::new();
    for start in 0..leaving.len() {
        while leaving[start] != 0 {
            let (mut x, mut y) = (start as i64 % columns, start as i64 / columns);
            let mut direction = leaving[start].trailing_zeros() as usize;
            let mut outline = Vec::new();
            loop {
                leaving[corner(x, y)] &= !(1 << direction);
                outline.push((x, y, direction));
                (x, y) = (x + STEPS[direction].0, y + STEPS[direction].1);
                // Right before straight on before left: parts that touch at a corner stay apart.
                let turns = [1, 0, 3].map(|turn| (direction + turn) % 4);
                match turns.into_iter().find(|turn| leaving[corner(x, y)] & (1 << turn) != 0) {
                    Some(turn) => direction = turn,
                    None => break,
                }
            }
            found.push(corners(&outline));
        }
    }
    found
}

fn inside_pixels(mask: &Mask) -> impl Iterator<Item = (u32, u32)> {
    let width = mask.size().width;
    let inside = mask.pixels().iter().enumerate().filter(|&(_, &inside)| inside);
    inside.map(move |(index, _)| (index as u32 % width, index as u32 / width))
}

/// The places where a closed way turns.
fn corners(sides: &[(i64, i64, usize)]) -> Vec<Point> {
    let before = |index: usize| sides[(index + sides.len() - 1) % sides.len()].2;
    let turning = sides.iter().enumerate().filter(|&(index, side)| before(index) != side.2);
    turning.map(|(_, &(x, y, _))| Point::new(x as f32, y as f32)).collect()
}

/// A closed polygon with fewer points, none of the left-out ones further than `tolerance` pixels from
/// it (Douglas and Peucker 1973).
pub fn simplified(polygon: &[Point], tolerance: f32) -> Vec<Point> {
    if polygon.len() <= 4 {
        return polygon.to_vec();
    }
    // Two points that stay: the first, and the one furthest from it.
    let distance = |point: &Point| (point.x - polygon[0].x).hypot(point.y - polygon[0].y);
    let all = polygon.iter().map(distance).enumerate();
    let far = all.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
    let closed: Vec<Point> = polygon.iter().chain(&polygon[..1]).copied().collect();
    let mut stays = vec![false; closed.len()];
    (stays[0], stays[far]) = (true, true);
    let mut open = vec![(0, far), (far, closed.len() - 1)];
    while let Some((first, last)) = open.pop() {
        let between = (first + 1)..last;
        let off =
            between.map(|index| (index, to_segment(closed[index], closed[first], closed[last])));
        let Some((index, off)) = off.max_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        if off > tolerance {
            stays[index] = true;
            open.extend([(first, index), (index, last)]);
        }
    }
    let kept: Vec<Point> =
        polygon.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(p, _)| *p).collect();
    // Less than a triangle has no area.
    if kept.len() < 3 { polygon.to_vec() } else { kept }
}

/// Distance of a point from a segment.
fn to_segment(point: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let along = ((point.x - a.x) * dx + (point.y - a.y) * dy) / length.max(f32::MIN_POSITIVE);
    let along = along.clamp(0.0, 1.0);
    (point.x - a.x - along * dx).hypot(point.y - a.y - along * dy)
}

/// Several outlines as one polygon, for formats that have no parts and no holes: every further outline
/// is reached from the nearest corner of the polygon so far, walked around, and left the same way back.
pub fn joined(outlines: &[Vec<Point>]) -> Vec<Point> {
    let mut rest: Vec<&Vec<Point>> =
        outlines.iter().filter(|outline| !outline.is_empty()).collect();
    rest.sort_by_key(|outline| std::cmp::Reverse(outline.len()));
    let Some((first, rest)) = rest.split_first() else { return Vec::new() };
    let mut polygon = (*first).clone();
    for outline in rest {
        let mut best = (f32::INFINITY, 0, 0);
        for (i, a) in polygon.iter().enumerate() {
            for (j, b) in outline.iter().enumerate() {
                let distance = (a.x - b.x).powi(2) + (a.y - b.y).powi(2);
                if distance < best.0 {
                    best = (distance, i, j);
                }
            }
        }
        let (_, leave, enter) = best;
        let around = (0..=outline.len()).map(|step| outline[(enter + step) % outline.len()]);
        let detour: Vec<Point> = around.chain([polygon[leave]]).collect();
        polygon.splice(leave + 1..leave + 1, detour);
    }
    polygon
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Size;

    fn mask(rows: &[&str]) -> Rle {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        Rle::from_mask(&Mask::from_fn(size, |x, y| rows[y as usize].as_bytes()[x as usize] == b'#'))
    }

    /// Even-odd filling at the centres of pixels.
    pub(crate) fn filled(polygons: &[Vec<Point>], size: Size) -> Rle {
        Rle::from_mask(&Mask::from_fn(size, |x, y| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let crossings = polygons.iter().flat_map(|polygon| {
                let next = polygon.iter().cycle().skip(1);
                polygon.iter().zip(next).filter(|(a, b)| {
                    (a.y > y) != (b.y > y) && x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x)
                })
            });
            crossings.count() % 2 == 1
        }))
    }

    const SHAPES: [&[&str]; 5] = [
        &["#"],
        &["......", ".####.", ".#..#.", ".####.", "......"],
        &["##....", "##..##", "..####", "#.##..", ".#...#"],
        &["#.#.#.", ".#.#.#", "#.#.#."],
        &["######", "#....#", "#.##.#", "#.##.#", "#....#", "######"],
    ];

    #[test]
    fn outlines_give_the_mask_back() {
        for shape in SHAPES {
            let mask = mask(shape);
            let outlines = outlines(&mask);
            assert_eq!(filled(&outlines, mask.size()), mask, "{shape:?}");
            assert_eq!(filled(&[joined(&outlines)], mask.size()), mask, "{shape:?}");
        }
        assert!(outlines(&mask(&["..", ".."])).is_empty());
    }

    #[test]
    fn parts_run_clockwise_and_holes_the_other_way() {
        let areas: Vec<f32> = outlines(&mask(SHAPES[1]))
            .iter()
            .map(|polygon| {
                let next = polygon.iter().cycle().skip(1);
                polygon.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f32>() / 2.0
            })
            .collect();
        assert_eq!(areas, [12.0, -2.0]);
        // Touching at corners only: every pixel is a part of its own.
        assert_eq!(outlines(&mask(SHAPES[3])).len(), 9);
    }

    #[test]
    fn simplifying_straightens_stairs_and_stays_near() {
        let rows: Vec<String> = (0..40).map(|y| "#".repeat(y + 1) + &".".repeat(40 - y)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let outline = &outlines(&mask(&rows))[0];
        assert!(outline.len() > 70);
        let simple = simplified(outline, 1.0);
        assert!((3..=6).contains(&simple.len()), "{simple:?}");
        let square = outlines(&mask(&["##", "##"])).remove(0);
        assert_eq!(simplified(&square, 1.0), square);
    }
}
