//! COCO run-length codes.
//!
//! A code lists the lengths of alternating runs of background and mask, column after column, and
//! always starts with background (a run of 0 when the first pixel is in the mask). The layout, the
//! compressed string and the box are those of pycocotools (`common/maskApi.c` of the COCO API), to
//! the byte.

use std::fmt;

use crate::{BBox, Mask, Size};

/// A binary mask as column-major run lengths, background first.
#[derive(Clone, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    counts: Vec<u32>,
}

/// What can be wrong with a run-length code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// A byte that the compressed form never contains.
    #[error(
        "run-length string has {found:?} at byte {position}, expected characters from '0' to 'o'"
    )]
    BadCharacter {
        /// Offset in the string.
        position: usize,
        /// The offending character.
        found: char,
    },
    /// The last number of the string is not complete.
    #[error("run-length string ends inside run {run}; it was probably cut")]
    Truncated {
        /// Index of the run.
        run: usize,
    },
    /// A run below zero or above what 32 bits hold.
    #[error("run {run} has the length {length}, expected 0 to {max}", max = u32::MAX)]
    BadRun {
        /// Index of the run.
        run: usize,
        /// The decoded length.
        length: i64,
    },
    /// More pixels than 32-bit runs can number.
    #[error("a mask of {size} has too many pixels, expected fewer than 2³²")]
    TooLarge {
        /// The mask's size.
        size: Size,
    },
    /// The runs do not cover the mask exactly.
    #[error("runs add up to {found} pixels, expected {expected} for a mask of {size}")]
    WrongTotal {
        /// The mask's size.
        size: Size,
        /// Pixels of that size.
        expected: u64,
        /// Sum of the runs.
        found: u64,
    },
}

impl Rle {
    /// Encodes a mask.
    ///
    /// # Panics
    /// When the mask has 2³² pixels or more, which the format cannot count.
    pub fn from_mask(mask: &Mask) -> Self {
        let width = mask.size().width as usize;
        Self::from_rows(mask.size(), |y, row| {
            row.copy_from_slice(&mask.pixels()[y as usize * width..][..width]);
        })
    }

    /// Encodes a mask that is computed row by row: `fill(y, row)` gets a slice of `size.width`
    /// pixels (with arbitrary contents) and writes row `y` into it. The rows come in order.
    ///
    /// Codes run down the columns while pixels lie in rows. Here nothing is transposed: only the
    /// places where a pixel differs from the one above are collected, and they are few.
    ///
    /// # Panics
    /// When `size` has 2³² pixels or more, which the format cannot count.
    pub fn from_rows(size: Size, mut fill: impl FnMut(u32, &mut [bool])) -> Self {
        let height = check_countable(size);
        let mut row = vec![false; size.width as usize];
        let mut above = row.clone();
        let mut top = Vec::new();
        let mut changes = Vec::new();
        for y in 0..height {
            fill(y, &mut row);
            if y == 0 {
                top.clone_from(&row);
            } else {
                for_each_difference(&above, &row, |x| changes.push(x as u32 * height + y));
            }
            std::mem::swap(&mut row, &mut above);
        }
        // Down the column boundaries: the first pixel of a column follows the last of the one
        // before; `above` now holds the bottom row.
        let before = std::iter::once(&false).chain(&above);
        changes.extend(
            (0u32..)
                .zip(top.iter().zip(before))
                .filter_map(|(x, (first, last))| (first != last).then_some(x * height)),
        );
        changes.sort_unstable();
        Self::from_changes(size, changes)
    }

    /// Wraps uncompressed counts, as found in COCO files for crowds.
    ///
    /// # Errors
    /// When the counts do not add up to `size.area()`, or there are 2³² pixels or more.
    pub fn from_counts(size: Size, counts: Vec<u32>) -> Result<Self, RleError> {
        if u32::try_from(size.area()).is_err() {
            return Err(RleError::TooLarge { size });
        }
        let found = counts.iter().map(|&run| u64::from(run)).sum();
        let expected = size.area() as u64;
        if found != expected {
            return Err(RleError::WrongTotal { size, expected, found });
        }
        Ok(Self { size, counts })
    }

    /// Reads the compressed string of COCO files.
    ///
    /// # Errors
    /// When the string is damaged or its runs do not add up to `size.area()`.
    pub fn from_counts_string(size: Size, string: &str) -> Result<Self, RleError> {
        Self::from_counts(size, crate::rle_string::decode(string)?)
    }

    /// The compressed string of COCO files, equal to pycocotools' byte for byte.
    pub fn counts_string(&self) -> String {
        crate::rle_string::encode(&self.counts)
    }

