//! How good results are, by the measures that the field publishes.
//!
//! [`edges`] is the boundary benchmark of BSDS500; [`mat`] reads the files that its annotations come
//! in; [`instances`] scores boxes and masks as COCO does.
#![forbid(unsafe_code)]

pub mod edges;
pub mod instances;
pub mod mat;
