//! The extension `samkit.clip/1`: CLIP, which puts texts and images into one space.

use core::ffi::c_void;

use crate::{Header, Status, Str, Tensor, Versioned};

/// Extension: CLIP. A [`Clip`].
pub const EXT_CLIP: &str = "samkit.clip/1";

/// What a caller has to know of a model of CLIP.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipInfo {
    /// Number of values of one embedding; at least 1.
    pub dim: usize,
    /// Side of the square that the network sees, in pixels. Images come in any size: the host brings
    /// them to this one.
    pub image_side: u32,
    /// What cosines are multiplied with before a softmax over texts.
    pub logit_scale: f32,
}

/// CLIP. `context` is the host's. During `create` and during `run`.
///
/// `model` is a name in samkit's registry or the path of a folder with weights. The first call with
/// a name makes the model ready, which may take its time; later ones find it there. Embeddings have
/// length 1: the product of two of them is their cosine.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    /// Magic, version and size.
    pub header: Header,
    /// Makes the model ready and writes what there is to know of it to `info`. `FAILED` when there is
    /// no such model or its weights are missing: the text says what is needed. Call thread.
    pub describe: Option<
        unsafe extern "C" fn(context: *mut c_void, model: Str, info: *mut ClipInfo) -> Status,
    >,
    /// Embeds `text_count` texts: writes `out_len` = `text_count` × `dim` values to `out`, the
    /// caller's own room, one embedding after the other. `CANCELLED` when the host wants the task to
    /// stop. What is in `out` is only to be read after `OK`. Call thread.
    pub embed_texts: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            model: Str,
            texts: *const Str,
            text_count: usize,
            out: *mut f32,
            out_len: usize,
        ) -> Status,
    >,
    /// Embeds `image_count` images, u8 (height, width, 3) in RGB, each of a size of its own, which the
    /// host only reads, and only until the call returns. `out` as in `embed_texts`. Call thread.
    pub embed_images: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            model: Str,
            images: *const Tensor,
            image_count: usize,
            out: *mut f32,
            out_len: usize,
        ) -> Status,
    >,
}

// SAFETY: `repr(C)`, a header first, and `Option`s of functions after it.
unsafe impl Versioned for Clip {
    const NAME: &'static str = "SamkitClip";
    const MIN_SIZE: usize = size_of::<Self>();
}
