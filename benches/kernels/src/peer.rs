//! The crate `gemm`, which candle multiplies matrices with.
#![allow(unsafe_code, reason = "the crate `gemm` takes pointers; see the SAFETY comment")]

/// `out = a · b` on one thread, with `a` (rows, depth), `b` (depth, columns) and `out`
/// (rows, columns) row by row.
///
/// # Panics
/// When the slices' lengths do not fit.
pub fn gemm_product(a: &[f32], b: &[f32], depth: usize, out: &mut [f32]) {
    assert!(depth > 0 && a.len().is_multiple_of(depth) && b.len().is_multiple_of(depth));
    let (rows, columns) = (a.len() / depth, b.len() / depth);
    assert_eq!(out.len(), rows * columns);
    let (inner, outer) = (depth as isize, columns as isize);
    // SAFETY: the three slices hold exactly the matrices that sizes and strides describe, and `out`
    // is borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr(),
            1,
            outer,
            false,
            a.as_ptr(),
            1,
            inner,
            b.as_ptr(),
            1,
            outer,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
