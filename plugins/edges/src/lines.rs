//! Lines out of a map of edges, for programs that draw or measure rather than look at pixels.

use std::{collections::HashSet, fmt::Write};

use image::GrayImage;
use imageproc::{geometry::approximate_polygon_dp, point::Point};
use samkit_plugin::EdgeImage;
use serde_json::{Value, json};

use crate::ridge::ridge_point;

/// How far, in pixels, a straightened line may be from the edge that it stands for.
const TOLERANCE: f64 = 0.75;

/// A line along an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// From end to end; the first and the last are the same where the line is closed. Pixel (0, 0) has its
    /// centre at (0.5, 0.5).
    pub points: Vec<(f32, f32)>,
    /// Mean strength of the line's pixels.
    pub strength: f32,
    /// How many pixels it stands for.
    pub pixels: usize,
}

/// Follows the edges of a `binary` map from end to end, from junction to junction and around; with the
/// strengths of `thinned`. Between junctions lines run where the strengths of `raw`, before thinning, are
/// largest across the edge, which is between the centres of pixels. They are straightened where they stay
/// within 0.75 pixels of that, strongest first. A pixel on its own is no line.
pub fn lines(raw: &EdgeImage, thinned: &EdgeImage, binary: &GrayImage) -> Vec<Line> {
    let pixels = Pixels { binary };
    let (width, height) = binary.dimensions();
    let all = || (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let set: Vec<_> = all().filter(|&p| pixels.is_set(p.0.into(), p.1.into())).collect();
    let mut walked = HashSet::new();
    let mut lines = Vec::new();
    // Whatever has an end or a junction first; what then remains are rings.
    let (ends, middles): (Vec<Place>, Vec<Place>) =
        set.iter().partition(|&&place| pixels.neighbours(place).len() != 2);
    for start in ends.into_iter().chain(middles) {
        for next in pixels.neighbours(start) {
            if let Some(path) = pixels.walk(start, next, &mut walked) {
                lines.push(line(&path, thinned, |place| match pixels.neighbours(place).len() {
                    // Lines that meet share a pixel, and where they do there is no direction across.
                    3.. => (place.0 as f32 + 0.5, place.1 as f32 + 0.5),
                    _ => ridge_point(raw, place),
                }));
            }
        }
    }
    lines.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    lines
}

type Place = (u32, u32);

struct Pixels<'a> {
    binary: &'a GrayImage,
}

impl Pixels<'_> {
    fn is_set(&self, x: i64, y: i64) -> bool {
        let (width, height) = self.binary.dimensions();
        (0..i64::from(width)).contains(&x)
            && (0..i64::from(height)).contains(&y)
            && self.binary[(x as u32, y as u32)][0] > 0
    }

    /// Edges beside a pixel; those at its corners only where no side leads there.
    fn neighbours(&self, (x, y): Place) -> Vec<Place> {
        let (x, y) = (i64::from(x), i64::from(y));
        let at = |dx: i64, dy: i64| self.is_set(x + dx, y + dy);
        let sides = [(1, 0), (0, 1), (-1, 0), (0, -1)];
        let corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)];
        let sides = sides.into_iter().filter(|&(dx, dy)| at(dx, dy));
        let corners =
            corners.into_iter().filter(|&(dx, dy)| at(dx, dy) && !at(dx, 0) && !at(0, dy));
        sides.chain(corners).map(|(dx, dy)| ((x + dx) as u32, (y + dy) as u32)).collect()
    }

    /// The way from `start` over `next` to an end, a junction or back; `None` where it was gone before.
    fn walk(
        &self,
        start: Place,
        next: Place,
        walked: &mut HashSet<(Place, Place)>,
    ) -> Option<Vec<Place>> {
        let mut step = |a: Place, b: Place| walked.insert((a.min(b), a.max(b)));
        if !step(start, next) {
            return None;
        }
        let mut path = vec![start, next];
        let (mut before, mut here) = (start, next);
        loop {
            let neighbours = self.neighbours(here);
            let [one, other] = neighbours[..] else { return Some(path) };
            let ahead = if one == before { other } else { one };
            if here == start || !step(here, ahead) {
                return Some(path);
            }
            path.push(ahead);
            (before, here) = (here, ahead);
        }
    }
}

/// The line along a path of pixels; `point` says where it runs in each.
fn line(path: &[Place], thinned: &EdgeImage, point: impl Fn(Place) -> (f32, f32)) -> Line {
    let strengths: f32 = path.iter().map(|&place| thinned[place][0]).sum();
    let points: Vec<Point<f32>> =
        path.iter().map(|&place| point(place)).map(|(x, y)| Point::new(x, y)).collect();
    // A ring's two ends are one place, from which no distance can be measured: it is cut in halves.
    let (first, second) = points.split_at(points.len() / 2);
    let simple = if path.first() == path.last() && !first.is_empty() {
        let first: Vec<_> = first.iter().chain(&second[..1]).copied().collect();
        let mut points = approximate_polygon_dp(&first, TOLERANCE, false);
        points.pop();
        points.extend(approximate_polygon_dp(second, TOLERANCE, false));
        points
    } else {
        approximate_polygon_dp(&points, TOLERANCE, false)
    };
    let points = simple.iter().map(|p| (p.x, p.y)).collect();
    Line { points, strength: strengths / path.len() as f32, pixels: path.len() }
}

