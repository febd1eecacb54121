//! The extension `samkit.clip/1`.

use std::ffi::c_void;

use samkit_plugin::{
    ClipInfo,
    artifact::{Malformed, Pixels, text},
};
use samkit_plugin_abi as abi;

use super::arguments::{self, Refusal, check_place, limited, rgb, room};
use crate::{
    ClipService, ServiceError,
    call::{Call, Rule},
};

/// More texts or images than anybody passes at once.
const MAX_ITEMS: usize = 1 << 20;
/// How many are embedded between two looks at whether the user wants to stop.
const GROUP: usize = 16;

pub(super) static TABLE: abi::Clip = abi::Clip {
    header: abi::Header::of::<abi::Clip>(),
    describe: Some(describe),
    embed_texts: Some(embed_texts),
    embed_images: Some(embed_images),
};

/// Runs `work` with the program's service.
///
/// # Safety
/// As [`arguments::serve`].
unsafe fn serve(
    context: *mut c_void,
    function: &'static str,
    work: impl FnOnce(&Call, &dyn ClipService) -> Result<(), Refusal>,
) -> abi::Status {
    let work = |call: &Call| work(call, call.services.clip().ok_or(Refusal::Unsupported)?);
    // SAFETY: passed on to the caller.
    unsafe { arguments::serve(context, function, Rule::CallThread, work) }
}

unsafe extern "C" fn describe(
    context: *mut c_void,
    model: abi::Str,
    info: *mut abi::ClipInfo,
) -> abi::Status {
    let work = |_: &Call, clip: &dyn ClipService| {
        // SAFETY: the plugin's text, valid during the call.
        let model = unsafe { name(model) }?;
        check_place(info)?;
        let ClipInfo { dim, image_side, logit_scale } = known(clip, model)?;
        // SAFETY: the plugin's place for the answer.
        unsafe { info.write(abi::ClipInfo { dim, image_side, logit_scale }) };
        Ok(())
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "clip.describe", work) }
}

unsafe extern "C" fn embed_texts(
    context: *mut c_void,
    model: abi::Str,
    texts: *const abi::Str,
    text_count: usize,
    out: *mut f32,
    out_len: usize,
) -> abi::Status {
    let work = |call: &Call, clip: &dyn ClipService| {
        // SAFETY: the plugin's texts, valid during the call.
        let (model, texts) = unsafe { (name(model)?, read_texts(texts, text_count)?) };
        let dim = known(clip, model)?.dim;
        // SAFETY: the plugin's room that nobody else uses, valid during the call.
        let out = unsafe { room(out, out_len, values(text_count, dim)?) }?;
        embed(call, &texts, dim, out, |texts| clip.embed_texts(model, texts))
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "clip.embed_texts", work) }
}

unsafe extern "C" fn embed_images(
    context: *mut c_void,
    model: abi::Str,
    images: *const abi::Tensor,
    image_count: usize,
    out: *mut f32,
    out_len: usize,
) -> abi::Status {
    let work = |call: &Call, clip: &dyn ClipService| {
        // SAFETY: the plugin's text and images, valid during the call.
        let (model, images) = unsafe { (name(model)?, read_images(images, image_count)?) };
        let dim = known(clip, model)?.dim;
        // SAFETY: the plugin's room that nobody else uses, valid during the call.
        let out = unsafe { room(out, out_len, values(image_count, dim)?) }?;
        embed(call, &images, dim, out, |images| clip.embed_images(model, images))
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "clip.embed_images", work) }
}

/// The model, made ready.
fn known(clip: &dyn ClipService, model: &str) -> Result<ClipInfo, ServiceError> {
    let info = clip.describe(model)?;
    match info.dim {
        0 => Err(ServiceError::Failed(format!("embeddings of `{model}` have no values").into())),
        _ => Ok(info),
    }
}

/// Number of values of `count` embeddings.
fn values(count: usize, dim: usize) -> Result<usize, Refusal> {
    count.checked_mul(dim).ok_or_else(|| {
        Refusal::Argument(format!("{count} embeddings of {dim} values are more than can be"))
    })
}

/// Embeds `items`, a few at a time, into `out`, which has `dim` values for each of them.
fn embed<T>(
    call: &Call,
    items: &[T],
    dim: usize,
    out: &mut [f32],
    few: impl Fn(&[T]) -> Result<Vec<f32>, ServiceError>,
) -> Result<(), Refusal> {
    for (items, out) in items.chunks(GROUP).zip(out.chunks_mut(GROUP.saturating_mul(dim))) {
        if call.is_cancelled() {
            return Err(ServiceError::Cancelled.into());
        }
        let found = few(items)?;
        if found.len() != out.len() {
            let text = format!("CLIP gave {} values, expected {}", found.len(), out.len());
            return Err(ServiceError::Failed(text.into()).into());
        }
        out.copy_from_slice(&found);
    }
    Ok(())
}

/// # Safety
/// The text is the plugin's, and valid during `'a`.
unsafe fn name<'a>(model: abi::Str) -> Result<&'a str, Malformed> {
    // SAFETY: passed on to the caller.
    unsafe { text(model, || "the name of the model".to_owned()) }
}

/// # Safety
/// The list and what it points to are the plugin's, and valid during `'a`.
unsafe fn read_texts<'a>(texts: *const abi::Str, count: usize) -> Result<Vec<&'a str>, Malformed> {
    // SAFETY: passed on to the caller.
    let texts = unsafe { limited(texts, count, MAX_ITEMS, "the list of texts") }?;
    let read = |(index, words): (usize, &abi::Str)| {
        // SAFETY: as above.
        unsafe { text(*words, || format!("text {index}")) }
    };
    texts.iter().enumerate().map(read).collect()
}

/// # Safety
/// The list and what it points to are the plugin's, and valid during `'a`.
unsafe fn read_images<'a>(
    images: *const abi::Tensor,
    count: usize,
) -> Result<Vec<Pixels<'a>>, Malformed> {
    // SAFETY: passed on to the caller.
    let images = unsafe { limited(images, count, MAX_ITEMS, "the list of images") }?;
    let read = |(index, tensor): (usize, &abi::Tensor)| {
        // SAFETY: as above.
        unsafe { rgb(tensor, &format!("image {index}")) }
    };
    images.iter().enumerate().map(read).collect()
}
