//! Which masks are kept, and what of them where they overlap.

mod support;

use proptest::prelude::*;
use samkit_core::{BBox, Mask, MaskChoice, MaskRecord, Overlap, Point, Rle, Size};
use support::{mask_of, size};

const IMAGE: Size = Size::new(12, 6);

/// A record whose `point.x` is its number, so that it is known again.
fn record(number: usize, segmentation: Rle, predicted_iou: f32) -> MaskRecord {
    MaskRecord {
        area: segmentation.area(),
        bbox: segmentation.inclusive_bbox(),
        segmentation,
        predicted_iou,
        point: Point::new(number as f32, 0.0),
        stability_score: 1.0,
        crop: BBox::new(0.0, 0.0, 12.0, 6.0),
        logits: None,
    }
}

fn numbered(masks: impl IntoIterator<Item = Rle>) -> Vec<MaskRecord> {
    masks.into_iter().enumerate().map(|(number, mask)| record(number, mask, 0.9)).collect()
}

fn number(record: &MaskRecord) -> usize {
    record.point.x as usize
}

/// The pixels from (`x0`, `y0`) to (`x1`, `y1`), both included.
fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Rle {
    Rle::from_mask(&Mask::from_fn(IMAGE, |x, y| (x0..=x1).contains(&x) && (y0..=y1).contains(&y)))
}

/// The numbers of the masks that are kept.
fn kept(choice: MaskChoice, records: &[MaskRecord]) -> Vec<usize> {
    choice.apply(records.to_vec(), IMAGE).iter().map(number).collect()
}

/// What is left of the masks, by their numbers.
fn left(overlap: Overlap, masks: &[Rle]) -> Vec<(usize, Rle)> {
    let choice = MaskChoice { overlap, ..Default::default() };
    let records = choice.apply(numbered(masks.to_vec()), IMAGE);
    records.iter().map(|record| (number(record), record.segmentation.clone())).collect()
}

#[test]
fn the_default_keeps_everything() {
    let nothing = Rle::from_mask(&Mask::empty(IMAGE));
    let records = numbered([block(0, 0, 11, 5), block(0, 0, 11, 5), nothing]);
    assert_eq!(MaskChoice::default().apply(records.clone(), IMAGE), records);
}

#[test]
fn areas_are_inclusive() {
    let records = numbered([block(1, 1, 2, 1), block(1, 1, 3, 1), block(1, 1, 4, 1)]);
    assert_eq!(kept(MaskChoice { min_area: 3, ..Default::default() }, &records), [1, 2]);
    assert_eq!(kept(MaskChoice { max_area: Some(3), ..Default::default() }, &records), [0, 1]);
}

#[test]
fn masks_with_a_pixel_at_the_border_are_dropped() {
    let records = numbered([
        block(0, 2, 3, 3),
        block(2, 0, 3, 3),
        block(2, 2, 11, 3),
        block(2, 2, 3, 5),
        block(1, 1, 10, 4),
    ]);
    assert_eq!(kept(MaskChoice { drop_border: true, ..Default::default() }, &records), [4]);
}

#[test]
fn a_box_holds_masks_up_to_its_sides() {
    let inside = |x0, y0, x1, y1| MaskChoice {
        inside: Some(BBox::new(x0, y0, x1, y1)),
        ..Default::default()
    };
    let records = numbered([block(2, 1, 4, 3), block(0, 0, 11, 5)]);
    assert_eq!(kept(inside(2.0, 1.0, 5.0, 4.0), &records), [0]);
    assert_eq!(kept(inside(0.0, 0.0, 12.0, 6.0), &records), [0, 1]);
    for cut in [(2.1, 1.0, 5.0, 4.0), (2.0, 1.1, 5.0, 4.0), (2.0, 1.0, 4.9, 4.0)] {
        assert!(kept(inside(cut.0, cut.1, cut.2, cut.3), &records).is_empty(), "{cut:?}");
    }
    assert!(kept(inside(2.0, 1.0, 5.0, 3.9), &records).is_empty());
}

#[test]
fn the_best_masks_stay_in_their_order() {
    let scores = [0.5, 0.9, 0.7, 0.9, 0.7];
    let records: Vec<_> =
        (0..).zip(scores).map(|(n, score)| record(n, block(1, 1, 2, 2), score)).collect();
    let best = |most| kept(MaskChoice { max_masks: Some(most), ..Default::default() }, &records);
    assert_eq!(best(1), [1]);
    assert_eq!(best(3), [1, 2, 3]);
    assert_eq!(best(9), [0, 1, 2, 3, 4]);
}

