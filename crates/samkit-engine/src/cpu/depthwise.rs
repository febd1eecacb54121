//! The innermost loops of a depthwise 3×3 convolution: a few neighbouring pixels, all channels.

use super::isa::Isa;

/// Output pixels that share the values and weights in registers.
pub(crate) const PIXELS: usize = 4;

/// Source columns that `PIXELS` output pixels see, at the larger stride.
const MAX_COLUMNS: usize = 2 * (PIXELS - 1) + 3;

/// Where the sources of a few output pixels lie.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The pixel in column c of line l is `columns[c][l]`, channel by channel.
    columns: [[&'a [f32]; 3]; MAX_COLUMNS],
    stride: usize,
}

impl<'a> Window<'a> {
    /// The window whose pixel in column `c` of line `l` is `pixel(c, l)`; `stride` is 1 or 2.
    pub(crate) fn new(stride: usize, pixel: impl Fn(usize, usize) -> &'a [f32]) -> Self {
        assert!(stride == 1 || stride == 2);
        let columns = std::array::from_fn(|column| {
            let is_seen = column < stride * (PIXELS - 1) + 3;
            std::array::from_fn(|line| if is_seen { pixel(column, line) } else { &[] })
        });
        Self { columns, stride }
    }

    fn check(&self, channels: usize) {
        let seen = &self.columns[..self.stride * (PIXELS - 1) + 3];
        assert!(seen.iter().flatten().all(|pixel| pixel.len() >= channels));
    }
}

/// `out` (`PIXELS`, channels) = Σ over the nine taps of `weight` (9, channels) times the source.
pub(crate) fn depthwise(isa: Isa, window: &Window<'_>, weight: &[f32], out: &mut [f32]) {
    let channels = weight.len() / 9;
    assert_eq!(out.len(), PIXELS * channels);
    window.check(channels);
    let done = match isa {
        // SAFETY: `Isa::available` found the features before handing out the value; the lengths
        // that the kernels rely on have just been checked.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe {
            match window.stride {
                1 => x86::avx512::<1>(window, weight, channels, out),
                _ => x86::avx512::<2>(window, weight, channels, out),
            }
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe {
            match window.stride {
                1 => x86::avx2::<1>(window, weight, channels, out),
                _ => x86::avx2::<2>(window, weight, channels, out),
            }
        },
        _ => 0,
    };
    portable(window, weight, channels, done, out);
}

/// Channels from `first` on, in portable Rust.
fn portable(window: &Window<'_>, weight: &[f32], channels: usize, first: usize, out: &mut [f32]) {
    for (pixel, out) in out.chunks_exact_mut(channels).enumerate() {
        let out = &mut out[first..];
        out.fill(0.0);
        for tap in 0..9 {
            let source = &window.columns[pixel * window.stride + tap % 3][tap / 3][first..channels];
            let weight = &weight[tap * channels + first..(tap + 1) * channels];
            for ((out, &value), &weight) in out.iter_mut().zip(source).zip(weight) {
                *out += value * weight;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{PIXELS, Window};

    /// A kernel for registers of `$lanes` channels; returns the number of channels that it did,
    /// all but those that do not fill a register.
    macro_rules! kernel {
        ($name:ident, $features:literal, $lanes:literal, $zero:ident, $load:ident, $fma:ident, $store:ident) => {
            /// # Safety
            /// Every pixel of the window has `channels` values, `weight` has 9 · `channels` and
            /// `out` has `PIXELS` · `channels`.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name<const STRIDE: usize>(
                window: &Window<'_>,
                weight: &[f32],
                channels: usize,
                out: &mut [f32],
            ) -> usize {
                let whole = channels / $lanes * $lanes;
                // SAFETY: offsets stay below `channels` of slices whose lengths the caller has
                // checked.
                unsafe {
                    for start in (0..whole).step_by($lanes) {
                        let mut sums = [$zero(); PIXELS];
                        for line in 0..3 {
                            let weights: [_; 3] = std::array::from_fn(|tap| {
                                $load(weight.as_ptr().add((line * 3 + tap) * channels + start))
                            });
                            for column in 0..STRIDE * (PIXELS - 1) + 3 {
                                let source = window.columns[column][line].as_ptr();
                                let value = $load(source.add(start));
                                for (pixel, sum) in sums.iter_mut().enumerate() {
                                    let first = pixel * STRIDE;
                                    if (first..first + 3).contains(&column) {
                                        *sum = $fma(value, weights[column - first], *sum);
                                    }
                                }
                            }
                        }
                        for (pixel, &sum) in sums.iter().enumerate() {
                            $store(out.as_mut_ptr().add(pixel * channels + start), sum);
                        }
                    }
                }
                whole
            }
        };
    }

    kernel!(
        avx512,
        "avx512f",
        16,
        _mm512_setzero_ps,
        _mm512_loadu_ps,
        _mm512_fmadd_ps,
        _mm512_storeu_ps
    );
    kernel!(
        avx2,
        "avx2,fma",
        8,
        _mm256_setzero_ps,
        _mm256_loadu_ps,
        _mm256_fmadd_ps,
        _mm256_storeu_ps
    );
}
