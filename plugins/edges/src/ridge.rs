//! Where between the pixels an edge runs.

use crate::EdgeImage;

/// The point nearest to the pixel's centre where the strength is largest across the edge, at most half a
/// pixel away in either direction; the centre at the image's sides and where nothing falls off.
/// Pixel (0, 0) has its centre at (0.5, 0.5).
///
/// After Steger, *An Unbiased Detector of Curvilinear Structures* (1998), §3.2, with derivatives of three
/// by three pixels: a parabola through the strengths across the edge, whose direction is that of the
/// strongest curvature. (Where its top lies farther away Steger sees no line; here the pixel is one already.)
pub(crate) fn ridge_point(strengths: &EdgeImage, (x, y): (u32, u32)) -> (f32, f32) {
    let centre = (x as f32 + 0.5, y as f32 + 0.5);
    let (width, height) = strengths.dimensions();
    if x == 0 || y == 0 || x + 1 >= width || y + 1 >= height {
        return centre;
    }
    let at = |i: u32, j: u32| strengths[(x + i - 1, y + j - 1)][0];
    let column = |i| (at(i, 0) + 2.0 * at(i, 1) + at(i, 2)) / 4.0;
    let row = |j| (at(0, j) + 2.0 * at(1, j) + at(2, j)) / 4.0;
    let (dx, dy) = ((column(2) - column(0)) / 2.0, (row(2) - row(0)) / 2.0);
    let dxx = column(0) - 2.0 * column(1) + column(2);
    let dyy = row(0) - 2.0 * row(1) + row(2);
    let dxy = (at(0, 0) - at(2, 0) - at(0, 2) + at(2, 2)) / 4.0;
    // The eigenvector of the second derivatives whose eigenvalue is the most negative.
    let angle = 0.5 * (2.0 * dxy).atan2(dxx - dyy) + std::f32::consts::FRAC_PI_2;
    let (ny, nx) = angle.sin_cos();
    let curvature = dxx * nx * nx + 2.0 * dxy * nx * ny + dyy * ny * ny;
    if curvature >= -f32::EPSILON {
        return centre;
    }
    let way = -(dx * nx + dy * ny) / curvature;
    let shortened = way * (0.5 / (way * nx).abs().max((way * ny).abs()).max(0.5));
    (centre.0 + shortened * nx, centre.1 + shortened * ny)
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// A band across the image: `distance` gives a pixel's distance from its middle.
    fn band(distance: impl Fn(f32, f32) -> f32) -> EdgeImage {
        EdgeImage::from_fn(20, 20, |x, y| {
            let distance = distance(x as f32 + 0.5, y as f32 + 0.5);
            Luma([0.8 * (-distance * distance / 4.5).exp()])
        })
    }

    #[test]
    fn finds_the_middle_of_bands_in_any_direction() {
        for degrees in (0..180).step_by(15) {
            let (sin, cos) = (degrees as f32).to_radians().sin_cos();
            let from_middle = |x: f32, y: f32| (x - 10.2) * cos + (y - 9.9) * sin;
            let strengths = band(from_middle);
            let mut looked_at = 0;
            for (x, y) in (1..19).flat_map(|x| (1..19).map(move |y| (x, y))) {
                if from_middle(x as f32 + 0.5, y as f32 + 0.5).abs() < 0.5 {
                    let (x, y) = ridge_point(&strengths, (x, y));
                    assert!(from_middle(x, y).abs() < 0.05, "{degrees}°: {}", from_middle(x, y));
                    looked_at += 1;
                }
            }
            assert!(looked_at > 10);
        }
    }

    #[test]
    fn never_leaves_the_pixel_and_stays_where_nothing_is() {
        let steep = band(|x, y| 3.0 * (x - 11.0) + 0.1 * y);
        for (x, y) in (0..20).flat_map(|x| (0..20).map(move |y| (x, y))) {
            let (u, v) = ridge_point(&steep, (x, y));
            assert!((u - x as f32 - 0.5).abs() < 0.501 && (v - y as f32 - 0.5).abs() < 0.501);
        }
        assert_eq!(ridge_point(&EdgeImage::new(3, 3), (1, 1)), (1.5, 1.5));
        assert_eq!(ridge_point(&steep, (0, 5)), (0.5, 5.5));
    }
}
