//! Run-length codes against pycocotools (`fixtures/make_fixtures.py`) and against plain masks.

mod support;

use proptest::prelude::*;
use samkit_core::{BBox, Mask, Rle, RleError, Size};
use serde::Deserialize;
use support::{mask_of, size};

#[derive(Deserialize)]
struct Fixture {
    masks: Vec<MaskCase>,
    ious: Vec<IouCase>,
}

#[derive(Deserialize)]
struct MaskCase {
    name: String,
    width: u32,
    height: u32,
    cell: u32,
    mask: String,
    counts: String,
    area: u64,
    bbox: [f32; 4],
}

#[derive(Deserialize)]
struct IouCase {
    width: u32,
    height: u32,
    counts: [String; 2],
    iou: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/rle.json")).expect("the fixture is valid")
}

impl MaskCase {
    fn mask(&self) -> Mask {
        let bits: Vec<u8> = (0..self.mask.len() / 2)
            .map(|byte| u8::from_str_radix(&self.mask[2 * byte..][..2], 16).expect("hexadecimal"))
            .collect();
        let cells = self.width.div_ceil(self.cell);
        Mask::from_fn(Size::new(self.width, self.height), |x, y| {
            let bit = (y / self.cell * cells + x / self.cell) as usize;
            bits[bit / 8] & (0x80 >> (bit % 8)) != 0
        })
    }
}

#[test]
fn codes_boxes_and_areas_equal_pycocotools() {
    for case in fixture().masks {
        let rle = Rle::from_mask(&case.mask());
        assert_eq!(rle.counts_string(), case.counts, "{}", case.name);
        assert_eq!(rle.area(), case.area, "{}", case.name);
        assert_eq!(rle.bbox().to_xywh(), case.bbox, "{}", case.name);
    }
}

#[test]
fn pycocotools_codes_decode_to_the_mask() {
    for case in fixture().masks {
        let rle = Rle::from_counts_string(Size::new(case.width, case.height), &case.counts)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert!(rle.to_mask() == case.mask(), "{}", case.name);
    }
}

#[test]
fn ious_equal_pycocotools() {
    for case in fixture().ious {
        let size = Size::new(case.width, case.height);
        let [a, b] = case.counts.map(|counts| Rle::from_counts_string(size, &counts).unwrap());
        let iou = a.iou(&b).unwrap();
        // The JSON reader may be off by one unit in the last place.
        assert!(
            (iou - case.iou).abs() <= f64::EPSILON,
            "{iou} instead of {} for {a:?} {b:?}",
            case.iou
        );
    }
}

#[test]
fn masks_of_other_sizes_have_no_iou() {
    let [a, b] = [Size::new(3, 2), Size::new(2, 3)].map(Mask::empty);
    assert_eq!(a.iou(&b), None);
    assert_eq!(Rle::from_mask(&a).iou(&Rle::from_mask(&b)), None);
}

#[test]
fn damaged_strings_say_what_is_wrong() {
    let size = Size::new(5, 7);
    let message = |string: &str| Rle::from_counts_string(size, string).unwrap_err().to_string();
    assert_eq!(
        message("1 2"),
        "run-length string has ' ' at byte 1, expected characters from '0' to 'o'"
    );
    assert_eq!(
        message("é"),
        "run-length string has 'é' at byte 0, expected characters from '0' to 'o'"
    );
    assert_eq!(message("12o"), "run-length string ends inside run 2; it was probably cut");
    assert_eq!(message("K"), "run 0 has the length -5, expected 0 to 4294967295");
    assert!(matches!(
        Rle::from_counts_string(size, "oooooooooooooooooooo"),
        Err(RleError::BadRun { run: 0, .. })
    ));
    assert_eq!(message("3"), "runs add up to 3 pixels, expected 35 for a mask of 5×7");
    assert_eq!(message(""), "runs add up to 0 pixels, expected 35 for a mask of 5×7");
    assert_eq!(
        Rle::from_counts(Size::new(1 << 16, 1 << 16), vec![]).unwrap_err().to_string(),
        "a mask of 65536×65536 has too many pixels, expected fewer than 2³²"
    );
}

#[test]
fn runs_of_length_zero_are_tolerated() {
    let rle = Rle::from_counts(Size::new(3, 4), vec![2, 3, 0, 4, 1, 0, 2]).unwrap();
    assert_eq!(rle.area(), 7);
    assert_eq!(rle.bbox(), BBox::new(0.0, 0.0, 3.0, 4.0));
    assert_eq!(Rle::from_mask(&rle.to_mask()).counts(), [2, 7, 3]);
    assert_eq!(rle.iou(&Rle::from_mask(&rle.to_mask())), Some(1.0));
}

#[test]
fn sizes_without_pixels_have_one_empty_run() {
    for size in [Size::new(0, 0), Size::new(0, 3), Size::new(3, 0)] {
        let rle = Rle::from_mask(&Mask::empty(size));
        assert_eq!(rle.counts(), [0]);
        assert_eq!(rle.to_mask(), Mask::empty(size));
        assert_eq!(rle.bbox(), BBox::new(0.0, 0.0, 0.0, 0.0));
    }
}

fn mask() -> impl Strategy<Value = Mask> {
    size().prop_flat_map(mask_of)
}

fn pair() -> impl Strategy<Value = (Mask, Mask)> {
    size().prop_flat_map(|size| (mask_of(size), mask_of(size)))
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(mask in mask()) {
        let rle = Rle::from_mask(&mask);
        prop_assert_eq!(&rle.to_mask(), &mask);
        prop_assert_eq!(rle.area(), mask.area());
        prop_assert_eq!(rle.inclusive_bbox(), mask.inclusive_bbox());
        let again = Rle::from_counts_string(mask.size(), &rle.counts_string()).unwrap();
        prop_assert_eq!(again, rle);
    }

    #[test]
    fn iou_is_that_of_the_masks((a, b) in pair()) {
        let (rle_a, rle_b) = (Rle::from_mask(&a), Rle::from_mask(&b));
        prop_assert_eq!(rle_a.iou(&rle_b), a.iou(&b));
        prop_assert_eq!(rle_b.iou(&rle_a), a.iou(&b));
    }

    #[test]
    fn uncropping_codes_is_uncropping_masks(mask in mask(), frame in size(), x in 0u32..160, y in 0u32..50) {
        let expected = Rle::from_mask(&mask.uncrop(frame, x, y));
        prop_assert_eq!(Rle::from_mask(&mask).uncrop(frame, x, y), expected);
    }

    #[test]
    fn any_string_is_decoded_or_refused(string in "[0-o]{0,30}", size in size()) {
        if let Ok(rle) = Rle::from_counts_string(size, &string) {
            prop_assert_eq!(rle.to_mask().area(), rle.area());
        }
    }
}
