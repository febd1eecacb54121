//! Sizes and masks for property tests.

use proptest::prelude::*;
use samkit_core::{Mask, Size};

pub(crate) fn size() -> impl Strategy<Value = Size> {
    (1u32..150, 1u32..40).prop_map(|(width, height)| Size::new(width, height))
}

/// Masks of few rectangles (long runs) or of noise (short runs).
pub(crate) fn mask_of(size: Size) -> impl Strategy<Value = Mask> {
    let corner = (0..size.width, 0..size.height);
    let rectangles =
        prop::collection::vec((corner.clone(), corner), 0..4).prop_map(move |corners| {
            Mask::from_fn(size, |x, y| {
                corners.iter().fold(false, |inside, (a, b)| {
                    inside ^ ((a.0..=b.0).contains(&x) && (a.1..=b.1).contains(&y))
                })
            })
        });
    let noise = prop::collection::vec(any::<bool>(), size.area())
        .prop_map(move |pixels| Mask::from_pixels(size, pixels).unwrap());
    prop_oneof![rectangles, noise]
}
