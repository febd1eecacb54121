//! What thinned edges look like: lines of one pixel, where the edge is, without gaps.

use image::Luma;
use samkit_edges::{EdgeImage, Thinning, thin};

const METHODS: [Thinning; 3] =
    [Thinning::Canny, Thinning::StructuredEdges, Thinning::StructuredEdgesOpen];

/// A map in which `band` gives each pixel's strength.
fn map(width: u32, height: u32, band: impl Fn(f32, f32) -> f32) -> EdgeImage {
    EdgeImage::from_fn(width, height, |x, y| Luma([band(x as f32, y as f32)]))
}

/// A band of strength 1 at distance 0 that falls to 0 within two pixels.
fn ridge(distance: f32) -> f32 {
    (1.0 - distance.abs() / 2.0).max(0.0)
}

fn line_pixels(map: &EdgeImage) -> Vec<(u32, u32)> {
    map.enumerate_pixels().filter(|(_, _, p)| p[0] > 0.0).map(|(x, y, _)| (x, y)).collect()
}

#[test]
fn an_upright_band_of_two_equal_columns_becomes_one_column() {
    let band = map(24, 16, |x, _| if x == 11.0 || x == 12.0 { 1.0 } else { 0.0 });
    let columns = |map: &EdgeImage| {
        let mut columns: Vec<u32> = line_pixels(map).iter().map(|&(x, _)| x).collect();
        columns.dedup();
        columns
    };
    let thinned = thin(&band, Thinning::Canny);
    assert_eq!(line_pixels(&thinned).len(), 16);
    assert!(thinned.rows().all(|mut row| row.any(|p| p[0] == 1.0)), "{:?}", columns(&thinned));
}

#[test]
fn a_level_band_of_two_equal_rows_becomes_one_row() {
    let band = map(24, 16, |_, y| if y == 7.0 || y == 8.0 { 1.0 } else { 0.0 });
    let rows: Vec<u32> =
        line_pixels(&thin(&band, Thinning::Canny)).iter().map(|&(_, y)| y).collect();
    assert_eq!(rows.len(), 24);
    assert!(rows.iter().all(|&y| y == rows[0]), "{rows:?}");
}

#[test]
fn straight_lines_of_any_direction_are_thin_unbroken_and_in_place() {
    for method in METHODS {
        for degrees in (0..180).step_by(7) {
            let (sin, cos) = (degrees as f32).to_radians().sin_cos();
            let distance = |x: f32, y: f32| (x - 24.3) * cos + (y - 23.6) * sin;
            let thinned = thin(&map(48, 48, |x, y| ridge(distance(x, y))), method);
            // The inner part, which structured edges do not fade.
            let inner = |v: u32| (8..40).contains(&v);
            let line: Vec<_> =
                line_pixels(&thinned).into_iter().filter(|&(x, y)| inner(x) && inner(y)).collect();
            for &(x, y) in &line {
                let off = distance(x as f32, y as f32).abs();
                assert!(off <= 0.75, "{method:?} {degrees}°: ({x}, {y}) is {off} off the line");
            }
            // Unbroken: a pixel in every step along the line's long axis.
            let steps: std::collections::BTreeSet<u32> =
                line.iter().map(|&(x, y)| if sin.abs() > cos.abs() { x } else { y }).collect();
            let expected = (8..40_u32)
                .filter(|&step| {
                    let step = step as f32;
                    let across = if sin.abs() > cos.abs() {
                        23.6 - (step - 24.3) * cos / sin
                    } else {
                        24.3 - (step - 23.6) * sin / cos
                    };
                    (9.0..38.0).contains(&across)
                })
                .count();
            assert!(
                steps.len() >= expected,
                "{method:?} {degrees}°: {} of {expected}",
                steps.len()
            );
            // One pixel a step; structured edges keep what lies within half a pixel of the crest,
            // which on a diagonal is √2 pixels a step, and near ties besides.
            let most = match method {
                Thinning::Canny => 1.0,
                _ => 1.75,
            };
            assert!(
                line.len() as f32 <= most * steps.len() as f32,
                "{method:?} {degrees}°: {} pixels in {} steps",
                line.len(),
                steps.len()
            );
        }
    }
}

#[test]
fn a_circle_becomes_a_closed_thin_ring() {
    let distance = |x: f32, y: f32| (x - 30.2).hypot(y - 29.7) - 17.0;
    let thinned = thin(&map(60, 60, |x, y| ridge(distance(x, y))), Thinning::Canny);
    let line = line_pixels(&thinned);
    assert!(line.iter().all(|&(x, y)| distance(x as f32, y as f32).abs() < 0.8));
    // Every direction from the centre meets the ring within a pixel: 1° is a third of a pixel.
    for degrees in 0..360 {
        let (sin, cos) = (degrees as f32).to_radians().sin_cos();
        let (x, y) = (30.2 + 17.0 * cos, 29.7 + 17.0 * sin);
        let near = |&&(px, py): &&(u32, u32)| (px as f32 - x).hypot(py as f32 - y) < 1.2;
        assert!(line.iter().find(near).is_some(), "a gap at {degrees}°");
    }
    // A ring of pixels that touch by corners has 4√2·r ≈ 96 of them, one of sides 8·r = 136.
    assert!((90..100).contains(&line.len()), "{} pixels", line.len());
}

#[test]
fn none_gives_the_map_back() {
    let band = map(9, 5, |x, y| 0.1 * x + 0.01 * y);
    assert_eq!(thin(&band, Thinning::None), band);
}

#[test]
fn the_strongest_line_is_one() {
    for method in METHODS {
        let thinned = thin(&map(40, 40, |x, _| 0.4 * ridge(x - 20.0)), method);
        assert_eq!(thinned.iter().copied().fold(0.0, f32::max), 1.0, "{method:?}");
    }
}

#[test]
fn tiny_and_flat_maps_do_not_panic_and_stay_finite() {
    for method in METHODS {
        for (width, height) in [(0, 0), (1, 1), (1, 9), (9, 1), (2, 2), (3, 2), (11, 4)] {
            let flat = EdgeImage::new(width, height);
            assert_eq!(thin(&flat, method), flat, "{method:?} {width}×{height}");
            let rough = map(width, height, |x, y| (x * 5.0 + y * 3.0) % 7.0 / 7.0);
            let thinned = thin(&rough, method);
            assert_eq!(thinned.dimensions(), (width, height));
            assert!(thinned.iter().all(|v| (0.0..=1.0).contains(v)), "{method:?} {width}×{height}");
        }
    }
}
