//! One number a pixel.

use samkit_core::{Rle, Size};

use super::Instance;
use crate::Gray16Image;

/// The number of the mask that a pixel belongs to, from 1 in the order of `masks`; 0 for none. Where
/// masks overlap the smallest is on top. Masks beyond the 65535th are left out.
pub fn label_map(size: Size, masks: &[&Rle]) -> Gray16Image {
    map(size, masks.iter().copied().zip(1..=u16::MAX))
}

/// The number of the class ([`Instance::category_id`]) that a pixel belongs to; 0 for none. Where masks
/// overlap the smallest is on top. Masks of classes without a number, or with one above 65535, are
/// left out.
pub fn class_map(size: Size, instances: &[Instance]) -> Gray16Image {
    let numbered = |thing: &'_ Instance| thing.category_id.and_then(|id| u16::try_from(id).ok());
    map(size, instances.iter().filter_map(|thing| Some((thing.mask.as_ref()?, numbered(thing)?))))
}

fn map<'a>(size: Size, masks: impl Iterator<Item = (&'a Rle, u16)>) -> Gray16Image {
    let mut map = Gray16Image::new(size.width, size.height);
    let mut masks: Vec<_> = masks.collect();
    masks.sort_by_key(|(mask, _)| std::cmp::Reverse(mask.area()));
    for (mask, number) in masks {
        let mask = mask.to_mask();
        for (pixel, _) in map.pixels_mut().zip(mask.pixels()).filter(|(_, inside)| **inside) {
            pixel.0 = [number];
        }
    }
    map
}
