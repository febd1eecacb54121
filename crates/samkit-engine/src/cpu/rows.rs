//! Row passes of the way from low-res logits to image pixels.

use super::isa::{fma, for_each_isa};

/// Samples that contribute to an output sample.
pub(crate) const TAPS: usize = 3;

for_each_isa! {
    /// `out[i] = Σ_t weights[i][t] · source[first[i] + t]`.
    pub(crate) fn spread(source: &[f32], taps: &[(usize, [f32; TAPS])], out: &mut [f32]) {
        for (out, &(first, [a, b, c])) in out.iter_mut().zip(taps) {
            if let [x, y, z] = source[first..first + TAPS] {
                *out = fma::<FMA>(a, x, fma::<FMA>(b, y, c * z));
            }
        }
    }
}

for_each_isa! {
    /// `out = Σ_t weights[t] · lines[t]`.
    pub(crate) fn blend(lines: [&[f32]; TAPS], weights: [f32; TAPS], out: &mut [f32]) {
        let [x, y, z] = lines;
        let [a, b, c] = weights;
        for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
            *out = fma::<FMA>(a, x, fma::<FMA>(b, y, c * z));
        }
    }
}

for_each_isa! {
    /// Smallest and largest of the three lines at every place.
    pub(crate) fn bounds(lines: [&[f32]; TAPS], least: &mut [f32], most: &mut [f32]) {
        let _ = FMA;
        let [x, y, z] = lines;
        let lines = x.iter().zip(y).zip(z);
        for ((least, most), ((&x, &y), &z)) in least.iter_mut().zip(most).zip(lines) {
            let (low, high) = if x < y { (x, y) } else { (y, x) };
            *least = if z < low { z } else { low };
            *most = if z > high { z } else { high };
        }
    }
}

for_each_isa! {
    /// Adds to `counts` how many values exceed each threshold.
    pub(crate) fn count_above(values: &[f32], thresholds: [f32; 3], counts: &mut [u32; 3]) {
        let _ = FMA;
        let mut found = [0u32; 3];
        for &value in values {
            for (found, &threshold) in found.iter_mut().zip(&thresholds) {
                *found += u32::from(value > threshold);
            }
        }
        for (count, found) in counts.iter_mut().zip(found) {
            *count += found;
        }
    }
}