/// The lines as an SVG picture of the image's size, the stronger the darker.
pub fn svg(lines: &[Line], width: u32, height: u32) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" fill=\"none\" stroke=\"#000\" stroke-linecap=\"round\" \
         stroke-linejoin=\"round\">\n"
    );
    for Line { points, strength, .. } in lines {
        let places: Vec<_> =
            points.iter().map(|(x, y)| format!("{},{}", rounded(*x), rounded(*y))).collect();
        // Writing to a string never fails.
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" stroke-opacity=\"{:.2}\"/>",
            places.join(" "),
            strength.clamp(0.0, 1.0).sqrt(),
        );
    }
    svg + "</svg>\n"
}

/// The lines as GeoJSON, in pixels from the image's top left corner, y downwards; `strength` and
/// `pixels` of each among its properties.
pub fn geojson(lines: &[Line]) -> String {
    let feature = |line: &Line| -> Value {
        let strength = (f64::from(line.strength) * 1e4).round() / 1e4;
        let coordinates: Vec<_> =
            line.points.iter().map(|(x, y)| [rounded(*x), rounded(*y)]).collect();
        json!({
            "type": "Feature",
            "properties": { "strength": strength, "pixels": line.pixels },
            "geometry": { "type": "LineString", "coordinates": coordinates },
        })
    };
    let features: Vec<_> = lines.iter().map(feature).collect();
    format!("{}\n", json!({ "type": "FeatureCollection", "features": features }))
}

/// In hundredths of a pixel, which is more than an edge is known to.
fn rounded(position: f32) -> f64 {
    (f64::from(position) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    fn traced(rows: &[&str]) -> Vec<Line> {
        let (width, height) = (rows[0].len() as u32, rows.len() as u32);
        let set = |x: u32, y: u32| rows[y as usize].as_bytes()[x as usize] == b'#';
        let binary =
            GrayImage::from_fn(width, height, |x, y| Luma([if set(x, y) { 255 } else { 0 }]));
        let map = EdgeImage::from_fn(width, height, |x, y| Luma([f32::from(u8::from(set(x, y)))]));
        lines(&map, &map, &binary)
    }

    #[test]
    fn a_straight_line_is_two_points_and_a_bend_three() {
        let straight = traced(&[".....", ".####", "....."]);
        assert_eq!(straight.len(), 1);
        assert_eq!(straight[0].points, [(1.5, 1.5), (4.5, 1.5)]);
        assert_eq!((straight[0].pixels, straight[0].strength), (4, 1.0));
        let bend = traced(&["#....", "#....", "#....", "#####"]);
        assert_eq!(bend.len(), 1);
        assert_eq!(bend[0].points, [(0.5, 0.5), (0.5, 3.5), (4.5, 3.5)]);
    }

    #[test]
    fn a_junction_parts_three_lines_and_every_pixel_is_on_one() {
        let lines = traced(&["..#..", "..#..", "#####", "....."]);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines.iter().map(|line| line.pixels).sum::<usize>(), 7 + 2);
        assert!(lines.iter().all(|line| line.points.contains(&(2.5, 2.5))));
    }

    #[test]
    fn a_ring_is_closed_and_a_pixel_is_no_line() {
        let ring = traced(&["......", ".###..", ".#.#..", ".###..", "......"]);
        assert_eq!(ring.len(), 1);
        assert_eq!(ring[0].points.first(), ring[0].points.last());
        assert!(ring[0].points.len() >= 4, "{ring:?}");
        assert!(traced(&["...", ".#.", "..."]).is_empty());
    }

    #[test]
    fn lines_run_between_pixels_where_the_edge_is_strongest() {
        let raw = EdgeImage::from_fn(20, 12, |x, _| {
            let from_middle = x as f32 + 0.5 - 10.2;
            Luma([0.8 * (-from_middle * from_middle / 4.5).exp()])
        });
        let thinned =
            EdgeImage::from_fn(20, 12, |x, _| Luma([if x == 9 || x == 10 { 0.5 } else { 0.0 }]));
        let binary = GrayImage::from_fn(20, 12, |x, y| {
            Luma([if x == 10 && (2..10).contains(&y) { 255 } else { 0 }])
        });
        let lines = lines(&raw, &thinned, &binary);
        assert_eq!((lines.len(), lines[0].strength, lines[0].pixels), (1, 0.5, 8));
        for &(x, _) in &lines[0].points {
            assert!((x - 10.2).abs() < 0.05, "{:?}", lines[0].points);
        }
    }

    #[test]
    fn both_forms_hold_every_line() {
        let lines = traced(&["##..", "....", "..##"]);
        let svg = svg(&lines, 4, 3);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("0.5,0.5 1.5,0.5"));
        let read: Value = serde_json::from_str(&geojson(&lines)).expect("JSON");
        assert_eq!(read["features"].as_array().map(Vec::len), Some(2));
        assert_eq!(read["features"][0]["geometry"]["type"], "LineString");
    }
}
