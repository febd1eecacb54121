//! Matrix products with weights that are too deep for the first-level cache.
//!
//! A panel of the weights goes through the cache in pieces of [`DEPTH`] rows, each of which meets all
//! rows of the block before the next one comes; that is asked for meanwhile, since weights lie far
//! away. Sums are carried on where they were left, so the result is that of
//! [`gemm`](super::super::gemm::gemm) to the bit.

use super::super::gemm::{MAX_ROWS, microkernel, partial};
use super::super::isa::Isa;
use super::super::microkernel::{Panel, Rows, Sums};

/// Rows of a panel that are in the first-level cache at a time: 24 KiB with the widest panels.
const DEPTH: usize = 192;
/// Values in a line of the caches.
const LINE: usize = 16;

/// A matrix of `depth` rows and `columns` columns, in panels that are filled up with zeros.
pub(crate) struct Matrix {
    isa: Isa,
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

impl Matrix {
    /// Packs the matrix whose element (k, j) is `element(k, j)`.
    pub(crate) fn new(
        isa: Isa,
        depth: usize,
        columns: usize,
        element: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let width = isa.width();
        let mut data = vec![0.0; columns.div_ceil(width) * width * depth];
        for (index, panel) in data.chunks_exact_mut(width * depth).enumerate() {
            let start = index * width;
            for j in 0..width.min(columns - start) {
                for (k, row) in panel.chunks_exact_mut(width).enumerate() {
                    row[j] = element(k, start + j);
                }
            }
        }
        Self { isa, data, depth, columns }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// `out = a · self` for `rows` rows of `a`, on this thread; rows of `out` are `stride` apart.
    pub(crate) fn product(&self, rows: usize, a: Rows<'_>, out: &mut [f32], stride: usize) {
        let width = self.isa.width();
        for (index, panel) in self.data.chunks_exact(width * self.depth).enumerate() {
            let start = index * width;
            let valid = width.min(self.columns - start);
            let out = &mut out[start..];
            if valid == width {
                for first in (0..self.depth).step_by(DEPTH) {
                    let depth = DEPTH.min(self.depth - first);
                    let panel = Panel { data: &panel[first * width..], stride: width };
                    let a = Rows { data: &a.data[first * a.column..], ..a };
                    let next = &self.data[(index * self.depth + first + depth) * width..];
                    let next = &next[..next.len().min(DEPTH * width)];
                    self.tiles(rows, |i, step| {
                        prefetch(&next[next.len() * i / rows..next.len() * (i + step) / rows]);
                        let a = Rows { data: &a.data[i * a.row..], ..a };
                        let out = &mut out[i * stride..];
                        let sums = Sums { data: out, stride, accumulate: first > 0 };
                        microkernel(self.isa, step, depth, a, panel, sums);
                    });
                }
            } else {
                let panel = Panel { data: panel, stride: width };
                self.tiles(rows, |i, step| {
                    let a = Rows { data: &a.data[i * a.row..], ..a };
                    let sums = Sums { data: &mut out[i * stride..], stride, accumulate: false };
                    partial(self.isa, step, self.depth, a, panel, sums, valid);
                });
            }
        }
    }

    /// Calls `work(first, count)` for runs of rows that the micro-kernel takes at once.
    fn tiles(&self, rows: usize, mut work: impl FnMut(usize, usize)) {
        let mut i = 0;
        while i < rows {
            let fits = |&step: &usize| step <= self.isa.rows() && step <= rows - i;
            let step = [MAX_ROWS, 6, 4, 2, 1].into_iter().find(fits).unwrap_or(1);
            work(i, step);
            i += step;
        }
    }
}

/// Asks for values that are needed soon.
#[inline(always)]
fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing, about memory that `values` borrows.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, LINE);
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::noise;
    use super::*;

    #[test]
    fn deep_products_equal_the_plain_sum_on_every_instruction_set() {
        for isa in Isa::available() {
            for (rows, depth, columns) in [(1, 1, 1), (9, 255, 32), (13, 257, 70), (21, 700, 33)] {
                let (a, b) = (noise(rows * depth, 1), noise(depth * columns, 2));
                let matrix = Matrix::new(isa, depth, columns, |k, j| b[k * columns + j]);
                let stride = columns + 3;
                let mut out = vec![7.0; rows * stride];
                let a_rows = Rows { data: &a, row: depth, column: 1 };
                matrix.product(rows, a_rows, &mut out, stride);
                for (index, &got) in out.iter().enumerate() {
                    let (i, j) = (index / stride, index % stride);
                    if j >= columns {
                        assert_eq!(got, 7.0, "{isa:?}: written outside the result");
                        continue;
                    }
                    let term =
                        |k: usize| f64::from(a[i * depth + k]) * f64::from(b[k * columns + j]);
                    let sum: f64 = (0..depth).map(term).sum();
                    // Some 700 products of values up to 1.
                    assert!(
                        (f64::from(got) - sum).abs() < 5e-5,
                        "{isa:?} {rows}×{depth}×{columns}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_is_the_same_to_the_bit_whatever_rows_are_beside_it() {
        let (depth, columns) = (600, 40);
        let (a, b) = (noise(21 * depth, 3), noise(columns * depth, 4));
        for isa in Isa::available() {
            let matrix = Matrix::new(isa, depth, columns, |k, j| b[j * depth + k]);
            let product = |rows: usize, a: &[f32]| {
                let mut out = vec![0.0; rows * columns];
                matrix.product(rows, Rows { data: a, row: depth, column: 1 }, &mut out, columns);
                out
            };
            let together = product(21, &a);
            for (a, together) in a.chunks_exact(depth).zip(together.chunks_exact(columns)) {
                assert_eq!(product(1, a), together, "{isa:?}");
            }
        }
    }
}
