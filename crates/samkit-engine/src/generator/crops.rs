//! Overlapping crops of an image.

use samkit_core::{BBox, Size};

/// A part of the image that is searched on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crop {
    /// 0 for the whole image.
    pub(crate) layer: usize,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) size: Size,
}

impl Crop {
    /// The crop's box in the image, its far sides exclusive.
    pub(crate) fn bbox(&self) -> BBox {
        let (x, y) = (self.x as f32, self.y as f32);
        BBox::new(x, y, x + self.size.width as f32, y + self.size.height as f32)
    }

    /// A box in the crop as a box in the image.
    pub(crate) fn image_from_crop(&self, bbox: BBox) -> BBox {
        bbox.translated(self.x as f32, self.y as f32)
    }
}

/// The whole image and the crops of `layers` layers (`generate_crop_boxes` of the reference).
pub(crate) fn crops(image: Size, layers: u32, overlap_ratio: f32) -> Vec<Crop> {
    let mut crops = vec![Crop { layer: 0, x: 0, y: 0, size: image }];
    let short = f64::from(image.width.min(image.height));
    for layer in 1..=layers {
        let per_side = 1u32 << layer;
        let overlap = (f64::from(overlap_ratio) * short * (2.0 / f64::from(per_side))) as u32;
        let length = |side: u32| (overlap * (per_side - 1) + side).div_ceil(per_side);
        let (width, height) = (length(image.width), length(image.height));
        for column in 0..per_side {
            for row in 0..per_side {
                let (x, y) = ((width - overlap) * column, (height - overlap) * row);
                // Rounding up can leave nothing for the last crops of a tiny image.
                let size = Size::new(
                    (x + width).min(image.width).saturating_sub(x),
                    (y + height).min(image.height).saturating_sub(y),
                );
                if size.area() > 0 {
                    crops.push(Crop { layer: layer as usize, x, y, size });
                }
            }
        }
    }
    crops
}

/// Whether a side of `bbox` lies within 20 pixels of a side of the crop that is no side of the
/// image: the mask is probably cut off there (`is_box_near_crop_edge`).
pub(crate) fn touches_crop_edge(bbox: &BBox, crop: &Crop, image: Size) -> bool {
    const TOLERANCE: f32 = 20.0;
    let sides = |b: &BBox| [b.x0, b.y0, b.x1, b.y1];
    let image = sides(&BBox::new(0.0, 0.0, image.width as f32, image.height as f32));
    let crop = sides(&crop.bbox());
    let near = |a: f32, b: f32| (a - b).abs() <= TOLERANCE;
    sides(bbox).into_iter().zip(crop).zip(image).any(|((b, c), i)| near(b, c) && !near(b, i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_layer_has_four_overlapping_crops() {
        // Worked by hand from the reference: overlap 512/1500 of 534 is 182.
        let crops = crops(Size::new(800, 534), 1, 512.0 / 1500.0);
        let boxes: Vec<_> = crops.iter().map(|c| (c.x, c.y, c.size.width, c.size.height)).collect();
        let expected = [
            (0, 0, 800, 534),
            (0, 0, 491, 358),
            (0, 176, 491, 358),
            (309, 0, 491, 358),
            (309, 176, 491, 358),
        ];
        assert_eq!(boxes, expected);
    }

    #[test]
    fn crops_of_a_tiny_image_are_never_empty() {
        for side in 1..9 {
            assert!(crops(Size::new(side, 1), 3, 0.3).iter().all(|c| c.size.area() > 0));
        }
    }

    #[test]
    fn only_inner_crop_edges_count() {
        let image = Size::new(800, 534);
        let crop = Crop { layer: 1, x: 0, y: 0, size: Size::new(491, 358) };
        assert!(!touches_crop_edge(&BBox::new(0.0, 5.0, 300.0, 300.0), &crop, image));
        assert!(touches_crop_edge(&BBox::new(0.0, 5.0, 480.0, 300.0), &crop, image));
    }
}
