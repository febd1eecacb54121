//! Ctrl-C: finish what is being written, then stop.

use std::{
    ops::ControlFlow,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use samkit_plugin_host::Cancel;

use crate::print::tell;

/// Exit code of a run that was stopped, by the shells' convention 128 + SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// Set once images are being worked on: then a stop waits for the next callback.
static DEFERRED: AtomicBool = AtomicBool::new(false);
static CANCEL: LazyLock<Cancel> = LazyLock::new(Cancel::default);

/// Takes over Ctrl-C. Before [`defer`], and at the second time, it ends the program at once,
/// which is safe everywhere: files appear by rename.
pub(crate) fn install() {
    let handler = || {
        let again = CANCEL.is_requested();
        CANCEL.request();
        if again || !DEFERRED.load(Ordering::Relaxed) {
            std::process::exit(EXIT_CODE.into());
        }
        tell!("stopping, when what is done is written; Ctrl-C again stops at once");
    };
    // Without a handler Ctrl-C still works, less politely.
    let _ = ctrlc::set_handler(handler);
}

/// From here on the first Ctrl-C only sets what [`requested`] answers.
pub(crate) fn defer() {
    DEFERRED.store(true, Ordering::Relaxed);
}

/// Whether the user wants the program to stop.
pub(crate) fn requested() -> bool {
    CANCEL.is_requested()
}

/// The same for plugins.
pub(crate) fn cancel() -> &'static Cancel {
    &CANCEL
}

/// [`requested`] in the form that progress callbacks return.
pub(crate) fn flow() -> ControlFlow<()> {
    if requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
