//! The host's functions, as plugins call them.

mod arguments;
mod clip;
mod sam;

use std::{
    ffi::{CString, c_char, c_void},
    ops::ControlFlow,
};

use samkit_plugin::{LogLevel, artifact::text};
use samkit_plugin_abi as abi;

use crate::{
    Breach, ServiceError,
    call::{Call, Door, LAST_ERROR, Rule},
};

/// The host's functions, with the context that leads to `door`.
pub(crate) fn host(door: &'static Door, threads: usize) -> abi::Host {
    let threads = u32::try_from(threads).unwrap_or(u32::MAX);
    abi::Host {
        header: abi::Header::of::<abi::Host>(),
        context: door.contexts().host(),
        threads,
        reserved: 0,
        log: Some(log),
        progress: Some(progress),
        is_cancelled: Some(is_cancelled),
        record: Some(record),
        get_extension: Some(get_extension),
        last_error: Some(last_error),
    }
}

/// Where outputs go, with the same context.
pub(crate) fn outputs(door: &'static Door) -> abi::Outputs {
    abi::Outputs {
        header: abi::Header::of::<abi::Outputs>(),
        context: door.contexts().host(),
        put: Some(put),
    }
}

static MODELS: abi::Models =
    abi::Models { header: abi::Header::of::<abi::Models>(), weights_path: Some(weights_path) };

unsafe extern "C" fn log(context: *mut c_void, level: u32, words: abi::Str) {
    let work = |call: &Call| {
        let level = match level {
            abi::LOG_ERROR => LogLevel::Error,
            abi::LOG_WARN => LogLevel::Warn,
            abi::LOG_INFO => LogLevel::Info,
            abi::LOG_DEBUG => LogLevel::Debug,
            _ => {
                argument(call, "log", format!("{level} is no level"));
                return;
            }
        };
        // SAFETY: the plugin's text, valid during the call.
        match unsafe { text(words, || "the text".to_owned()) } {
            Ok(words) => call.services.log(level, words),
            Err(error) => {
                argument(call, "log", error.to_string());
            }
        }
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, "log", Rule::AnyThread, (), work) }
}

unsafe extern "C" fn progress(context: *mut c_void, done: u64, total: u64) -> u32 {
    let work = |call: &Call| match advance(call, done, total) {
        ControlFlow::Continue(()) => abi::CONTINUE,
        ControlFlow::Break(()) => abi::STOP,
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, "progress", Rule::CallThread, abi::STOP, work) }
}

fn advance(call: &Call, done: u64, total: u64) -> ControlFlow<()> {
    if call.services.progress(done, total).is_break() || call.is_cancelled() {
        call.stop();
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

unsafe extern "C" fn is_cancelled(context: *mut c_void) -> u32 {
    let work = |call: &Call| if call.is_cancelled() { abi::STOP } else { abi::CONTINUE };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, "is_cancelled", Rule::AnyThread, abi::STOP, work) }
}

unsafe extern "C" fn record(context: *mut c_void, name: abi::Str, value: f64) {
    const NAME: &str = "record";
    let work = |call: &Call| {
        if !value.is_finite() {
            argument(call, NAME, format!("{value} is not finite"));
            return;
        }
        // SAFETY: the plugin's text, valid during the call.
        match unsafe { text(name, || "the name".to_owned()) } {
            Ok(name) => call.services.record(name, value),
            Err(error) => {
                argument(call, NAME, error.to_string());
            }
        }
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, NAME, Rule::CallThread, (), work) }
}

unsafe extern "C" fn get_extension(context: *mut c_void, name: abi::Str) -> *const c_void {
    let work = |call: &Call| {
        // SAFETY: the plugin's text, valid during the call.
        match unsafe { text(name, || "the name".to_owned()) } {
            Ok(abi::EXT_SAM) if call.is_run => sam::extension(call).cast(),
            Ok(abi::EXT_CLIP) if call.services.clip().is_some() => {
                std::ptr::from_ref(&clip::TABLE).cast()
            }
            Ok(abi::EXT_MODELS) if call.services.models().is_some() => {
                std::ptr::from_ref(&MODELS).cast()
            }
            Ok(_) => std::ptr::null(),
            Err(error) => {
                argument(call, "get_extension", error.to_string());
                std::ptr::null()
            }
        }
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, "get_extension", Rule::CallThread, std::ptr::null(), work) }
}

unsafe extern "C" fn last_error(_context: *mut c_void) -> abi::Str {
    LAST_ERROR.with_borrow(|last| abi::Str::new(last))
}

unsafe extern "C" fn put(context: *mut c_void, artifact: *const abi::Artifact) -> abi::Status {
    // SAFETY: the plugin passes its artifact.
    let work = |call: &Call| unsafe { call.take(artifact) };
    // SAFETY: the plugin passes the outputs' context.
    unsafe { Door::enter(context, "put", Rule::CallThread, abi::WRONG_CALL, work) }
}

unsafe extern "C" fn weights_path(
    context: *mut c_void,
    id: abi::Str,
    path: *mut *const c_char,
) -> abi::Status {
    const NAME: &str = "weights_path";
    let work = |call: &Call| {
        // SAFETY: the plugin's text, valid during the call.
        let id = match unsafe { text(id, || "the name".to_owned()) } {
            Ok(id) => id,
            Err(error) => return argument(call, NAME, error.to_string()),
        };
        if path.is_null() {
            return argument(call, NAME, "there is no place for the path".to_owned());
        }
        let Some(models) = call.services.models() else { return abi::UNSUPPORTED };
        let found = models.weights_path(id).and_then(|path| {
            let words = path.to_str().and_then(|words| CString::new(words).ok());
            let unusual = || format!("{} cannot be passed on", path.display()).into();
            words.ok_or_else(|| ServiceError::Failed(unusual()))
        });
        match found {
            Ok(found) => {
                let start = found.as_ptr();
                call.state().paths.push(found);
                // SAFETY: the plugin's place for the path. The string's bytes stay where they are
                // until the call ends.
                unsafe { path.write(start) };
                abi::OK
            }
            Err(error) => call.failed(error),
        }
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, NAME, Rule::CallThread, abi::WRONG_CALL, work) }
}

/// Remembers that the plugin called `function` with wrong arguments.
fn argument(call: &Call, function: &'static str, reason: String) -> abi::Status {
    call.broken(Breach::Argument { function, reason })
}
