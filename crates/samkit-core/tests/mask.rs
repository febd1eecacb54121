//! Masks: boxes, overlap, and frames of reference.

use samkit_core::{BBox, Mask, Size};

const SIZE: Size = Size::new(6, 4);

fn rectangle(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
    Mask::from_fn(SIZE, |x, y| (x0..=x1).contains(&x) && (y0..=y1).contains(&y))
}

#[test]
fn boxes_hold_the_first_and_last_pixel() {
    assert_eq!(rectangle(1, 2, 4, 3).inclusive_bbox(), BBox::new(1.0, 2.0, 4.0, 3.0));
    assert_eq!(rectangle(5, 0, 5, 0).inclusive_bbox(), BBox::new(5.0, 0.0, 5.0, 0.0));
    assert_eq!(Mask::empty(SIZE).inclusive_bbox(), BBox::new(0.0, 0.0, 0.0, 0.0));
}

#[test]
fn iou_counts_pixels() {
    assert_eq!(rectangle(0, 0, 2, 0).iou(&rectangle(1, 0, 3, 0)), Some(0.5));
    assert_eq!(Mask::empty(SIZE).iou(&Mask::empty(SIZE)), Some(0.0));
}

#[test]
fn uncropping_places_and_cuts() {
    let crop = Mask::from_fn(Size::new(3, 2), |_, _| true);
    assert_eq!(crop.uncrop(SIZE, 2, 1), rectangle(2, 1, 4, 2));
    assert_eq!(crop.uncrop(SIZE, 5, 3), rectangle(5, 3, 5, 3));
    assert_eq!(crop.uncrop(SIZE, 6, 0), Mask::empty(SIZE));
    assert_eq!(crop.uncrop(SIZE, 0, u32::MAX), Mask::empty(SIZE));
}

#[test]
fn pixels_of_the_wrong_number_are_refused() {
    assert!(Mask::from_pixels(SIZE, vec![true; 23]).is_none());
}

#[test]
fn small_masks_are_drawn_in_debug_output() {
    let mask = Mask::from_fn(Size::new(2, 2), |x, y| x == y);
    assert_eq!(format!("{mask:?}"), "Mask(2×2, 2 set\n  #·\n  ·#)");
}
