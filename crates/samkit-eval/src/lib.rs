//! How good results are, by the measures that the field publishes.
//!
//! [`edges`] is the boundary benchmark of BSDS500; [`mat`] reads the files that its annotations come
//! in.
#![forbid(unsafe_code)]

pub mod edges;
pub mod mat;
