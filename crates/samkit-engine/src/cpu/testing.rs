//! What the tests of several kernels share.

/// `n` values from −1 to 1 that look random and never change.
pub(crate) fn noise(n: usize, seed: u32) -> Vec<f32> {
    let value = |i: usize| {
        let v = (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
        let v = (v ^ (v >> 15)).wrapping_mul(2_246_822_519);
        (v >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(value).collect()
}
