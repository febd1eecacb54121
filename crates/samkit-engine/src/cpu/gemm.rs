//! Matrix products on one thread, with weights that are packed beforehand.
//!
//! Panels of `B` as wide as the micro-kernel's registers stay in the first-level cache while the
//! rows of `A` pass by. Measured against the crate `gemm` 0.19 on the network's shapes (one Zen 5
//! core): 230 to 240 GFLOP/s here with AVX-512, 114 to 118 there; equal with AVX2.

use super::isa::Isa;
use super::microkernel::{Panel, Rows, Sums, portable};

/// Most columns that any instruction set's panel has.
const MAX_WIDTH: usize = 32;
/// Most rows that any micro-kernel takes at once.
pub(super) const MAX_ROWS: usize = 8;

impl Isa {
    /// Columns of a panel.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Avx512 => 32,
            Self::Avx2 => 16,
            Self::Portable => 8,
        }
    }

    /// The best instruction set of this machine whose panels have 16 columns or fewer.
    pub(crate) const fn narrow(self) -> Self {
        match self {
            // A machine with AVX-512 has AVX2 and FMA.
            Self::Avx512 => Self::Avx2,
            narrow => narrow,
        }
    }

    /// Rows that the micro-kernel takes at once.
    pub(super) const fn rows(self) -> usize {
        match self {
            Self::Avx512 => MAX_ROWS,
            // 12 of the 16 registers hold sums.
            Self::Avx2 => 6,
            Self::Portable => 4,
        }
    }
}

/// A matrix `B` of `depth` rows and `columns` columns, cut into panels that are padded with zeros.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

impl Packed {
    /// Packs the matrix whose element (k, j) is `element(k, j)`.
    pub(crate) fn new(
        isa: Isa,
        depth: usize,
        columns: usize,
        element: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let width = isa.width();
        let mut data = Vec::with_capacity(columns.div_ceil(width) * width * depth);
        for start in (0..columns).step_by(width) {
            for k in 0..depth {
                let row =
                    (start..start + width).map(|j| if j < columns { element(k, j) } else { 0.0 });
                data.extend(row);
            }
        }
        Self { data, depth, columns }
    }

    /// Packs into the same memory the matrix whose column j is the `depth` values from
    /// `rows[j · stride]` on.
    pub(crate) fn repack_transposed(
        &mut self,
        isa: Isa,
        depth: usize,
        columns: usize,
        rows: &[f32],
        stride: usize,
    ) {
        let width = isa.width();
        if (self.depth, self.columns) != (depth, columns) {
            (self.depth, self.columns) = (depth, columns);
            self.data.clear();
        }
        // What fills up the last panel is zero from the start.
        self.data.resize(columns.div_ceil(width) * width * depth, 0.0);
        for (index, panel) in self.data.chunks_exact_mut(width * depth).enumerate() {
            let start = index * width;
            for j in 0..width.min(columns - start) {
                let column = &rows[(start + j) * stride..][..depth];
                for (row, &value) in panel.chunks_exact_mut(width).zip(column) {
                    row[j] = value;
                }
            }
        }
    }

    /// The products of every row of `a` with every row of `b`, which are `length` long: a matrix of as
    /// many rows as `a` and as many columns as `b`.
    pub(crate) fn products(isa: Isa, a: &[f32], b: &[f32], length: usize) -> Self {
        let (depth, columns) = (a.len() / length, b.len() / length);
        let mut transposed = Self::default();
        transposed.repack_transposed(isa, length, columns, b, length);
        let mut sums = vec![0.0; depth * columns];
        let a = Rows { data: a, row: length, column: 1 };
        let out = Sums { data: &mut sums, stride: columns, accumulate: false };
        gemm(isa, depth, a, transposed.view(isa), out);
        Self::new(isa, depth, columns, |k, j| sums[k * columns + j])
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn view(&self, isa: Isa) -> Columns<'_> {
        Columns {
            data: &self.data,
            depth: self.depth,
            columns: self.columns,
            panel: self.depth * isa.width(),
            stride: isa.width(),
        }
    }
}

/// The right-hand side of a product: packed, or plain rows whose length is a multiple of every
/// panel's width.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    data: &'a [f32],
    depth: usize,
    columns: usize,
    /// Distance between panels.
    panel: usize,
    /// Distance between rows within a panel.
    stride: usize,
}

impl<'a> Columns<'a> {
    /// A multiple of every panel's width.
    pub(crate) const MULTIPLE: usize = MAX_WIDTH;

    /// `depth` rows of `columns` columns, `stride` apart; `columns` is a multiple of the panel's width.
    pub(crate) fn rows(
        isa: Isa,
        data: &'a [f32],
        depth: usize,
        columns: usize,
        stride: usize,
    ) -> Self {
        assert!(columns.is_multiple_of(isa.width()) && stride >= columns);
        Self { data, depth, columns, panel: isa.width(), stride }
    }
}

