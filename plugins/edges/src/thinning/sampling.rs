//! Reading an image between its pixels.

use crate::EdgeImage;

/// Bilinear interpolation at (`x`, `y`), pixel centres at whole numbers; beyond the image's sides
/// the outermost pixels continue. (`imageproc` keeps its own interpolation to itself.)
pub(super) fn bilinear(image: &EdgeImage, x: f32, y: f32) -> f32 {
    let x = x.clamp(0.0, (image.width() - 1) as f32);
    let y = y.clamp(0.0, (image.height() - 1) as f32);
    let (x0, y0) = (x as u32, y as u32);
    let (x1, y1) = ((x0 + 1).min(image.width() - 1), (y0 + 1).min(image.height() - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let along = |y: u32| image[(x0, y)][0] * (1.0 - fx) + image[(x1, y)][0] * fx;
    along(y0) * (1.0 - fy) + along(y1) * fy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_pixels_and_continues_beyond_them() {
        let image = EdgeImage::from_raw(2, 2, vec![0.0, 1.0, 2.0, 3.0]).expect("four values");
        assert_eq!(bilinear(&image, 0.5, 0.5), 1.5);
        assert_eq!(bilinear(&image, 0.25, 1.0), 2.25);
        assert_eq!(bilinear(&image, -3.0, 0.0), 0.0);
        assert_eq!(bilinear(&image, 9.0, 9.0), 3.0);
    }
}
