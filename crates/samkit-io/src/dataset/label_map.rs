//! One number a pixel.

use samkit_core::{Rle, Size};

use crate::Gray16Image;

/// The number of the mask that a pixel belongs to, from 1 in the order of `masks`; 0 for none. Where
/// masks overlap the smallest is on top. Masks beyond the 65535th are left out.
pub fn label_map(size: Size, masks: &[&Rle]) -> Gray16Image {
    let mut map = Gray16Image::new(size.width, size.height);
    let mut order: Vec<usize> = (0..masks.len().min(usize::from(u16::MAX))).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(masks[index].area()));
    for index in order {
        let mask = masks[index].to_mask();
        for (pixel, &inside) in map.pixels_mut().zip(mask.pixels()) {
            if inside {
                pixel.0 = [index as u16 + 1];
            }
        }
    }
    map
}
