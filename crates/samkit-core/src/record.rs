//! One automatically generated mask with everything that is known about it.

use crate::{BBox, LowResLogits, Point, Rle};

/// A mask of the automatic generator, with the fields of the reference's records
/// (`segment_anything/automatic_mask_generator.py`).
#[derive(Clone, Debug, PartialEq)]
pub struct MaskRecord {
    /// The mask, of the original image's size.
    pub segmentation: Rle,
    /// Number of pixels in the mask.
    pub area: u64,
    /// The reference's box: inclusive pixel indices, without `+1`. (COCO files take
    /// [`Rle::bbox`] instead.)
    pub bbox: BBox,
    /// The network's own estimate of the mask's quality, 0 to about 1.
    pub predicted_iou: f32,
    /// The grid point that prompted the mask, in original-image pixels.
    pub point: Point,
    /// IoU between the masks at threshold + offset and threshold − offset.
    pub stability_score: f32,
    /// The crop that the mask was found in, in original-image pixels.
    pub crop: BBox,
    /// What the network said, in the frame of `crop`, where the generator was asked to keep it. (What
    /// is done to the mask afterwards, such as filling holes, is not in it.)
    pub logits: Option<LowResLogits>,
}
