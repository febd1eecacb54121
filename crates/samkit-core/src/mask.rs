//! Binary masks.

use std::fmt;

use crate::{BBox, Size};

/// A binary mask, stored row by row, one byte a pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    pixels: Vec<bool>,
}

impl Mask {
    /// A mask of `size` with nothing in it.
    pub fn empty(size: Size) -> Self {
        Self { size, pixels: vec![false; size.area()] }
    }

    /// Wraps row-major pixels; `None` when their number is not `size.area()`.
    pub fn from_pixels(size: Size, pixels: Vec<bool>) -> Option<Self> {
        (pixels.len() == size.area()).then_some(Self { size, pixels })
    }

    /// The mask of the pixels for which `contains(x, y)` holds.
    pub fn from_fn(size: Size, mut contains: impl FnMut(u32, u32) -> bool) -> Self {
        let mut pixels = Vec::with_capacity(size.area());
        for y in 0..size.height {
            pixels.extend((0..size.width).map(|x| contains(x, y)));
        }
        Self { size, pixels }
    }

    /// The mask's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// The pixels of row `y`. Panics outside the mask.
    pub fn row(&self, y: u32) -> &[bool] {
        let start = self.row_start(y);
        &self.pixels[start..start + self.size.width as usize]
    }

    /// The pixels of row `y`, to be written. Panics outside the mask.
    pub fn row_mut(&mut self, y: u32) -> &mut [bool] {
        let start = self.row_start(y);
        &mut self.pixels[start..start + self.size.width as usize]
    }

    /// Whether the pixel in column `x` and row `y` is in the mask. Panics outside the mask.
    pub fn get(&self, x: u32, y: u32) -> bool {
        self.pixels[self.index(x, y)]
    }

    /// Puts the pixel in column `x` and row `y` in or out. Panics outside the mask.
    pub fn set(&mut self, x: u32, y: u32, value: bool) {
        let index = self.index(x, y);
        self.pixels[index] = value;
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> u64 {
        self.pixels.iter().map(|&pixel| u64::from(pixel)).sum()
    }

    /// The box of the first and last columns and rows of the mask, *without* `+1`, as the
    /// reference's `batched_mask_to_box` (`segment_anything/utils/amg.py`); zeros for an empty
    /// mask. See [`crate::Rle::bbox`] for the box of COCO files.
    pub fn inclusive_bbox(&self) -> BBox {
        let mut extent: Option<[usize; 4]> = None;
        for y in 0..self.size.height {
            let row = self.row(y);
            let Some(first) = row.iter().position(|&pixel| pixel) else {
                continue;
            };
            let last = row.iter().rposition(|&pixel| pixel).unwrap_or(first);
            let y = y as usize;
            let [x0, y0, x1, _] = extent.unwrap_or([first, y, last, y]);
            extent = Some([x0.min(first), y0, x1.max(last), y]);
        }
        let [x0, y0, x1, y1] = extent.unwrap_or_default().map(|index| index as f32);
        BBox::new(x0, y0, x1, y1)
    }

    /// Intersection over union of two masks of one size; 0 when both are empty. `None` when the
    /// sizes differ.
    pub fn iou(&self, other: &Self) -> Option<f64> {
        if self.size != other.size {
            return None;
        }
        let pairs = || self.pixels.iter().zip(&other.pixels);
        let intersection: u64 = pairs().map(|(&a, &b)| u64::from(a & b)).sum();
        let union: u64 = pairs().map(|(&a, &b)| u64::from(a | b)).sum();
        Some(if union == 0 { 0.0 } else { intersection as f64 / union as f64 })
    }

    /// The same mask with its top left corner at (`x`, `y`) of a frame of `size`. What would lie
    /// outside the frame is cut off.
    #[must_use]
    pub fn uncrop(&self, size: Size, x: u32, y: u32) -> Self {
        let mut frame = Self::empty(size);
        let width = self.size.width.min(size.width.saturating_sub(x)) as usize;
        let height = self.size.height.min(size.height.saturating_sub(y));
        if width > 0 {
            for row in 0..height {
                let target = &mut frame.row_mut(y + row)[x as usize..][..width];
                target.copy_from_slice(&self.row(row)[..width]);
            }
        }
        frame
    }

    fn row_start(&self, y: u32) -> usize {
        assert!(y < self.size.height, "row {y} is outside {}", self.size);
        y as usize * self.size.width as usize
    }

    fn index(&self, x: u32, y: u32) -> usize {
        assert!(x < self.size.width && y < self.size.height, "({x}, {y}) is outside {}", self.size);
        self.row_start(y) + x as usize
    }
}

impl fmt::Debug for Mask {
    /// Small masks are drawn, so that a failing test shows what differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DRAWN: u32 = 80;
        write!(f, "Mask({}, {} set", self.size, self.area())?;
        if self.size.width <= DRAWN && self.size.height <= DRAWN {
            for y in 0..self.size.height {
                f.write_str("\n  ")?;
                self.row(y)
                    .iter()
                    .try_for_each(|&pixel| f.write_str(if pixel { "#" } else { "·" }))?;
            }
        }
        f.write_str(")")
    }
}