    /// The mask's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The run lengths: background, mask, background, …
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&run| u64::from(run)).sum()
    }

    /// Decodes into a mask.
    pub fn to_mask(&self) -> Mask {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        // First mark the pixels that differ from the one above, then sum up down the columns,
        // a whole row at a time.
        let mut pixels = vec![false; self.size.area()];
        for (x, y0, y1) in self.column_spans() {
            pixels[y0 as usize * width + x as usize] ^= true;
            if (y1 as usize) < height {
                pixels[y1 as usize * width + x as usize] ^= true;
            }
        }
        for y in 1..height {
            let (above, row) = pixels[(y - 1) * width..(y + 1) * width].split_at_mut(width);
            row.iter_mut().zip(above).for_each(|(pixel, above)| *pixel ^= *above);
        }
        Mask::from_pixels(self.size, pixels).expect("one pixel was made for each of the size")
    }

    /// The smallest box around the mask with its right and bottom sides *after* the last pixel,
    /// as pycocotools' `toBbox`; zeros for an empty mask. This is the box that COCO files hold.
    pub fn bbox(&self) -> BBox {
        match self.extent() {
            Some([x0, y0, x1, y1]) => {
                BBox::new(x0 as f32, y0 as f32, (x1 + 1) as f32, (y1 + 1) as f32)
            }
            None => BBox::new(0.0, 0.0, 0.0, 0.0),
        }
    }

    /// The box of the first and last columns and rows of the mask, *without* `+1`, as the
    /// reference's `batched_mask_to_box`; zeros for an empty mask. Box NMS works on this one.
    pub fn inclusive_bbox(&self) -> BBox {
        match self.extent() {
            Some([x0, y0, x1, y1]) => BBox::new(x0 as f32, y0 as f32, x1 as f32, y1 as f32),
            None => BBox::new(0.0, 0.0, 0.0, 0.0),
        }
    }

    /// Intersection over union of two masks of one size, without decoding them; 0 when both are
    /// empty, as in pycocotools. `None` when the sizes differ.
    pub fn iou(&self, other: &Self) -> Option<f64> {
        if self.size != other.size {
            return None;
        }
        let intersection = self.intersection_area(other);
        let union = self.area() + other.area() - intersection;
        Some(if union == 0 { 0.0 } else { intersection as f64 / union as f64 })
    }

    /// The same mask with its top left corner at (`x`, `y`) of a frame of `size`. What would lie
    /// outside the frame is cut off.
    ///
    /// # Panics
    /// When `size` has 2³² pixels or more, which the format cannot count.
    pub fn uncrop(&self, size: Size, x: u32, y: u32) -> Self {
        let height = check_countable(size);
        let mut changes: Vec<u32> = Vec::new();
        for (column, y0, y1) in self.column_spans() {
            let Some(column) = column.checked_add(x).filter(|&column| column < size.width) else {
                break;
            };
            let [start, end] = [y0, y1].map(|row| row.saturating_add(y).min(height));
            if start == end {
                continue;
            }
            let [start, end] = [start, end].map(|row| column * height + row);
            // A run that reaches the bottom goes on at the top of the next column.
            if changes.last() == Some(&start) {
                changes.pop();
            } else {
                changes.push(start);
            }
            changes.push(end);
        }
        let total = size.width * height;
        changes.pop_if(|last| *last == total);
        Self::from_changes(size, changes)
    }

    /// Runs between ascending positions (column-major) at which the value changes.
    pub(crate) fn from_changes(size: Size, changes: Vec<u32>) -> Self {
        let mut counts = changes;
        counts.push(size.width * size.height);
        let mut start = 0;
        for run in &mut counts {
            *run -= std::mem::replace(&mut start, *run);
        }
        Self { size, counts }
    }

    /// Start and end of each non-empty run of the mask, in column-major pixel numbers.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (u32, u32)> {
        self.counts
            .chunks_exact(2)
            .scan(0, |position, pair| {
                let start = *position + pair[0];
                *position = start + pair[1];
                Some((start, *position))
            })
            .filter(|(start, end)| start < end)
    }

    /// [`Self::spans`] cut into columns: (column, first row, row after the last).
    pub(crate) fn column_spans(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let height = self.size.height;
        self.spans().flat_map(move |(start, end)| {
            (start / height..=(end - 1) / height).map(move |x| {
                let top = x * height;
                (x, start.max(top) - top, (end - top).min(height))
            })
        })
    }

    /// First column, first row, last column and last row of the mask; `None` when it is empty.
    fn extent(&self) -> Option<[u32; 4]> {
        self.column_spans().fold(None, |extent, (x, y0, y1)| {
            let [left, top, _, bottom] = extent.unwrap_or([x, y0, x, y1 - 1]);
            Some([left, top.min(y0), x, bottom.max(y1 - 1)])
        })
    }
}

impl fmt::Debug for Rle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rle({}, {:?})", self.size, self.counts_string())
    }
}

/// The height, after making sure that every pixel number fits 32 bits.
pub(crate) fn check_countable(size: Size) -> u32 {
    assert!(
        u32::try_from(size.area()).is_ok(),
        "a mask of {size} has too many pixels for COCO RLE"
    );
    size.height
}

/// Calls `found` with each index at which two rows differ. Rows mostly agree over long stretches,
/// which comparing in blocks skips at the speed of memory.
fn for_each_difference(a: &[bool], b: &[bool], mut found: impl FnMut(usize)) {
    const BLOCK: usize = 64;
    for (block, (a, b)) in a.chunks(BLOCK).zip(b.chunks(BLOCK)).enumerate() {
        if a != b {
            let differing = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            differing.for_each(|(index, _)| found(block * BLOCK + index));
        }
    }
}
