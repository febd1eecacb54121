//! The one place where panics stop, and where the text of the last failure waits for the host.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use samkit_plugin_abi as abi;

use crate::TaskError;

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work`, which a foreign caller asked for: an error becomes a status and a text, and so does
/// a panic.
pub(crate) fn guard(work: impl FnOnce() -> Result<(), TaskError>) -> abi::Status {
    // What a panic leaves half done is an instance that the host destroys next.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) => {
            remember(error.to_string());
            error.status()
        }
        Err(payload) => {
            remember(panic_text(payload));
            abi::PANICKED
        }
    }
}

/// What a panic said. The payload itself is forgotten: dropping it could panic again.
pub fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "something that is not text".to_owned(),
    };
    std::mem::forget(payload);
    text
}

fn remember(text: String) {
    LAST_ERROR.with_borrow_mut(|last| *last = text);
}

/// The text of the last failure on this thread.
pub(crate) unsafe extern "C" fn last_error() -> abi::Str {
    LAST_ERROR.with_borrow(|last| abi::Str::new(last))
}
