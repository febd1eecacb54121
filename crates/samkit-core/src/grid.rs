//! Grids of points to ask at.

use crate::Point;

/// Centres of the cells of an n×n grid over [0, 1]², row by row.
pub fn point_grid(points_per_side: u32) -> Vec<Point> {
    let centre = |i: u32| ((f64::from(i) + 0.5) / f64::from(points_per_side)) as f32;
    (0..points_per_side)
        .flat_map(|y| (0..points_per_side).map(move |x| Point::new(centre(x), centre(y))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_holds_the_centres_row_by_row() {
        let grid = point_grid(2);
        let points = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
        assert_eq!(grid, points.map(|(x, y)| Point::new(x, y)));
    }
}
