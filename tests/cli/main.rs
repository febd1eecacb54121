//! The whole program, driven through its binary.

mod bad_images;
mod bad_requests;
mod batches;
mod models;
mod recipes;
mod segments;
mod support;
mod surface;
