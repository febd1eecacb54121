//! Removing small regions against segment_anything with OpenCV (`fixtures/make_fixtures.py`).

use samkit_core::{Mask, RegionMode, Size, remove_small_regions};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    width: u32,
    height: u32,
    mask: String,
    threshold: u32,
    mode: Mode,
    result: String,
    changed: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Holes,
    Islands,
}

impl Case {
    fn unpack(&self, hex: &str) -> Mask {
        Mask::from_fn(Size::new(self.width, self.height), |x, y| {
            let bit = (y * self.width + x) as usize;
            let digit = u8::from_str_radix(&hex[bit / 4..=bit / 4], 16).expect("hexadecimal");
            digit & (8 >> (bit % 4)) != 0
        })
    }
}

#[test]
fn results_equal_the_reference() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("fixtures/regions.json")).expect("the fixture is valid");
    for case in &cases {
        let mask = case.unpack(&case.mask);
        let mode = match case.mode {
            Mode::Holes => RegionMode::Holes,
            Mode::Islands => RegionMode::Islands,
        };
        let (result, changed) = remove_small_regions(&mask, case.threshold, mode);
        let what = format!("{mode:?} under {} in {mask:?}", case.threshold);
        assert_eq!(result, case.unpack(&case.result), "{what}");
        assert_eq!(changed, case.changed, "{what}");
    }
}
