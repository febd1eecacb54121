//! Set operations on run-length codes against the same on pixels.

mod support;

use proptest::prelude::*;
use samkit_core::{Mask, Rle, Size};
use support::{mask_of, size};

fn of_pixels(a: &Mask, b: &Mask, holds: fn(bool, bool) -> bool) -> Rle {
    Rle::from_mask(&Mask::from_fn(a.size(), |x, y| holds(a.get(x, y), b.get(x, y))))
}

fn pair() -> impl Strategy<Value = (Mask, Mask)> {
    size().prop_flat_map(|size| (mask_of(size), mask_of(size)))
}

/// The same mask with empty runs put in at the front, inside and at the end.
fn with_empty_runs(rle: &Rle) -> Rle {
    let mut counts = vec![0, 0];
    for &run in rle.counts() {
        counts.extend([run / 2, 0, run - run / 2]);
    }
    counts.extend([0, 0]);
    Rle::from_counts(rle.size(), counts).expect("empty runs add nothing")
}

proptest! {
    #[test]
    fn sets_of_codes_are_sets_of_pixels((a, b) in pair()) {
        let [rle_a, rle_b] = [&a, &b].map(Rle::from_mask);
        let shared = of_pixels(&a, &b, |a, b| a && b);
        prop_assert_eq!(rle_a.union(&rle_b), of_pixels(&a, &b, |a, b| a || b));
        prop_assert_eq!(rle_a.difference(&rle_b), of_pixels(&a, &b, |a, b| a && !b));
        prop_assert_eq!(rle_a.intersection_area(&rle_b), shared.area());
        prop_assert_eq!(rle_a.intersection(&rle_b), shared);
    }

    #[test]
    fn empty_runs_change_nothing((a, b) in pair()) {
        let [rle_a, rle_b] = [&a, &b].map(Rle::from_mask);
        let [loose_a, loose_b] = [&rle_a, &rle_b].map(with_empty_runs);
        prop_assert_eq!(loose_a.union(&loose_b), rle_a.union(&rle_b));
        prop_assert_eq!(loose_a.difference(&rle_b), rle_a.difference(&rle_b));
        prop_assert_eq!(loose_a.intersection(&loose_b), rle_a.intersection(&rle_b));
        prop_assert_eq!(rle_a.intersection_area(&loose_b), rle_a.intersection_area(&rle_b));
    }

    #[test]
    fn a_mask_and_itself_leave_all_or_nothing(a in size().prop_flat_map(mask_of)) {
        let (rle, nothing) = (Rle::from_mask(&a), Rle::from_mask(&Mask::empty(a.size())));
        prop_assert_eq!(&rle.union(&rle), &rle);
        prop_assert_eq!(&rle.intersection(&rle), &rle);
        prop_assert_eq!(&rle.difference(&rle), &nothing);
        prop_assert_eq!(&rle.union(&nothing), &rle);
        prop_assert_eq!(&rle.difference(&nothing), &rle);
        prop_assert_eq!(&rle.intersection(&nothing), &nothing);
    }
}

#[test]
fn sizes_without_pixels_have_one_empty_run() {
    let size = Size::new(0, 3);
    let [made, read] =
        [Rle::from_mask(&Mask::empty(size)), Rle::from_counts(size, Vec::new()).unwrap()];
    for result in [made.union(&read), read.intersection(&made), read.difference(&read)] {
        assert_eq!(result.counts(), [0]);
    }
    assert_eq!(read.intersection_area(&made), 0);
}

#[test]
#[should_panic(expected = "masks of 3×2 and 2×3 have no pixels in common")]
fn masks_of_other_sizes_are_refused() {
    let [a, b] = [Size::new(3, 2), Size::new(2, 3)].map(|size| Rle::from_mask(&Mask::empty(size)));
    let _ = a.union(&b);
}
