//! Pictures to look at: what must be true of them whatever the taste.

use image::{GrayImage, Luma, Rgb, RgbImage};
use samkit_core::{BBox, Mask, PointLabel, Prompt, Rle, Size};
use samkit_io::{draw_prompt, edge_overlay, label_colors, mask_overlay, mask_overlay_with_ids};

const SIZE: Size = Size::new(60, 40);

fn photo() -> RgbImage {
    RgbImage::from_pixel(SIZE.width, SIZE.height, Rgb([100, 110, 120]))
}

fn square(x0: u32, y0: u32, side: u32) -> Rle {
    let inside = |start: u32, at: u32| (start..start + side).contains(&at);
    Rle::from_mask(&Mask::from_fn(SIZE, |x, y| inside(x0, x) && inside(y0, y)))
}

#[test]
fn pixels_outside_all_masks_stay() {
    let overlay = mask_overlay(&photo(), &[&square(10, 10, 20)]);
    for (x, y, &pixel) in overlay.enumerate_pixels() {
        let inside = (10..30).contains(&x) && (10..30).contains(&y);
        assert_eq!(pixel == Rgb([100, 110, 120]), !inside, "at ({x}, {y})");
    }
}

#[test]
fn small_masks_lie_on_top_whatever_the_order() {
    let (large, small) = (square(0, 0, 40), square(10, 10, 12));
    let small_last = mask_overlay(&photo(), &[&large, &small]);
    assert_ne!(small_last[(16, 16)], small_last[(30, 30)]);
    assert_eq!(mask_overlay(&photo(), &[&small, &large]), small_last);
}

#[test]
fn masks_have_a_contour_but_not_along_the_image() {
    let overlay = mask_overlay(&photo(), &[&square(0, 0, 20)]);
    assert_ne!(overlay[(19, 10)], overlay[(8, 8)], "no contour");
    assert_eq!(overlay[(0, 8)], overlay[(8, 8)], "a contour where the image ends");
}

#[test]
fn no_masks_and_empty_masks_change_nothing() {
    assert_eq!(mask_overlay(&photo(), &[]), photo());
    assert_eq!(mask_overlay(&photo(), &[&Rle::from_mask(&Mask::empty(SIZE))]), photo());
}

#[test]
fn edges_are_coloured_on_a_grey_photograph() {
    let mut edges = GrayImage::new(SIZE.width, SIZE.height);
    edges[(30, 20)] = Luma([255]);
    let overlay = edge_overlay(&photo(), &edges);
    let Rgb([r, g, b]) = overlay[(5, 5)];
    assert!(r == g && g == b && r < 100, "background {r} {g} {b}");
    let Rgb([r, _, b]) = overlay[(30, 20)];
    assert!(r > 200 && b < 100, "edge {r} {b}");
}

#[test]
fn the_stronger_an_edge_the_better_it_is_seen() {
    /// How far a pixel of this strength is from the one without an edge, in levels of red.
    fn contrast(strength: u8) -> u8 {
        let edge = GrayImage::from_pixel(1, 1, Luma([strength]));
        let pixel = |edge| edge_overlay(&RgbImage::from_pixel(1, 1, Rgb([100; 3])), edge)[(0, 0)];
        pixel(&edge)[0] - pixel(&GrayImage::new(1, 1))[0]
    }
    assert!((0..255).all(|strength| contrast(strength) <= contrast(strength + 1)));
    let full = contrast(255);
    assert!(contrast(20) < full / 20, "speckle is seen: {} of {full}", contrast(20));
    assert!(contrast(128) > full / 3, "a fair edge is lost: {} of {full}", contrast(128));
    assert!(contrast(200) > full / 4 * 3, "a strong edge is faint: {} of {full}", contrast(200));
}

#[test]
fn prompts_are_drawn_where_they_are_and_may_lie_outside() {
    let mut image = photo();
    let prompt = Prompt::point(20.0, 20.0).and_point(45.0, 20.0, PointLabel::Background).and_point(
        -50.0,
        900.0,
        PointLabel::Foreground,
    );
    draw_prompt(&mut image, &prompt);
    assert_ne!(image[(18, 22)], image[(43, 22)], "both labels look the same");
    assert_eq!(image[(5, 5)], Rgb([100, 110, 120]));
    let mut image = photo();
    draw_prompt(&mut image, &Prompt::bbox(BBox::new(5.0, 5.0, 200.0, 30.0)));
    assert_ne!(image[(5, 17)], Rgb([100, 110, 120]));
    assert_eq!(image[(30, 17)], Rgb([100, 110, 120]), "the box is filled");
}

#[test]
fn the_smallest_images_have_overlays() {
    let image = RgbImage::from_pixel(1, 1, Rgb([7, 7, 7]));
    let full = Rle::from_mask(&Mask::from_fn(Size::new(1, 1), |_, _| true));
    assert_ne!(mask_overlay(&image, &[&full]), image);
    assert_eq!(edge_overlay(&image, &GrayImage::new(1, 1)).dimensions(), (1, 1));
}

#[test]
fn contours_are_seen_on_areas_of_their_own_colour() {
    let square = square(10, 10, 20);
    // The first colour of the palette, as it comes out of a picture of it.
    let color = label_colors(SIZE, &[&square])[(15, 15)];
    let same = RgbImage::from_pixel(SIZE.width, SIZE.height, color);
    let overlay = mask_overlay(&same, &[&square]);
    let contrast = |a: Rgb<u8>, b: Rgb<u8>| (0..3).map(|i| a[i].abs_diff(b[i])).max().unwrap();
    let strongest = (10..30).map(|x| contrast(overlay[(x, 20)], color)).max().unwrap();
    assert!(strongest > 100, "nothing is seen of the mask: {strongest}");
}

#[test]
fn numbers_stand_inside_large_masks_and_beside_small_ones() {
    let (large, small) = (square(2, 2, 36), square(44, 30, 3));
    let masks = [&small, &large];
    let (plain, numbered) =
        (mask_overlay(&photo(), &masks), mask_overlay_with_ids(&photo(), &masks));
    let changed = |x: u32, y: u32| plain[(x, y)] != numbered[(x, y)];
    assert!((10..30).any(|y| (10..30).any(|x| changed(x, y))), "no number in the large mask");
    assert!(!(0..SIZE.height).any(|y| changed(2, y)), "the number is not inside");
    assert!(!(44..47).any(|x| (30..33).any(|y| changed(x, y))), "the small mask is covered");
    let beside = (47..60).chain(40..44).any(|x| (10..SIZE.height).any(|y| changed(x, y)));
    assert!(beside, "no number beside the small mask");
}

#[test]
fn numbers_are_left_out_where_nothing_is_seen_of_a_mask() {
    let (below, above) = (square(10, 10, 9), square(10, 10, 9));
    let masks = [&below, &above];
    let hidden_first = mask_overlay_with_ids(&photo(), &masks);
    let alone = mask_overlay(&photo(), &masks);
    let empty = Rle::from_mask(&Mask::empty(SIZE));
    assert_ne!(hidden_first, alone);
    assert_eq!(mask_overlay_with_ids(&photo(), &[&empty]), photo());
}
