//! Bilinear resampling of low-res logits to the original image, in one pass.
//!
//! The reference resamples twice (256 → 1024, crop the padding, → original), each time bilinear
//! with `align_corners=False`. Both steps are linear along each axis, so their product is applied
//! instead: at most three neighbouring low-res samples contribute to an output sample. The
//! second step's clamp at the crop's edge is part of the product. Equal to the two steps up to
//! f32 rounding.

use std::ops::Range;

use samkit_core::LOW_RES_SIDE;

use crate::cpu::Isa;
use crate::cpu::rows::{TAPS, blend, spread};

/// The product of the two steps along one axis: for every output sample the first contributing
/// low-res sample and the weights of it and its two neighbours.
pub(crate) struct Axis {
    taps: Vec<(usize, [f32; TAPS])>,
}

impl Axis {
    /// `low` samples → `padded` samples, of which the first `cropped` are kept → `out` samples.
    pub(crate) fn new(low: usize, padded: usize, cropped: usize, out: usize) -> Self {
        let taps = (0..out).map(|i| {
            let (outer, outer_weight) = bilinear_source(i, cropped, out);
            // The last low-res samples stand in for neighbours beyond the end.
            let first = bilinear_source(outer[0], low, padded).0[0].min(low.saturating_sub(TAPS));
            let mut weights = [0.0; TAPS];
            for (j, wj) in outer.into_iter().zip(outer_weight) {
                let (inner, inner_weight) = bilinear_source(j, low, padded);
                for (k, wk) in inner.into_iter().zip(inner_weight) {
                    weights[k - first] += wj * wk;
                }
            }
            (first, weights)
        });
        Self { taps: taps.collect() }
    }

    /// All output samples.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.taps.len()
    }

    /// First contributing low-res sample and weights of the given output samples.
    pub(crate) fn taps(&self, out: &Range<usize>) -> &[(usize, [f32; TAPS])] {
        &self.taps[out.clone()]
    }

    /// Neighbouring output samples with the same first contributing low-res sample.
    pub(crate) fn groups(&self, out: Range<usize>) -> Vec<(usize, Range<usize>)> {
        let mut start = out.start;
        let same = self.taps[out].chunk_by(|a, b| a.0 == b.0);
        let group = |taps: &[(usize, [f32; TAPS])]| {
            let group = (taps[0].0, start..start + taps.len());
            start += taps.len();
            group
        };
        same.map(group).collect()
    }

    /// Low-res samples that the given output samples need.
    pub(crate) fn needed(&self, out: &Range<usize>) -> Range<usize> {
        let taps = &self.taps[out.clone()];
        taps.first().map_or(0, |t| t.0)..taps.last().map_or(0, |t| t.0 + TAPS)
    }

    /// Output samples that a low-res sample in `low` contributes to.
    fn reached(&self, low: &Range<usize>) -> Range<usize> {
        let start = self.taps.partition_point(|(first, _)| first + TAPS <= low.start);
        start..self.taps.partition_point(|(first, _)| *first < low.end).max(start)
    }
}

/// The part of the output whose samples can exceed `floor`: an output sample is a mean of its
/// low-res samples, so elsewhere none can.
pub(crate) fn window_above(
    low: &[f32],
    x: &Axis,
    y: &Axis,
    floor: f32,
) -> (Range<usize>, Range<usize>) {
    // The weights sum to 1 up to rounding.
    let floor = floor - 1e-5 * floor.abs();
    let (columns, rows) = (x.needed(&x.all()), y.needed(&y.all()));
    let (mut low_x, mut low_y) = (columns.end..columns.start, rows.end..rows.start);
    for (r, line) in low.chunks_exact(LOW_RES_SIDE).enumerate().take(rows.end) {
        let line = &line[columns.clone()];
        let Some(first) = line.iter().position(|&v| v > floor) else { continue };
        let last = line.iter().rposition(|&v| v > floor).unwrap_or(first);
        low_x = low_x.start.min(columns.start + first)..low_x.end.max(columns.start + last + 1);
        low_y = low_y.start.min(r)..r + 1;
    }
    if low_x.is_empty() { (0..0, 0..0) } else { (x.reached(&low_x), y.reached(&low_y)) }
}

/// The two source samples of output sample `i` and their weights, for a bilinear resize of `from`
/// samples to `to` (PyTorch's `interpolate`, `align_corners=False`, in f32 as there).
fn bilinear_source(i: usize, from: usize, to: usize) -> ([usize; 2], [f32; 2]) {
    let scale = from as f32 / to as f32;
    let position = ((i as f32 + 0.5) * scale - 0.5).max(0.0);
    let first = (position as usize).min(from - 1);
    let second = (first + 1).min(from - 1);
    let fraction = position - first as f32;
    ([first, second], [1.0 - fraction, fraction])
}

