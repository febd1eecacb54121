//! From original-image pixels to the network's padded square, and back.
//!
//! The longest side becomes 1024 pixels, the image sits in the top left corner of a 1024×1024
//! square, the rest is padding (`ResizeLongestSide` and `Sam.preprocess` of the reference).
//! Nothing else in samkit converts between the two.

use std::ops::Range;

use samkit_core::{BBox, LOW_RES_SIDE, LowResLogits, Mask, Point, Size};

use crate::contour::measure_window;
use crate::cpu::Isa;
use crate::cpu::rows::count_above;
use crate::resample::{Axis, upsample, upsample_rows, window_above};

/// Side of the padded square that the network sees: 1024.
pub const INPUT_SIDE: u32 = 1024;

/// The relation between an image's pixels and the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    image: Size,
    input: Size,
}

impl Frame {
    /// The frame of an image of `image` pixels.
    pub fn new(image: Size) -> Self {
        let scale = f64::from(INPUT_SIDE) / f64::from(image.width.max(image.height).max(1));
        // The reference rounds to nothing at extreme shapes and fails; one pixel is kept here.
        let side = |length: u32| ((f64::from(length) * scale + 0.5) as u32).max(1);
        Self { image, input: Size::new(side(image.width), side(image.height)) }
    }

    /// The original image's size.
    pub fn image(&self) -> Size {
        self.image
    }

    /// The size of the image inside the network's padded square.
    pub fn input(&self) -> Size {
        self.input
    }

    /// A position in the image as a position in the network's input.
    pub fn model_from_image(&self, point: Point) -> Point {
        let scale =
            |v: f32, new: u32, old: u32| (f64::from(v) * (f64::from(new) / f64::from(old))) as f32;
        Point::new(
            scale(point.x, self.input.width, self.image.width),
            scale(point.y, self.input.height, self.image.height),
        )
    }

    /// The logits at the original image's size, row by row (`image().area()` values):
    /// the two bilinear steps of the reference's `postprocess_masks` in one pass.
    pub fn upsample(&self, logits: &LowResLogits) -> Vec<f32> {
        let (x, y) = self.axes();
        upsample(logits.values(), &x, &y)
    }

    /// As [`Frame::upsample`], from 256×256 values to room for `image().area()`.
    ///
    /// # Panics
    /// When there are fewer values or another amount of room.
    pub fn upsample_into(&self, logits: &[f32], out: &mut [f32]) {
        self.check(logits, out.len());
        let (x, y) = self.axes();
        let mut lines = out.chunks_exact_mut(self.image.width as usize);
        upsample_rows(logits, (&x, &y), (x.all(), y.all()), |_, values| {
            lines.next().expect("as many lines as rows").copy_from_slice(values);
        });
    }

    /// The mask at the original image's size: where the upsampled logits exceed 0.
    pub fn mask(&self, logits: &LowResLogits) -> Mask {
        let mut mask = Mask::empty(self.image);
        self.rows_above(logits.values(), 0.0, |y, left, values| {
            for (pixel, &value) in mask.row_mut(y)[left..].iter_mut().zip(values) {
                *pixel = value > 0.0;
            }
        });
        mask
    }

    /// As [`Frame::mask`], from 256×256 values to room for `image().area()`: 1 inside, else 0.
    ///
    /// # Panics
    /// As [`Frame::upsample_into`].
    pub fn mask_into(&self, logits: &[f32], out: &mut [u8]) {
        self.check(logits, out.len());
        out.fill(0);
        let width = self.image.width as usize;
        self.rows_above(logits, 0.0, |y, left, values| {
            let line = &mut out[width * y as usize + left..][..values.len()];
            for (pixel, &value) in line.iter_mut().zip(values) {
                *pixel = u8::from(value > 0.0);
            }
        });
    }

