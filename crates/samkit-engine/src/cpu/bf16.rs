//! Matrix products of factors rounded to bfloat16, with sums in f32, as AVX-512 BF16 has them.
//!
//! On a machine without these instructions the same products come from plain loops: that is for
//! tests of what the rounding does to results, not for speed.

use std::cell::RefCell;

use super::isa::{Isa, for_each_isa};

/// Columns of a panel.
const WIDTH: usize = 32;
/// Most rows that a kernel takes at once.
const ROWS: usize = 8;

/// Two neighbours along the depth; the first is in the lower half.
type Pair = u32;

/// The bits of the bfloat16 that is nearest to `x`, ties to even.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16
}

#[inline(always)]
fn pair(first: f32, second: f32) -> Pair {
    rounded(first) | rounded(second) << 16
}

/// A matrix of `depth` rows and `columns` columns, rounded and cut into panels of 32 columns.
pub(crate) struct PackedBf16 {
    /// Panels of (pairs of rows, 32), filled up with zeros.
    data: Vec<Pair>,
    depth: usize,
    columns: usize,
}

impl PackedBf16 {
    /// Packs the matrix whose element (k, j) is `element(k, j)`.
    pub(crate) fn new(depth: usize, columns: usize, element: impl Fn(usize, usize) -> f32) -> Self {
        let at = |k, j| if k < depth && j < columns { element(k, j) } else { 0.0 };
        let at = &at;
        let panels = (0..columns).step_by(WIDTH).flat_map(|start| {
            (0..depth).step_by(2).flat_map(move |k| {
                (start..start + WIDTH).map(move |j| pair(at(k, j), at(k + 1, j)))
            })
        });
        Self { data: panels.collect(), depth, columns }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// Whether this machine has the instructions.
fn is_native() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        static NATIVE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *NATIVE.get_or_init(|| {
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
        })
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `out = x · B`: rows of `x` and `out` lie close.
pub(crate) fn product(isa: Isa, x: &[f32], b: &PackedBf16, out: &mut [f32]) {
    let kernel = if isa == Isa::Avx512 && is_native() { native } else { plain_kernel };
    product_by(isa, x, b, out, kernel);
}

type Kernel = fn(Isa, Tile<'_>, &mut [f32]);

fn product_by(isa: Isa, x: &[f32], b: &PackedBf16, out: &mut [f32], kernel: Kernel) {
    let (count, pairs) = (x.len() / b.depth, b.depth.div_ceil(2));
    assert_eq!(out.len(), count * b.columns);
    ROUNDED.with_borrow_mut(|a| {
        if a.len() < count * pairs {
            a.resize(count * pairs, 0);
        }
        let a = &mut a[..count * pairs];
        pair_rows(isa, x, b.depth, a);
        panels(isa, a, b, out, kernel);
    });
}

thread_local! {
    /// The rounded rows of a product, kept from one to the next.
    static ROUNDED: RefCell<Vec<Pair>> = const { RefCell::new(Vec::new()) };
}

fn panels(isa: Isa, a: &[Pair], b: &PackedBf16, out: &mut [f32], kernel: Kernel) {
    let pairs = b.depth.div_ceil(2);
    for (panel, b_panel) in b.data.chunks_exact(pairs * WIDTH).enumerate() {
        let start = panel * WIDTH;
        let valid = WIDTH.min(b.columns - start);
        for (block, a) in a.chunks(ROWS * pairs).enumerate() {
            let rows = a.len() / pairs;
            let out = &mut out[block * ROWS * b.columns + start..];
            if valid == WIDTH {
                kernel(isa, Tile { a, b: b_panel, pairs, stride: b.columns }, out);
                continue;
            }
            let mut tile = [0.0; ROWS * WIDTH];
            kernel(isa, Tile { a, b: b_panel, pairs, stride: WIDTH }, &mut tile);
            for (i, row) in tile.chunks_exact(WIDTH).take(rows).enumerate() {
                out[i * b.columns..][..valid].copy_from_slice(&row[..valid]);
            }
        }
    }
}

/// At most eight rows of `A` (rows, pairs) and a panel of `B` (pairs, 32); rows of the result are
/// `stride` apart.
#[derive(Clone, Copy)]
struct Tile<'a> {
    a: &'a [Pair],
    b: &'a [Pair],
    pairs: usize,
    stride: usize,
}

for_each_isa! {
    /// Rows of `depth` values, rounded and paired; an odd last value is paired with zero.
    fn pair_rows(x: &[f32], depth: usize, out: &mut [Pair]) {
        let _ = FMA;
        for (row, out) in x.chunks_exact(depth).zip(out.chunks_exact_mut(depth.div_ceil(2))) {
            let values = row.chunks_exact(2);
            if let (&[last], Some(out)) = (values.remainder(), out.last_mut()) {
                *out = pair(last, 0.0);
            }
            for (values, out) in values.zip(out) {
                *out = pair(values[0], values[1]);
            }
        }
    }
}

for_each_isa! {
    /// The plain form of the kernel.
    fn plain(tile: Tile<'_>, out: &mut [f32]) {
        let _ = FMA;
        let low = |pair: Pair| f32::from_bits(pair << 16);
        let high = |pair: Pair| f32::from_bits(pair & 0xffff_0000);
        for (i, a) in tile.a.chunks_exact(tile.pairs).enumerate() {
            let mut sums = [0.0f32; WIDTH];
            for (&a, b) in a.iter().zip(tile.b.chunks_exact(WIDTH)) {
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum += low(a) * low(b) + high(a) * high(b);
                }
            }
            out[i * tile.stride..][..WIDTH].copy_from_slice(&sums);
        }
    }
}

fn plain_kernel(isa: Isa, tile: Tile<'_>, out: &mut [f32]) {
    plain(isa, tile, out);
}

/// The kernel in AVX-512 BF16; only to be called where [`is_native`].
fn native(isa: Isa, tile: Tile<'_>, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        let rows = tile.a.len() / tile.pairs;
        assert!(is_native() && tile.pairs > 0 && tile.b.len() >= tile.pairs * WIDTH);
        assert!(rows > 0 && out.len() >= (rows - 1) * tile.stride + WIDTH);
        // SAFETY: the instructions are there, and the slices as long as the kernel needs.
        unsafe {
            match rows {
                1 => x86::rows::<1>(tile, out),
                2 => x86::rows::<2>(tile, out),
                3 => x86::rows::<3>(tile, out),
                4 => x86::rows::<4>(tile, out),
                5 => x86::rows::<5>(tile, out),
                6 => x86::rows::<6>(tile, out),
                7 => x86::rows::<7>(tile, out),
                _ => x86::rows::<8>(tile, out),
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain(isa, tile, out);
    #[cfg(target_arch = "x86_64")]
    let _ = isa;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{Tile, WIDTH};

    /// # Safety
    /// `tile.a` has `M` rows of `pairs`, `tile.b` has `pairs` rows of 32 and `out` has `M` rows of
    /// 32 that are `stride` apart.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) unsafe fn rows<const M: usize>(tile: Tile<'_>, out: &mut [f32]) {
        // SAFETY: every offset stays within the bounds that the caller guarantees; `__m512i` and
        // `__m512bh` are the same 512 bits.
        unsafe {
            let (a, b) = (tile.a.as_ptr(), tile.b.as_ptr());
            let mut sums = [[_mm512_setzero_ps(); 2]; M];
            for k in 0..tile.pairs {
                let load = |at: usize| -> __m512bh {
                    transmute(_mm512_loadu_si512(b.add(k * WIDTH + at).cast()))
                };
                let (b0, b1) = (load(0), load(16));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_epi32((*a.add(i * tile.pairs + k)).cast_signed());
                    let value: __m512bh = transmute(value);
                    sums[0] = _mm512_dpbf16_ps(sums[0], value, b0);
                    sums[1] = _mm512_dpbf16_ps(sums[1], value, b1);
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                let out = out.as_mut_ptr().add(i * tile.stride);
                _mm512_storeu_ps(out, sums[0]);
                _mm512_storeu_ps(out.add(16), sums[1]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::noise;

    #[test]
    fn rounding_goes_to_the_nearest_and_ties_to_even() {
        let check = |x: f32, bits: u32| assert_eq!(rounded(x), bits, "{x}");
        check(1.0, 0x3f80);
        check(-2.5, 0xc020);
        // Halfway between 1 and the next bfloat16, and between that one and the next.
        check(1.0 + 1.0 / 256.0, 0x3f80);
        check(1.0 + 3.0 / 256.0, 0x3f82);
        check(1.0 + 1.1 / 256.0, 0x3f81);
    }

    #[test]
    fn products_equal_the_sum_of_rounded_factors_on_every_instruction_set() {
        let value = |x: f32| f64::from(f32::from_bits(rounded(x) << 16));
        let mut kernels: Vec<Kernel> = vec![plain_kernel];
        if is_native() {
            kernels.push(native);
        } else {
            eprintln!("this machine has no AVX-512 BF16: only the plain form is tested");
        }
        let shapes = [(1, 1, 1), (3, 5, 7), (8, 32, 32), (13, 17, 33), (9, 256, 64), (31, 3, 100)];
        for isa in Isa::available() {
            for (rows, depth, columns) in shapes {
                let (x, b) = (noise(rows * depth, 1), noise(depth * columns, 2));
                let packed = PackedBf16::new(depth, columns, |k, j| b[k * columns + j]);
                for kernel in &kernels {
                    let mut out = vec![f32::NAN; rows * columns];
                    product_by(isa, &x, &packed, &mut out, *kernel);
                    for (index, &got) in out.iter().enumerate() {
                        let (i, j) = (index / columns, index % columns);
                        let expected: f64 = (0..depth)
                            .map(|k| value(x[i * depth + k]) * value(b[k * columns + j]))
                            .sum();
                        // 256 products of values up to 1.
                        let error = (f64::from(got) - expected).abs();
                        assert!(error < 2e-5, "{isa:?} {rows}×{depth}×{columns}: {error:e}");
                    }
                }
            }
        }
    }
}