#[test]
fn the_best_are_chosen_among_the_wanted_and_before_overlaps_go() {
    let records = vec![
        record(0, block(0, 0, 3, 3), 0.99), // at the border
        record(1, block(1, 1, 6, 4), 0.9),
        record(2, block(1, 1, 6, 3), 0.8), // covers most of the one before
        record(3, block(8, 1, 9, 2), 0.7),
    ];
    let mut choice = MaskChoice { drop_border: true, max_masks: Some(2), ..Default::default() };
    choice.overlap = Overlap::None;
    assert_eq!(kept(choice, &records), [1, 2]);
    // 6 of 24 pixels of the larger mask are left.
    choice.min_area = 7;
    assert_eq!(kept(choice, &records), [2]);
}

#[test]
fn without_overlap_the_smallest_is_on_top_and_of_equal_ones_the_later() {
    let masks = [block(2, 0, 3, 0), block(0, 0, 5, 0), block(3, 0, 4, 0), block(4, 0, 4, 0)];
    let expected = [
        (0, block(2, 0, 2, 0)),
        (1, block(0, 0, 5, 0).difference(&block(2, 0, 4, 0))),
        (2, block(3, 0, 3, 0)),
        (3, block(4, 0, 4, 0)),
    ];
    assert_eq!(left(Overlap::None, &masks), expected);
    // A mask that is covered is dropped.
    let halves = [block(0, 0, 5, 0), block(0, 0, 2, 0), block(3, 0, 5, 0)];
    assert_eq!(left(Overlap::None, &halves), [(1, halves[1].clone()), (2, halves[2].clone())]);
}

#[test]
fn nesting_cuts_what_sticks_out_or_in() {
    let large = block(0, 0, 5, 5);
    let masks = [block(3, 0, 8, 0), large.clone(), block(4, 1, 9, 1), block(1, 2, 2, 3)];
    let expected = [
        (0, block(3, 0, 5, 0)), // half lies inside: the rest is cut off
        (1, large),
        (2, block(6, 1, 9, 1)), // less than half does: that is cut off
        (3, masks[3].clone()),
    ];
    assert_eq!(left(Overlap::Nested, &masks), expected);
}

#[test]
fn nesting_drops_what_keeps_less_than_half() {
    let (left_side, right_side) = (block(0, 0, 4, 5), block(7, 0, 11, 5));
    // 3 of its 8 pixels lie in the first side and are cut off; 3 of the 5 that are left lie in the
    // other, and 3 are too few.
    let across = block(2, 3, 9, 3);
    let masks = [left_side.clone(), right_side.clone(), across];
    assert_eq!(left(Overlap::Nested, &masks), [(0, left_side), (1, right_side)]);
}

#[test]
fn every_parameter_has_a_range() {
    let bbox = |x0, y0, x1, y1| MaskChoice {
        inside: Some(BBox::new(x0, y0, x1, y1)),
        ..Default::default()
    };
    let message = |choice: MaskChoice| choice.validate().map_err(|error| error.to_string());
    let good = MaskChoice { min_area: 5, max_area: Some(5), ..bbox(-1.0, 0.0, 0.5, 1.0) };
    assert_eq!(message(good), Ok(()));
    assert_eq!(message(MaskChoice::default()), Ok(()));
    for (choice, expected) in [
        (
            MaskChoice { min_area: 6, max_area: Some(5), ..Default::default() },
            "`max_area` is 5, expected a number from `min_area` (6) on",
        ),
        (
            MaskChoice { max_area: Some(0), ..Default::default() },
            "`max_area` is 0, expected a number from 1 on",
        ),
        (
            MaskChoice { max_masks: Some(0), ..Default::default() },
            "`max_masks` is 0, expected a number from 1 on",
        ),
        (
            bbox(3.0, 0.0, 3.0, 1.0),
            "`inside` is [3, 0, 3, 1], expected [x0, y0, x1, y1] with x0 below x1 and y0 below y1",
        ),
        (
            bbox(0.0, f32::NAN, 3.0, 1.0),
            "`inside` is [0, NaN, 3, 1], expected [x0, y0, x1, y1] with x0 below x1 and y0 below y1",
        ),
    ] {
        assert_eq!(message(choice), Err(expected.into()));
    }
}