    /// Area, box and stability of the mask at the original image's size, without keeping its
    /// pixels.
    pub fn measure(&self, logits: &LowResLogits, stability_offset: f32) -> MaskMeasure {
        self.measure_values(logits.values(), stability_offset)
    }

    /// As [`Frame::measure`], from 256×256 values.
    ///
    /// # Panics
    /// When there are fewer values.
    pub fn measure_values(&self, logits: &[f32], stability_offset: f32) -> MaskMeasure {
        self.check(logits, self.image.area());
        let (x, y) = self.axes();
        let window = window_above(logits, &x, &y, -stability_offset);
        let mut measure = MaskMeasure::new();
        measure_window(logits, (&x, &y), window, stability_offset, &mut measure);
        measure
    }

    /// Upsamples only where logits can exceed `floor`: `row(y, first column, values)`.
    fn rows_above(&self, logits: &[f32], floor: f32, mut row: impl FnMut(u32, usize, &[f32])) {
        let (x, y) = self.axes();
        let (columns, rows) = window_above(logits, &x, &y, floor);
        let left = columns.start;
        upsample_rows(logits, (&x, &y), (columns, rows), |y, values| {
            row(y as u32, left, values);
        });
    }

    /// How many rows and columns of low-res logits the image's pixels depend on.
    pub(crate) fn low_res_extent(&self) -> (usize, usize) {
        let (x, y) = self.axes();
        (y.needed(&y.all()).end, x.needed(&x.all()).end)
    }

    fn check(&self, logits: &[f32], room: usize) {
        assert_eq!(logits.len(), LOW_RES_SIDE * LOW_RES_SIDE, "low-res logits are 256×256");
        assert_eq!(room, self.image.area(), "one value a pixel of {}", self.image);
    }

    fn axes(&self) -> (Axis, Axis) {
        (
            Axis::new(
                LOW_RES_SIDE,
                INPUT_SIDE as usize,
                self.input.width as usize,
                self.image.width as usize,
            ),
            Axis::new(
                LOW_RES_SIDE,
                INPUT_SIDE as usize,
                self.input.height as usize,
                self.image.height as usize,
            ),
        )
    }
}

/// What the automatic generator's filters need to know of a mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskMeasure {
    /// Pixels with logits above 0.
    pub area: u64,
    /// The smallest box around them, as inclusive pixel indices; all zero when there are none.
    pub bbox: BBox,
    above_high: u64,
    above_low: u64,
    is_empty: bool,
}

impl MaskMeasure {
    pub(crate) fn new() -> Self {
        let bbox = BBox::new(0.0, 0.0, 0.0, 0.0);
        Self { area: 0, bbox, above_high: 0, above_low: 0, is_empty: true }
    }

    /// Takes row `y`, of which `values` are the pixels from column `left`.
    pub(crate) fn add_row(&mut self, y: u32, left: usize, values: &[f32], offset: f32) {
        let mut counts = [0; 3];
        count_above(Isa::best(), values, [offset, 0.0, -offset], &mut counts);
        let [above_high, inside, above_low] = counts.map(u64::from);
        self.above_high += above_high;
        self.above_low += above_low;
        if inside == 0 {
            return;
        }
        self.area += inside;
        let first = values.iter().position(|&v| v > 0.0).unwrap_or_default() + left;
        let last = values.iter().rposition(|&v| v > 0.0).unwrap_or_default() + left;
        self.extend(first, last, y as usize, y as usize);
    }

    /// Takes pixels that are above every threshold.
    pub(crate) fn add_inside(&mut self, columns: &Range<usize>, rows: &Range<usize>) {
        let count = (columns.len() * rows.len()) as u64;
        self.above_high += count;
        self.area += count;
        self.above_low += count;
        self.extend(columns.start, columns.end - 1, rows.start, rows.end - 1);
    }

