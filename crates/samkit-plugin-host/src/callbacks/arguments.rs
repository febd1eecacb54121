//! What the functions of extensions share: how they begin, and how they take a plugin's arguments.

use std::ffi::c_void;

use samkit_plugin::artifact::{Malformed, Pixels, View, slice, view};
use samkit_plugin_abi as abi;

use super::argument;
use crate::{
    ServiceError,
    call::{Call, Door, Rule},
};

/// Why a function did not do its work.
pub(super) enum Refusal {
    /// The program does not lend this, or not now.
    Unsupported,
    Argument(String),
    Service(ServiceError),
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Self::Argument(error.to_string())
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// Runs `work` for the plugin's call of `function`.
///
/// # Safety
/// As [`Door::enter`].
pub(super) unsafe fn serve(
    context: *mut c_void,
    function: &'static str,
    rule: Rule,
    work: impl FnOnce(&Call) -> Result<(), Refusal>,
) -> abi::Status {
    let work = |call: &Call| match work(call) {
        Ok(()) => abi::OK,
        Err(Refusal::Unsupported) => abi::UNSUPPORTED,
        Err(Refusal::Argument(reason)) => argument(call, function, reason),
        Err(Refusal::Service(error)) => call.failed(error),
    };
    // SAFETY: passed on to the caller.
    unsafe { Door::enter(context, function, rule, abi::WRONG_CALL, work) }
}

/// A list that has no more than `most` entries.
///
/// # Safety
/// As [`slice()`].
pub(super) unsafe fn limited<'a, T>(
    list: *const T,
    count: usize,
    most: usize,
    what: &str,
) -> Result<&'a [T], Malformed> {
    if count > most {
        return Err(Malformed::TooMany { what: what.to_owned(), count });
    }
    // SAFETY: passed on to the caller.
    unsafe { slice(list, count, || what.to_owned()) }
}

/// The pixels of an RGB image; `what` names it in errors.
///
/// # Safety
/// As [`view()`].
pub(super) unsafe fn rgb<'a>(tensor: &abi::Tensor, what: &str) -> Result<Pixels<'a>, Malformed> {
    let mut artifact = abi::Artifact::empty(abi::KIND_IMAGE, abi::Str::EMPTY);
    artifact.tensor = *tensor;
    // SAFETY: passed on to the caller.
    match unsafe { view(&artifact, None, what) }? {
        View::Image(pixels) if pixels.channels == 3 => Ok(pixels),
        View::Image(Pixels { size, channels, .. }) => Err(Malformed::Tensor {
            what: what.to_owned(),
            found: format!("u8 [{}, {}, {channels}]", size.height, size.width),
            expected: "u8 (height, width, 3)".to_owned(),
        }),
        _ => unreachable!("an artifact of an image is viewed as one"),
    }
}

/// The plugin's room for `expected` numbers.
///
/// # Safety
/// As [`slice()`], and nobody else uses the room during `'a`.
pub(super) unsafe fn room<'a, T>(
    out: *mut T,
    len: usize,
    expected: usize,
) -> Result<&'a mut [T], Refusal> {
    if len != expected {
        return Err(Refusal::Argument(format!("room for {len} values, expected {expected}")));
    }
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: passed on to the caller; only checked here.
    unsafe { slice(out.cast_const(), len, || "the room for the result".to_owned()) }?;
    // SAFETY: checked just now; numbers may have any bits.
    Ok(unsafe { std::slice::from_raw_parts_mut(out, len) })
}

pub(super) fn check_place<T>(place: *mut T) -> Result<(), Refusal> {
    if !place.is_null() && place.is_aligned() {
        return Ok(());
    }
    Err(Refusal::Argument("there is no place for the result".to_owned()))
}
