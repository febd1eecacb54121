//! Edges or not: a map of strengths cut at a threshold, or at two.

use image::{GrayImage, Luma};
use samkit_plugin::EdgeImage;

const EDGE: Luma<u8> = Luma([255]);

/// 255 where there is an edge of at least `high`, or of at least `low` that edges of at least `low`
/// connect to one of at least `high` (Canny's hysteresis; eight neighbours). No edge (0) is none at
/// any threshold.
pub(crate) fn binary(map: &EdgeImage, high: f32, low: f32) -> GrayImage {
    let (width, height) = map.dimensions();
    let is_edge = |x: u32, y: u32, least: f32| {
        let strength = map[(x, y)][0];
        strength > 0.0 && strength >= least
    };
    let mut edges = GrayImage::new(width, height);
    let mut reached: Vec<(u32, u32)> = Vec::new();
    for (x, y, pixel) in edges.enumerate_pixels_mut() {
        if is_edge(x, y, high) {
            *pixel = EDGE;
            reached.push((x, y));
        }
    }
    while let Some((x, y)) = reached.pop() {
        for v in y.saturating_sub(1)..(y + 2).min(height) {
            for u in x.saturating_sub(1)..(x + 2).min(width) {
                if edges[(u, v)] != EDGE && is_edge(u, v, low) {
                    edges[(u, v)] = EDGE;
                    reached.push((u, v));
                }
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32], high: f32, low: f32) -> Vec<u8> {
        let map = EdgeImage::from_raw(values.len() as u32, 1, values.to_vec()).expect("a row");
        binary(&map, high, low).into_raw()
    }

    #[test]
    fn edges_are_of_at_least_the_threshold() {
        assert_eq!(row(&[0.0, 0.3, 0.5], 0.5, 0.5), [0, 0, 255]);
        assert_eq!(row(&[0.0, 0.3, 0.5], 0.0, 0.0), [0, 255, 255]);
    }

    #[test]
    fn weak_edges_stay_where_they_lead_to_a_strong_one() {
        let values = [0.3, 0.3, 0.6, 0.1, 0.3, 0.0, 0.3];
        assert_eq!(row(&values, 0.5, 0.2), [255, 255, 255, 0, 0, 0, 0]);
        // Around a corner too.
        let map = EdgeImage::from_raw(2, 3, vec![0.6, 0.0, 0.0, 0.3, 0.3, 0.0]).expect("six");
        assert_eq!(binary(&map, 0.5, 0.2).into_raw(), [255, 0, 0, 255, 255, 0]);
    }
}