    /// Extends the box to the pixels between these, inclusive.
    fn extend(&mut self, left: usize, right: usize, top: usize, bottom: usize) {
        let [left, right, top, bottom] = [left, right, top, bottom].map(|v| v as f32);
        let old = self.bbox;
        self.bbox = if self.is_empty {
            BBox::new(left, top, right, bottom)
        } else {
            BBox::new(old.x0.min(left), old.y0.min(top), old.x1.max(right), old.y1.max(bottom))
        };
        self.is_empty = false;
    }

    /// IoU between the masks at threshold + offset and threshold − offset
    /// (`calculate_stability_score` of the reference); NaN when both are empty.
    pub fn stability_score(&self) -> f32 {
        self.above_high as f32 / self.above_low as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_side_becomes_1024_and_the_other_is_rounded() {
        let input = |w, h| Frame::new(Size::new(w, h)).input();
        assert_eq!(input(1800, 1200), Size::new(1024, 683));
        assert_eq!(input(481, 321), Size::new(1024, 683));
        assert_eq!(input(200, 1000), Size::new(205, 1024));
        assert_eq!(input(1, 1), Size::new(1024, 1024));
    }

    #[test]
    fn an_extreme_shape_keeps_one_pixel() {
        assert_eq!(Frame::new(Size::new(4000, 1)).input(), Size::new(1024, 1));
    }

    /// The logits of `tests/reference/formula.py`.
    fn formula() -> LowResLogits {
        let value = |i: u32| {
            let v = i.wrapping_mul(2_654_435_761).wrapping_add(12_345);
            let v = (v ^ (v >> 15)).wrapping_mul(2_246_822_519);
            (((v ^ (v >> 13)) >> 20) as f32 - 2048.0) / 128.0
        };
        LowResLogits::new((0..256 * 256).map(value).collect()).expect("256×256")
    }

    #[test]
    fn upsampling_equals_the_reference() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/upsample.json")).expect("JSON");
        for case in cases.as_array().expect("cases") {
            let number = |v: &serde_json::Value| v.as_u64().expect("a number") as u32;
            let size = Size::new(number(&case["width"]), number(&case["height"]));
            let values = Frame::new(size).upsample(&formula());
            let samples = case["samples"].as_array().expect("samples");
            assert!(samples.len() > 10);
            for sample in samples {
                let (x, y) = (number(&sample[0]), number(&sample[1]));
                let got = values[(y * size.width + x) as usize];
                let expected = sample[2].as_f64().expect("a number") as f32;
                // PyTorch itself is up to 5e-4 off in f32: neighbouring logits differ by up to 32,
                // and the position of a sample near 1800 is known to 1e-4.
                assert!((got - expected).abs() < 1e-3, "{size} ({x}, {y}): {got} {expected}");
            }
        }
    }

    #[test]
    fn room_of_ones_own_is_filled_with_the_same() {
        let frame = Frame::new(Size::new(90, 60));
        let (mut values, mut pixels) = (vec![7.0; 90 * 60], vec![7; 90 * 60]);
        frame.upsample_into(formula().values(), &mut values);
        assert_eq!(values, frame.upsample(&formula()));
        frame.mask_into(formula().values(), &mut pixels);
        let mask = frame.mask(&formula());
        assert!(
            pixels.iter().zip(mask.pixels()).all(|(&pixel, &inside)| pixel == u8::from(inside))
        );
    }

    #[test]
    fn measuring_equals_looking_at_the_mask() {
        let frame = Frame::new(Size::new(90, 60));
        let values = (0..256 * 256).map(|i: i32| ((i * 7919) % 257 - 200) as f32 / 20.0).collect();
        let logits = LowResLogits::new(values).expect("256×256");
        let full = frame.upsample(&logits);
        let measure = frame.measure(&logits, 1.0);
        let count = |t: f32| full.iter().filter(|&&v| v > t).count();
        assert_eq!(measure.area, count(0.0) as u64);
        assert_eq!(measure.stability_score(), count(1.0) as f32 / count(-1.0) as f32);
    }
}
