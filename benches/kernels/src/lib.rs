//! What the benches of samkit's kernels share.
//!
//! `cargo bench -p samkit-kernel-benches` runs all of them; `--bench products` the matrix products
//! against the crate `gemm`, `--bench passes` passes over rows and convolutions, `--bench networks`
//! attention, the image encoder and the mask decoder. A word after `--` chooses some by name. Every
//! bench runs on each instruction set of the machine and ends with a line of ratios.

use std::path::PathBuf;

mod comparison;
mod peer;

pub use comparison::{Comparison, Work};
pub use peer::gemm_product;

/// `n` values from −1 to 1, always the same.
pub fn noise(n: usize) -> Vec<f32> {
    let value = |i: usize| {
        let mixed = (i as u32 ^ 0x9e37).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(value).collect()
}

/// MobileSAM's weights, where this machine has them.
pub fn weights() -> Option<PathBuf> {
    samkit_models::testing::local_or_skip("mobile-sam")
}
