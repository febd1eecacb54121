//! The whole program, driven through its binary.

mod bad_images;
mod bad_requests;
mod batches;
mod caches;
mod convert;
mod evals;
mod everything;
mod inputs;
mod instances;
mod long_runs;
mod models;
mod plugins;
mod precisions;
mod recipes;
mod segments;
mod support;
mod surface;
mod texts;
