//! Masks as pictures: one number or one colour a pixel, or a mask by itself.

use image::{GrayImage, ImageBuffer, Luma, Pixel, RgbImage, Rgba, RgbaImage};
use samkit_core::{Rle, Size};

use super::Instance;
use crate::{Gray16Image, overlay::palette};

/// The number of the mask that a pixel belongs to, from 1 in the order of `masks`; 0 for none. Where
/// masks overlap the smallest is on top. Masks beyond the 65535th are left out.
pub fn label_map(size: Size, masks: &[&Rle]) -> Gray16Image {
    let numbered = masks.iter().copied().zip(1..=u16::MAX);
    map(size, numbered, |_, number| Luma([number]))
}

/// The same map in colours on black, those of [`crate::mask_overlay`].
pub fn label_colors(size: Size, masks: &[&Rle]) -> RgbImage {
    map(size, masks.iter().map(|mask| (*mask, ())), |rank, ()| palette::color(rank))
}

/// The number of the class ([`Instance::category_id`]) that a pixel belongs to; 0 for none. Where masks
/// overlap the smallest is on top. Masks of classes without a number, or with one above 65535, are
/// left out.
pub fn class_map(size: Size, instances: &[Instance]) -> Gray16Image {
    let numbered = |thing: &'_ Instance| thing.category_id.and_then(|id| u16::try_from(id).ok());
    let masks = instances.iter().filter_map(|thing| Some((thing.mask.as_ref()?, numbered(thing)?)));
    map(size, masks, |_, number| Luma([number]))
}

/// A mask by itself: 255 inside, 0 outside.
pub fn mask_image(mask: &Rle) -> GrayImage {
    let pixels =
        mask.to_mask().pixels().iter().map(|&inside| if inside { 255 } else { 0 }).collect();
    let size = mask.size();
    GrayImage::from_raw(size.width, size.height, pixels)
        .expect("a mask has a value for every pixel")
}

/// What a mask shows of an image: the part inside the mask's box, opaque inside the mask; outside
/// transparent and black, so that nothing of what was cut away is left in the file. `None` for a mask
/// without a pixel.
///
/// # Panics
/// When the mask has another size than the image.
pub fn cutout(image: &RgbImage, mask: &Rle) -> Option<RgbaImage> {
    let size = mask.size();
    assert_eq!(image.dimensions(), (size.width, size.height), "mask and image differ in size");
    if mask.area() == 0 {
        return None;
    }
    let bbox = mask.bbox();
    let (left, top) = (bbox.x0 as u32, bbox.y0 as u32);
    let inside = mask.to_mask();
    let (width, height) = ((bbox.x1 - bbox.x0) as u32, (bbox.y1 - bbox.y0) as u32);
    Some(RgbaImage::from_fn(width, height, |x, y| {
        let (x, y) = (left + x, top + y);
        if inside.get(x, y) { image[(x, y)].to_rgba() } else { Rgba([0; 4]) }
    }))
}

/// Paints masks with what `value` makes of their rank in size, from 0 for the largest, and of what
/// they bring along.
fn map<'a, T: Copy, P: Pixel>(
    size: Size,
    masks: impl Iterator<Item = (&'a Rle, T)>,
    value: impl Fn(usize, T) -> P,
) -> ImageBuffer<P, Vec<P::Subpixel>> {
    let mut map = ImageBuffer::new(size.width, size.height);
    let mut masks: Vec<_> = masks.collect();
    masks.sort_by_key(|(mask, _)| std::cmp::Reverse(mask.area()));
    for (rank, (mask, number)) in masks.into_iter().enumerate() {
        let value = value(rank, number);
        let mask = mask.to_mask();
        for (pixel, _) in map.pixels_mut().zip(mask.pixels()).filter(|(_, inside)| **inside) {
            *pixel = value;
        }
    }
    map
}
