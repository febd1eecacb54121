//! One mask's contribution to the edge map: the gradient of its probabilities along its rim.

use image::{ImageBuffer, Luma};
use imageproc::filter::gaussian_blur_f32;
use samkit_core::Size;

use crate::Border;

/// A pixel at the rim of a mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RimPixel {
    /// Row-major index into the image.
    pub index: usize,
    /// Sobel magnitude of the mask's probabilities there (0 to √20, not normalised).
    pub strength: f32,
}

/// The Sobel magnitude of `sigmoid(logits)` at every pixel where the Sobel magnitude of the binary
/// mask `logits > 0` is not zero, row by row.
///
/// `logits` are `size.area()` row-major values at the image's size. `smoothing` is the standard
/// deviation, in pixels, of a Gaussian over the probabilities before the gradient (0: none); the
/// blur itself always replicates the outermost pixels.
///
/// Only the rim's neighbourhood is computed. The result is that of the plain recipe, which filters
/// the whole image twice and multiplies.
pub fn rim_gradients(logits: &[f32], size: Size, border: Border, smoothing: f32) -> Vec<RimPixel> {
    assert_eq!(logits.len(), size.area(), "one logit a pixel of {size}");
    let grid = Grid { size, border };
    let Some(mask) = Window::around(size, |index| logits[index] > 0.0) else { return Vec::new() };
    let rim = rim_indices(&grid, mask.grown(1, size), |index| logits[index] > 0.0);
    if smoothing > 0.0 {
        let probabilities = Blurred::new(logits, size, mask, smoothing);
        rim_strengths(&grid, &rim, |x, y| probabilities.at(x, y))
    } else {
        rim_strengths(&grid, &rim, |x, y| sigmoid(logits[size.width as usize * y + x]))
    }
}

/// Indices in `window` where the Sobel filter answers to the binary mask `inside`.
fn rim_indices(grid: &Grid, window: Window, inside: impl Fn(usize) -> bool) -> Vec<usize> {
    let width = grid.size.width as usize;
    let mut rim = Vec::new();
    for y in window.y0..window.y1 {
        for x in window.x0..window.x1 {
            let (dx, dy) = grid.sobel(x, y, |x, y| i32::from(inside(width * y + x)), 0);
            if (dx, dy) != (0, 0) {
                rim.push(width * y + x);
            }
        }
    }
    rim
}

fn rim_strengths(
    grid: &Grid,
    rim: &[usize],
    probability: impl Fn(usize, usize) -> f32,
) -> Vec<RimPixel> {
    let width = grid.size.width as usize;
    let strength = |index: usize| {
        let (dx, dy) = grid.sobel(index % width, index / width, &probability, 0.0);
        dx.hypot(dy)
    };
    rim.iter().map(|&index| RimPixel { index, strength: strength(index) }).collect()
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Pixel positions of an image and what lies beyond them.
struct Grid {
    size: Size,
    border: Border,
}

impl Grid {
    /// The 3×3 Sobel derivatives (∂x, ∂y) of `value` at one pixel.
    ///
    /// `imageproc` filters whole images; here a few pixels of each mask are wanted.
    fn sobel<T>(&self, x: usize, y: usize, value: impl Fn(usize, usize) -> T, outside: T) -> (T, T)
    where
        T: Copy + std::ops::Add<Output = T> + std::ops::Sub<Output = T>,
    {
        let columns = self.neighbours(x, self.size.width as usize);
        let rows = self.neighbours(y, self.size.height as usize);
        let at = |i: usize, j: usize| match (columns[i], rows[j]) {
            (Some(x), Some(y)) => value(x, y),
            _ => outside,
        };
        let (nw, n, ne) = (at(0, 0), at(1, 0), at(2, 0));
        let (w, e) = (at(0, 1), at(2, 1));
        let (sw, s, se) = (at(0, 2), at(1, 2), at(2, 2));
        let dx = (ne - nw) + (e - w) + (e - w) + (se - sw);
        let dy = (sw - nw) + (s - n) + (s - n) + (se - ne);
        (dx, dy)
    }

    /// `position` − 1, `position`, `position` + 1 on an axis of `length` pixels.
    fn neighbours(&self, position: usize, length: usize) -> [Option<usize>; 3] {
        let (before, after) = match self.border {
            Border::Replicate => {
                (Some(position.saturating_sub(1)), Some((position + 1).min(length - 1)))
            }
            Border::Zero => {
                (position.checked_sub(1), Some(position + 1).filter(|&after| after < length))
            }
        };
        [before, Some(position), after]
    }
}

/// A rectangle of pixels, its ends exclusive.
#[derive(Clone, Copy)]
struct Window {
    x0: usize,
    y0: usize,
    x1: usize,
    y1: usize,
}

impl Window {
    /// The smallest window around the pixels that are `inside`.
    fn around(size: Size, inside: impl Fn(usize) -> bool) -> Option<Self> {
        let (width, height) = (size.width as usize, size.height as usize);
        let mut found: Option<Self> = None;
        for y in 0..height {
            let row = width * y;
            let Some(first) = (0..width).find(|&x| inside(row + x)) else { continue };
            let last = (first..width).rfind(|&x| inside(row + x)).unwrap_or(first);
            let start = found.unwrap_or(Self { x0: first, y0: y, x1: last + 1, y1: y + 1 });
            found = Some(Self {
                x0: start.x0.min(first),
                x1: start.x1.max(last + 1),
                y1: y + 1,
                ..start
            });
        }
        found
    }

    /// The window with `margin` more pixels on each side, as far as the image reaches.
    fn grown(self, margin: usize, size: Size) -> Self {
        Self {
            x0: self.x0.saturating_sub(margin),
            y0: self.y0.saturating_sub(margin),
            x1: (self.x1 + margin).min(size.width as usize),
            y1: (self.y1 + margin).min(size.height as usize),
        }
    }
}

/// Smoothed probabilities around a mask.
struct Blurred {
    window: Window,
    values: ImageBuffer<Luma<f32>, Vec<f32>>,
}

impl Blurred {
    /// Smooths what the Sobel filter will read at the rim of the mask in `mask`. The window reaches
    /// one pixel for the rim, one for the filter and the blur's radius beyond the mask, so that its
    /// own sides, where these are not the image's, change nothing that is read.
    fn new(logits: &[f32], size: Size, mask: Window, sigma: f32) -> Self {
        // The radius of imageproc's Gaussian.
        let radius = (2.0 * sigma).ceil() as usize;
        let window = mask.grown(2 + radius, size);
        let stride = size.width as usize;
        let (width, height) = (window.x1 - window.x0, window.y1 - window.y0);
        let probabilities = ImageBuffer::from_fn(width as u32, height as u32, |x, y| {
            let index = stride * (window.y0 + y as usize) + window.x0 + x as usize;
            Luma([sigmoid(logits[index])])
        });
        Self { window, values: gaussian_blur_f32(&probabilities, sigma) }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[((x - self.window.x0) as u32, (y - self.window.y0) as u32)][0]
    }
}

#[cfg(test)]
mod tests;