/// The number of the mask that each pixel shows when larger masks are painted first.
fn painted(size: Size, masks: &[Mask]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(masks[index].area()));
    let mut labels = vec![None; size.area()];
    for index in order {
        let pixels = labels.iter_mut().zip(masks[index].pixels()).filter(|(_, inside)| **inside);
        pixels.for_each(|(label, _)| *label = Some(index));
    }
    labels
}

fn several() -> impl Strategy<Value = (Size, Vec<Mask>)> {
    size().prop_flat_map(|size| (Just(size), prop::collection::vec(mask_of(size), 0..9)))
}

proptest! {
    #[test]
    fn without_overlap_every_pixel_has_the_label_of_the_map((size, masks) in several()) {
        let records = numbered(masks.iter().map(Rle::from_mask));
        let choice = MaskChoice { overlap: Overlap::None, ..Default::default() };
        let labels = painted(size, &masks);
        let shown = |number: usize| {
            Mask::from_pixels(size, labels.iter().map(|&label| label == Some(number)).collect())
        };
        let expected: Vec<_> = records.iter().filter_map(|whole| {
            let segmentation = Rle::from_mask(&shown(number(whole))?);
            (segmentation.area() > 0).then(|| record(number(whole), segmentation, 0.9))
        }).map(|record| MaskRecord { crop: records[0].crop, ..record }).collect();
        prop_assert_eq!(choice.apply(records, size), expected);
    }

    #[test]
    fn nested_masks_contain_each_other_or_share_nothing((size, masks) in several()) {
        let records = numbered(masks.iter().map(Rle::from_mask));
        let choice = MaskChoice { overlap: Overlap::Nested, ..Default::default() };
        let nested = choice.apply(records.clone(), size);
        for one in &nested {
            let (mask, whole) = (&one.segmentation, &records[number(one)]);
            // Consistent, a part of what it was, and at least half of it.
            prop_assert_eq!(one, &MaskRecord {
                segmentation: mask.clone(),
                area: mask.to_mask().area(),
                bbox: mask.to_mask().inclusive_bbox(),
                ..whole.clone()
            });
            prop_assert_eq!(mask.intersection_area(&whole.segmentation), one.area);
            prop_assert!(one.area > 0 && 2 * one.area >= whole.area);
            for other in &nested {
                let shared = mask.intersection_area(&other.segmentation);
                prop_assert!([0, one.area, other.area].contains(&shared), "{one:?} {other:?}");
            }
        }
        let largest = records.iter().map(|record| record.area).max().unwrap_or(0);
        prop_assert_eq!(nested.iter().map(|record| record.area).max().unwrap_or(0), largest);
    }

    #[test]
    fn what_has_no_overlaps_stays_as_it_is((size, masks) in several()) {
        for overlap in [Overlap::Nested, Overlap::None] {
            let choice = MaskChoice { overlap, ..Default::default() };
            let once = choice.apply(numbered(masks.iter().map(Rle::from_mask)), size);
            prop_assert_eq!(choice.apply(once.clone(), size), once);
        }
    }

    #[test]
    fn places_are_those_of_the_pixels(
        (size, masks) in several(), x in -2.0f32..9.0, y in -2.0f32..9.0, side in 1.0f32..150.0,
    ) {
        let masks: Vec<Mask> = masks.into_iter().filter(|mask| mask.area() > 0).collect();
        let records = numbered(masks.iter().map(Rle::from_mask));
        // The masks of which every pixel is right.
        let all = |right: &dyn Fn(u32, u32) -> bool| -> Vec<usize> {
            let allowed = Mask::from_fn(size, right);
            let is_right = |mask: &Mask| mask.pixels().iter().zip(allowed.pixels()).all(|(a, b)| a <= b);
            (0..masks.len()).filter(|&number| is_right(&masks[number])).collect()
        };
        let kept = |choice: MaskChoice| -> Vec<usize> {
            choice.apply(records.clone(), size).iter().map(number).collect()
        };
        let bbox = BBox::new(x, y, x + side, y + side);
        let between = |pixel: u32, from: f32, to: f32| pixel as f32 >= from && (pixel + 1) as f32 <= to;
        prop_assert_eq!(
            kept(MaskChoice { inside: Some(bbox), ..Default::default() }),
            all(&|x, y| between(x, bbox.x0, bbox.x1) && between(y, bbox.y0, bbox.y1))
        );
        prop_assert_eq!(
            kept(MaskChoice { drop_border: true, ..Default::default() }),
            all(&|x, y| x > 0 && y > 0 && x + 1 < size.width && y + 1 < size.height)
        );
    }
}
