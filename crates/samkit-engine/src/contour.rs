//! Measuring a mask at the image's size without interpolating most of it.
//!
//! A bilinear sample lies between its low-res neighbours. Where all of these are above the highest
//! threshold, or none is above the lowest, its value need not be known; what remains are the cells
//! along the mask's contour. The counts are those of all samples.

use std::ops::Range;

use samkit_core::LOW_RES_SIDE;

use crate::cpu::Isa;
use crate::cpu::rows::{TAPS, blend, bounds, spread};
use crate::frame::MaskMeasure;
use crate::resample::Axis;

/// What is known of a cell: samples with the same neighbours.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Inside,
    Outside,
    Contour,
}

/// Adds to `measure` the samples in `columns` and `rows` of the resampled `low`, for thresholds 0 and
/// ± `offset`.
pub(crate) fn measure_window(
    low: &[f32],
    (x, y): (&Axis, &Axis),
    (columns, rows): (Range<usize>, Range<usize>),
    offset: f32,
    measure: &mut MaskMeasure,
) {
    let isa = Isa::best();
    let across = x.groups(columns);
    let (mut least, mut most) = ([0.0; LOW_RES_SIDE], [0.0; LOW_RES_SIDE]);
    let mut contour = Contour { isa, x, y, offset, wide: Vec::new(), values: Vec::new() };
    for (first, rows) in y.groups(rows) {
        let lines = [0, 1, 2].map(|tap| &low[(first + tap) * LOW_RES_SIDE..][..LOW_RES_SIDE]);
        bounds(isa, lines, &mut least, &mut most);
        // Neighbours of a kind are one.
        let mut run = (Cell::Outside, 0..0);
        for (first, columns) in &across {
            let part = *first..first + TAPS;
            let cell = kind(&least[part.clone()], &most[part], offset);
            if cell == run.0 {
                run.1.end = columns.end;
                continue;
            }
            contour.add(&run, &rows, lines, measure);
            run = (cell, columns.clone());
        }
        contour.add(&run, &rows, lines, measure);
    }
}

fn kind(least: &[f32], most: &[f32], offset: f32) -> Cell {
    let least = least.iter().copied().fold(f32::INFINITY, f32::min);
    let most = most.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // The weights sum to 1 up to rounding.
    let margin = 1e-5 * least.abs().max(most.abs());
    if least > offset + margin {
        Cell::Inside
    } else if most <= -offset - margin {
        Cell::Outside
    } else {
        Cell::Contour
    }
}

/// Interpolates what has to be.
struct Contour<'a> {
    isa: Isa,
    x: &'a Axis,
    y: &'a Axis,
    offset: f32,
    wide: Vec<f32>,
    values: Vec<f32>,
}

impl Contour<'_> {
    fn add(
        &mut self,
        (cell, columns): &(Cell, Range<usize>),
        rows: &Range<usize>,
        lines: [&[f32]; TAPS],
        measure: &mut MaskMeasure,
    ) {
        match cell {
            Cell::Outside => {}
            Cell::Inside => measure.add_inside(columns, rows),
            Cell::Contour => {
                let width = columns.len();
                self.wide.resize(TAPS * width, 0.0);
                self.values.resize(width, 0.0);
                for (line, wide) in lines.into_iter().zip(self.wide.chunks_exact_mut(width)) {
                    spread(self.isa, line, self.x.taps(columns), wide);
                }
                let (first, rest) = self.wide.split_at(width);
                let (second, third) = rest.split_at(width);
                for row in rows.clone() {
                    let (_, weights) = self.y.taps(&(row..row + 1))[0];
                    blend(self.isa, [first, second, third], weights, &mut self.values);
                    measure.add_row(row as u32, columns.start, &self.values, self.offset);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::{upsample_rows, window_above};

    /// Smooth blobs, flat areas at the thresholds, and noise.
    fn logits(kind: usize) -> Vec<f32> {
        let value = |i: usize| {
            let (x, y) = ((i % LOW_RES_SIDE) as f32, (i / LOW_RES_SIDE) as f32);
            match kind {
                0 => 8.0 - (x - 90.0).hypot(y - 70.0) / 4.0,
                1 => ((x / 9.0).sin() + (y / 13.0).cos()) * 6.0,
                2 => ((x / 32.0).floor() + (y / 32.0).floor()) % 3.0 - 1.0,
                _ => ((i * 7919 + i / 255) % 509) as f32 / 25.0 - 10.0,
            }
        };
        (0..LOW_RES_SIDE * LOW_RES_SIDE).map(value).collect()
    }

    #[test]
    fn counts_and_box_are_those_of_all_samples() {
        for (input, image) in
            [((1024, 683), (481, 321)), ((1024, 683), (60, 40)), ((683, 1024), (1200, 1801))]
        {
            let x = Axis::new(LOW_RES_SIDE, 1024, input.0, image.0);
            let y = Axis::new(LOW_RES_SIDE, 1024, input.1, image.1);
            for kind in 0..4 {
                for offset in [0.0, 1.0, 3.5] {
                    let low = logits(kind);
                    let window = window_above(&low, &x, &y, -offset);
                    let (mut got, mut expected) = (MaskMeasure::new(), MaskMeasure::new());
                    measure_window(&low, (&x, &y), window.clone(), offset, &mut got);
                    let left = window.0.start;
                    upsample_rows(&low, (&x, &y), window, |y, values| {
                        expected.add_row(y as u32, left, values, offset);
                    });
                    assert_eq!(got, expected, "{image:?}, logits {kind}, offset {offset}");
                }
            }
        }
    }
}
