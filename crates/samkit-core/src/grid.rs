//! Grids of points to ask at.

use crate::{BBox, Point, Size};

/// Centres of the cells of an n×n grid over [0, 1]², row by row.
pub fn point_grid(points_per_side: u32) -> Vec<Point> {
    let centre = |i: u32| ((f64::from(i) + 0.5) / f64::from(points_per_side)) as f32;
    (0..points_per_side)
        .flat_map(|y| (0..points_per_side).map(move |x| Point::new(centre(x), centre(y))))
        .collect()
}

/// The points of a grid over [0, 1]² that fall on a pixel of `image` inside `bbox` (in original-image
/// pixels), in the grid's order: what lies in the box is found from there.
pub fn points_inside(grid: &[Point], image: Size, bbox: BBox) -> Vec<Point> {
    // A point at 1 is on the last pixel.
    let pixel = |share: f32, pixels: u32| {
        (share * pixels as f32).floor().min(pixels.saturating_sub(1) as f32)
    };
    let is_inside = |point: &&Point| {
        let (x, y) = (pixel(point.x, image.width), pixel(point.y, image.height));
        bbox.holds_pixels(&BBox::new(x, y, x, y))
    };
    grid.iter().filter(is_inside).copied().collect()
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

    #[test]
    fn points_on_pixels_of_the_box_are_asked_about() {
        let image = Size::new(8, 4);
        let grid = point_grid(4); // at the pixels 1, 3, 5, 7 across and 0, 1, 2, 3 down
        let asked = |bbox| -> Vec<(f32, f32)> {
            let points = points_inside(&grid, image, bbox);
            points.iter().map(|point| ((point.x * 8.0).floor(), (point.y * 4.0).floor())).collect()
        };
        assert_eq!(asked(BBox::new(3.0, 1.0, 6.0, 2.0)), [(3.0, 1.0), (5.0, 1.0)]);
        // Half of a pixel is not inside.
        assert_eq!(asked(BBox::new(3.5, 1.0, 6.0, 2.0)), [(5.0, 1.0)]);
        assert_eq!(asked(BBox::new(3.0, 1.0, 5.5, 2.0)), [(3.0, 1.0)]);
        assert_eq!(asked(BBox::new(0.0, 0.0, 8.0, 4.0)).len(), grid.len());
        assert!(asked(BBox::new(8.0, 0.0, 20.0, 4.0)).is_empty());
    }

    #[test]
    fn points_at_the_ends_are_on_the_first_and_last_pixel() {
        let ends = [Point::new(0.0, 0.0), Point::new(1.0, 1.0)];
        let image = Size::new(8, 4);
        assert_eq!(points_inside(&ends, image, BBox::new(7.0, 3.0, 8.0, 4.0)), ends[1..]);
        assert_eq!(points_inside(&ends, image, BBox::new(0.0, 0.0, 1.0, 1.0)), ends[..1]);
    }
}