/// Resamples a square of low-res samples along `x` and `y`, computes the given columns and rows of
/// the output, and hands over the rows in order.
pub(crate) fn upsample_rows(
    low: &[f32],
    (x, y): (&Axis, &Axis),
    (columns, rows): (Range<usize>, Range<usize>),
    mut row: impl FnMut(usize, &[f32]),
) {
    let isa = Isa::best();
    let needed = y.needed(&rows);
    let width = columns.len();
    let mut wide = vec![0.0; needed.len() * width];
    let sources = low.chunks_exact(LOW_RES_SIDE).skip(needed.start);
    for (source, wide) in sources.zip(wide.chunks_exact_mut(width.max(1))) {
        spread(isa, source, &x.taps[columns.clone()], wide);
    }
    let mut values = vec![0.0; width];
    for index in rows {
        let (first, weights) = y.taps[index];
        let line = |i: usize| &wide[(first - needed.start + i) * width..][..width];
        blend(isa, [line(0), line(1), line(2)], weights, &mut values);
        row(index, &values);
    }
}

/// Resamples a square of low-res samples along `x` and `y`; row by row.
pub(crate) fn upsample(low: &[f32], x: &Axis, y: &Axis) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.taps.len() * y.taps.len());
    upsample_rows(low, (x, y), (x.all(), y.all()), |_, values| out.extend_from_slice(values));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_window_exceeds_the_floor() {
        let mut low = vec![-3.0f32; LOW_RES_SIDE * LOW_RES_SIDE];
        for (y, x) in [(20, 30), (21, 30), (40, 90), (170, 255)] {
            low[y * LOW_RES_SIDE + x] = 4.0;
        }
        for image in [(481, 321), (60, 40), (1800, 1200)] {
            let (x, y) = (Axis::new(256, 1024, 1024, image.0), Axis::new(256, 1024, 683, image.1));
            let full = upsample(&low, &x, &y);
            let (columns, rows) = window_above(&low, &x, &y, -1.0);
            assert!(!columns.is_empty() && !rows.is_empty());
            for (index, &value) in full.iter().enumerate() {
                let is_inside =
                    columns.contains(&(index % image.0)) && rows.contains(&(index / image.0));
                assert!(is_inside || value <= -1.0);
            }
            let mut part = Vec::new();
            upsample_rows(&low, (&x, &y), (columns.clone(), rows.clone()), |_, v| {
                part.extend_from_slice(v);
            });
            let expected = rows.flat_map(|r| &full[r * image.0..][columns.clone()]).copied();
            assert_eq!(part, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_empty_mask_has_an_empty_window() {
        let low = vec![-3.0f32; LOW_RES_SIDE * LOW_RES_SIDE];
        let axis = Axis::new(256, 1024, 1024, 100);
        assert_eq!(window_above(&low, &axis, &axis, 0.0), (0..0, 0..0));
    }

    /// One bilinear step along both axes of a `from`×`from_rows` image, as the reference does it.
    fn one_step(src: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
        let mut out = Vec::new();
        for y in 0..to.1 {
            let (rows, wy) = bilinear_source(y, from.1, to.1);
            for x in 0..to.0 {
                let (columns, wx) = bilinear_source(x, from.0, to.0);
                let at = |r: usize, c: usize| src[rows[r] * from.0 + columns[c]];
                out.push(
                    wy[0] * (wx[0] * at(0, 0) + wx[1] * at(0, 1))
                        + wy[1] * (wx[0] * at(1, 0) + wx[1] * at(1, 1)),
                );
            }
        }
        out
    }

    #[test]
    fn one_pass_equals_the_two_steps() {
        let side = samkit_core::LOW_RES_SIDE;
        let low: Vec<f32> =
            (0..side * side).map(|i| ((i * 7919 + i / 255) % 509) as f32 / 25.0 - 10.0).collect();
        for (input, image) in [
            ((1024, 683), (481, 321)),
            ((683, 1024), (1200, 1800)),
            ((1024, 1), (4000, 1)),
            ((1024, 1024), (1, 1)),
            ((3, 1024), (2, 700)),
        ] {
            let padded = one_step(&low, (side, side), (1024, 1024));
            let cropped: Vec<f32> =
                padded.chunks(1024).take(input.1).flat_map(|row| row[..input.0].to_vec()).collect();
            let expected = one_step(&cropped, input, image);
            let got = upsample(
                &low,
                &Axis::new(side, 1024, input.0, image.0),
                &Axis::new(side, 1024, input.1, image.1),
            );
            let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Logits up to 10 in size: a few f32 roundings.
            assert!(worst < 1e-5 * 10.0, "{input:?} → {image:?}: {worst}");
        }
    }
}
