//! Lines of an image around an output line of a 3×3 convolution with padding 1.

use std::ops::Range;

/// Output lines that a thread takes at a time. The lines between two strips are made twice, by both
/// of them.
pub(crate) const STRIP: usize = 32;

/// The source lines of output line `y`, of an image of `height` lines.
pub(crate) fn source_lines(stride: usize, y: usize, height: usize) -> Range<usize> {
    let centre = y * stride;
    centre.saturating_sub(1)..(centre + 2).min(height)
}

/// The lines above, at and below the centre of output line `y`; empty outside the image.
pub(crate) fn around<'a>(
    stride: usize,
    y: usize,
    height: usize,
    line: impl Fn(usize) -> &'a [f32],
) -> [&'a [f32]; 3] {
    [0, 1, 2].map(|tap| match (y * stride + tap).checked_sub(1) {
        Some(source) if source < height => line(source),
        _ => &[],
    })
}

/// The last three lines of an image that never exists as a whole; line `y` lies in place `y % 3`.
#[derive(Default)]
pub(crate) struct LastLines {
    lines: [Vec<f32>; 3],
    held: [Option<usize>; 3],
}

impl LastLines {
    /// Begins an image whose lines have `length` values.
    pub(crate) fn begin(&mut self, length: usize) {
        self.lines.iter_mut().for_each(|line| line.resize(length, 0.0));
        self.held = [None; 3];
    }

    /// The lines around output line `y`, of an image of `height` lines. `make` writes those that are
    /// not there yet.
    pub(crate) fn around(
        &mut self,
        stride: usize,
        y: usize,
        height: usize,
        mut make: impl FnMut(usize, &mut [f32]),
    ) -> [&[f32]; 3] {
        for source in source_lines(stride, y, height) {
            let place = source % 3;
            if self.held[place] != Some(source) {
                make(source, &mut self.lines[place]);
                self.held[place] = Some(source);
            }
        }
        around(stride, y, height, |source| &self.lines[source % 3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_around_are_those_of_the_whole_image_each_made_once() {
        let mut last = LastLines::default();
        for (height, stride) in [(1, 1), (1, 2), (2, 1), (7, 1), (7, 2), (8, 2)] {
            let whole: Vec<Vec<f32>> = (0..height).map(|y| vec![y as f32; 5]).collect();
            last.begin(5);
            let mut made = Vec::new();
            for y in 0..usize::div_ceil(height, stride) {
                let got = last.around(stride, y, height, |y, line| {
                    made.push(y);
                    line.fill(y as f32);
                });
                assert_eq!(got, around(stride, y, height, |y| &whole[y]), "{height} {stride} {y}");
            }
            assert_eq!(made, (0..height).collect::<Vec<_>>());
        }
    }
}
