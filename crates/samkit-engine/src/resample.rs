//! Bilinear resampling of low-res logits to the original image, in one pass.
//!
//! The reference resamples twice (256 → 1024, crop the padding, → original), each time bilinear
//! with `align_corners=False`. Both steps are linear along each axis, so their product is applied
//! instead: at most three neighbouring low-res samples contribute to an output sample. The
//! second step's clamp at the crop's edge is part of the product. Equal to the two steps up to
//! f32 rounding.

/// Samples that contribute to an output sample.
const TAPS: usize = 3;

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

    /// One past the last low-res sample that any output sample needs.
    fn needed(&self) -> usize {
        self.taps.iter().map(|(first, _)| first + TAPS).max().unwrap_or(0)
    }
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

/// Resamples a square of low-res samples along `x` and `y` and hands over the rows in order.
pub(crate) fn upsample_rows(low: &[f32], x: &Axis, y: &Axis, mut row: impl FnMut(usize, &[f32])) {
    let side = samkit_core::LOW_RES_SIDE;
    let width = x.taps.len();
    let mut wide = vec![0.0; y.needed() * width];
    for (source, wide) in low.chunks_exact(side).zip(wide.chunks_exact_mut(width)) {
        for (value, &(first, [a, b, c])) in wide.iter_mut().zip(&x.taps) {
            let s = &source[first..first + TAPS];
            *value = a * s[0] + b * s[1] + c * s[2];
        }
    }
    let mut values = vec![0.0; width];
    for (index, &(first, [a, b, c])) in y.taps.iter().enumerate() {
        let line = |i: usize| &wide[(first + i) * width..(first + i + 1) * width];
        for (((value, s0), s1), s2) in values.iter_mut().zip(line(0)).zip(line(1)).zip(line(2)) {
            *value = a * s0 + b * s1 + c * s2;
        }
        row(index, &values);
    }
}

/// Resamples a square of low-res samples along `x` and `y`; row by row.
pub(crate) fn upsample(low: &[f32], x: &Axis, y: &Axis) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.taps.len() * y.taps.len());
    upsample_rows(low, x, y, |_, values| out.extend_from_slice(values));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
