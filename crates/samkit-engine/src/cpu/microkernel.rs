//! The innermost loops of a matrix product: a few rows times one panel of columns, with the sums
//! in registers.

/// A few rows of `A` (element (i, k) at `i · row + k · column`).
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// One panel of `B`: `depth` rows of the panel's width, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) stride: usize,
}

/// Where the sums go: rows of `C`, `stride` apart.
pub(crate) struct Sums<'a> {
    pub(crate) data: &'a mut [f32],
    pub(crate) stride: usize,
    /// Whether to add to what is there.
    pub(crate) accumulate: bool,
}

/// Panics unless `M` rows of `A`, a panel of `width` and `M` rows of `C` lie inside their slices.
fn check(m: usize, width: usize, depth: usize, a: &Rows<'_>, b: &Panel<'_>, c: &Sums<'_>) {
    assert!(depth > 0 && m > 0);
    assert!(a.data.len() > (m - 1) * a.row + (depth - 1) * a.column);
    assert!(b.data.len() >= (depth - 1) * b.stride + width);
    assert!(c.data.len() >= (m - 1) * c.stride + width);
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use std::arch::x86_64::*;

    use super::{Panel, Rows, Sums, check};

    /// `M` rows times a panel of 32 columns.
    #[target_feature(enable = "avx512f")]
    pub(crate) fn avx512<const M: usize>(depth: usize, a: Rows<'_>, b: Panel<'_>, c: Sums<'_>) {
        check(M, 32, depth, &a, &b, &c);
        // SAFETY: every offset below stays within the bounds that `check` has asserted.
        unsafe {
            let out = c.data.as_mut_ptr();
            let mut sums = [[_mm512_setzero_ps(); 2]; M];
            if c.accumulate {
                for (i, sums) in sums.iter_mut().enumerate() {
                    sums[0] = _mm512_loadu_ps(out.add(i * c.stride));
                    sums[1] = _mm512_loadu_ps(out.add(i * c.stride + 16));
                }
            }
            let (mut a_k, mut b_k) = (a.data.as_ptr(), b.data.as_ptr());
            for _ in 0..depth {
                let (b0, b1) = (_mm512_loadu_ps(b_k), _mm512_loadu_ps(b_k.add(16)));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_ps(*a_k.wrapping_add(i * a.row));
                    sums[0] = _mm512_fmadd_ps(value, b0, sums[0]);
                    sums[1] = _mm512_fmadd_ps(value, b1, sums[1]);
                }
                a_k = a_k.wrapping_add(a.column);
                b_k = b_k.wrapping_add(b.stride);
            }
            for (i, sums) in sums.iter().enumerate() {
                _mm512_storeu_ps(out.add(i * c.stride), sums[0]);
                _mm512_storeu_ps(out.add(i * c.stride + 16), sums[1]);
            }
        }
    }

    /// `M` rows times a panel of 16 columns.
    #[target_feature(enable = "avx2,fma")]
    pub(crate) fn avx2<const M: usize>(depth: usize, a: Rows<'_>, b: Panel<'_>, c: Sums<'_>) {
        check(M, 16, depth, &a, &b, &c);
        // SAFETY: every offset below stays within the bounds that `check` has asserted.
        unsafe {
            let out = c.data.as_mut_ptr();
            let mut sums = [[_mm256_setzero_ps(); 2]; M];
            if c.accumulate {
                for (i, sums) in sums.iter_mut().enumerate() {
                    sums[0] = _mm256_loadu_ps(out.add(i * c.stride));
                    sums[1] = _mm256_loadu_ps(out.add(i * c.stride + 8));
                }
            }
            let (mut a_k, mut b_k) = (a.data.as_ptr(), b.data.as_ptr());
            for _ in 0..depth {
                let (b0, b1) = (_mm256_loadu_ps(b_k), _mm256_loadu_ps(b_k.add(8)));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let value = _mm256_set1_ps(*a_k.wrapping_add(i * a.row));
                    sums[0] = _mm256_fmadd_ps(value, b0, sums[0]);
                    sums[1] = _mm256_fmadd_ps(value, b1, sums[1]);
                }
                a_k = a_k.wrapping_add(a.column);
                b_k = b_k.wrapping_add(b.stride);
            }
            for (i, sums) in sums.iter().enumerate() {
                _mm256_storeu_ps(out.add(i * c.stride), sums[0]);
                _mm256_storeu_ps(out.add(i * c.stride + 8), sums[1]);
            }
        }
    }
}

/// `M` rows times a panel of 8 columns, in portable Rust.
pub(crate) fn portable<const M: usize>(depth: usize, a: Rows<'_>, b: Panel<'_>, c: Sums<'_>) {
    const WIDTH: usize = 8;
    check(M, WIDTH, depth, &a, &b, &c);
    let mut sums = [[0.0f32; WIDTH]; M];
    if c.accumulate {
        for (i, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(&c.data[i * c.stride..i * c.stride + WIDTH]);
        }
    }
    for k in 0..depth {
        let b = &b.data[k * b.stride..k * b.stride + WIDTH];
        for (i, sums) in sums.iter_mut().enumerate() {
            let value = a.data[i * a.row + k * a.column];
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum += value * b;
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        c.data[i * c.stride..i * c.stride + WIDTH].copy_from_slice(sums);
    }
}
