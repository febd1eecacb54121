//! The fast path for CPUs: the same network as [`crate::network`], arranged for caches and vector
//! units. Activations are channels-last; weights are packed once, when the model is loaded.
//!
//! Instruction sets are chosen at run time ([`Isa`]). Work is cut into blocks of fixed size and
//! partial results are joined in a fixed order, so the number of threads never changes a bit.
#![allow(unsafe_code, reason = "vector instructions chosen at run time; see each SAFETY comment")]

mod attention;
mod bf16;
mod bottleneck;
mod change;
mod conv;
mod decoder;
mod depthwise;
mod elementwise;
mod encoder;
mod gemm;
mod heads;
mod image_side;
mod isa;
mod kept;
#[cfg(feature = "kernels")]
pub mod kernels;
pub mod layers;
mod linear;
mod lines;
mod look;
mod microkernel;
mod neck;
mod relative_attention;
pub(crate) mod rows;
#[cfg(test)]
mod testing;
mod tiny_vit;
mod token_side;
mod upscaler;
mod vit;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use image_side::ImageSide;
pub(crate) use isa::Isa;
pub(crate) use linear::Kernels;
pub(crate) use upscaler::Extent;