/// `C = A · B`, or `C += A · B`, with `rows` rows of `A`; rows of `C` are `sums.stride` apart.
pub(crate) fn gemm(isa: Isa, rows: usize, a: Rows<'_>, b: Columns<'_>, c: Sums<'_>) {
    if b.depth == 0 || rows == 0 {
        return;
    }
    let width = isa.width();
    for (index, start) in (0..b.columns).step_by(width).enumerate() {
        let panel = Panel { data: &b.data[index * b.panel..], stride: b.stride };
        let valid = width.min(b.columns - start);
        let mut i = 0;
        while i < rows {
            let step = [MAX_ROWS, 6, 4, 2, 1]
                .into_iter()
                .find(|&s| s <= isa.rows() && s <= rows - i)
                .unwrap_or(1);
            let a = Rows { data: &a.data[i * a.row..], ..a };
            let out = &mut c.data[i * c.stride + start..];
            if valid == width {
                let sums = Sums { data: out, stride: c.stride, accumulate: c.accumulate };
                microkernel(isa, step, b.depth, a, panel, sums);
            } else {
                partial(isa, step, b.depth, a, panel, Sums { data: out, ..c }, valid);
            }
            i += step;
        }
    }
}

/// A panel of which only the first `valid` columns belong to the result.
pub(super) fn partial(
    isa: Isa,
    step: usize,
    depth: usize,
    a: Rows<'_>,
    b: Panel<'_>,
    c: Sums<'_>,
    valid: usize,
) {
    let mut tile = [0.0; MAX_ROWS * MAX_WIDTH];
    let sums = Sums { data: &mut tile, stride: MAX_WIDTH, accumulate: false };
    microkernel(isa, step, depth, a, b, sums);
    for (i, row) in tile.chunks_exact(MAX_WIDTH).take(step).enumerate() {
        let out = &mut c.data[i * c.stride..i * c.stride + valid];
        for (out, &sum) in out.iter_mut().zip(row) {
            *out = if c.accumulate { *out + sum } else { sum };
        }
    }
}

pub(super) fn microkernel(
    isa: Isa,
    rows: usize,
    depth: usize,
    a: Rows<'_>,
    b: Panel<'_>,
    c: Sums<'_>,
) {
    #[cfg(target_arch = "x86_64")]
    use super::microkernel::x86::{avx2, avx512};
    macro_rules! with_rows {
        ($kernel:ident) => {
            match rows {
                8 => $kernel::<8>(depth, a, b, c),
                6 => $kernel::<6>(depth, a, b, c),
                4 => $kernel::<4>(depth, a, b, c),
                2 => $kernel::<2>(depth, a, b, c),
                _ => $kernel::<1>(depth, a, b, c),
            }
        };
    }
    match isa {
        // SAFETY: `Isa::available` found the features before handing out the value.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { with_rows!(avx512) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { with_rows!(avx2) },
        _ => with_rows!(portable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::testing::noise;

    #[test]
    fn products_equal_the_plain_sum_on_every_instruction_set() {
        let shapes = [(1, 1, 1), (3, 5, 7), (8, 32, 32), (13, 17, 33), (9, 256, 56), (31, 3, 100)];
        for isa in Isa::available() {
            for (rows, depth, columns) in shapes {
                let (a, b) = (noise(rows * depth, 1), noise(depth * columns, 2));
                let packed = Packed::new(isa, depth, columns, |k, j| b[k * columns + j]);
                for accumulate in [false, true] {
                    let before = noise(rows * columns, 3);
                    let mut c = before.clone();
                    let rows_of_a = Rows { data: &a, row: depth, column: 1 };
                    let sums = Sums { data: &mut c, stride: columns, accumulate };
                    gemm(isa, rows, rows_of_a, packed.view(isa), sums);
                    for (index, &got) in c.iter().enumerate() {
                        let (i, j) = (index / columns, index % columns);
                        let sum: f64 = (0..depth)
                            .map(|k| f64::from(a[i * depth + k]) * f64::from(b[k * columns + j]))
                            .sum();
                        let expected =
                            sum + if accumulate { f64::from(before[index]) } else { 0.0 };
                        // 256 products of values up to 1.
                        assert!(
                            (f64::from(got) - expected).abs() < 2e-5,
                            "{isa:?} {rows}×{depth}×{columns}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn transposed_rows_and_unpacked_columns_work_too() {
        let (rows, depth, columns) = (56, 19, 64);
        for isa in Isa::available() {
            let (a, b) = (noise(rows * depth, 4), noise(depth * columns, 5));
            let mut c = vec![0.0; rows * columns];
            gemm(
                isa,
                rows,
                Rows { data: &a, row: 1, column: rows },
                Columns::rows(isa, &b, depth, columns, columns),
                Sums { data: &mut c, stride: columns, accumulate: false },
            );
            for (index, &got) in c.iter().enumerate() {
                let (i, j) = (index / columns, index % columns);
                let expected: f32 = (0..depth).map(|k| a[k * rows + i] * b[k * columns + j]).sum();
                assert!((got - expected).abs() < 1e-5, "{isa:?}");
            }
        }
    }
}
