//! Asking a plugin to stop, and noticing when it does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::PluginError;

/// A request to stop, shared by all that hold a clone.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does `work`, which calls the plugin, on a thread of its own. Once `cancel` is requested, the work
/// has `grace` to return.
///
/// `work` owns all that the plugin uses: what a plugin still holds is never freed under it.
///
/// # Errors
/// [`PluginError::DidNotStop`]. The thread then goes on; the program should end.
///
/// # Panics
/// When `work` does.
pub fn watched<T: Send + 'static>(
    plugin: &str,
    cancel: &Cancel,
    grace: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PluginError> {
    const LOOK: Duration = Duration::from_millis(20);
    let (sender, receiver) = channel();
    let worker = thread::spawn(move || {
        // The receiver is gone when the program no longer waits.
        let _ = sender.send(work());
    });
    let mut asked: Option<Instant> = None;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Err(payload) => std::panic::resume_unwind(payload),
                Ok(()) => unreachable!("the worker sends before it ends"),
            },
            Err(RecvTimeoutError::Timeout) if cancel.is_requested() => {
                let waited = asked.get_or_insert_with(Instant::now).elapsed();
                if waited >= grace {
                    return Err(PluginError::DidNotStop { plugin: plugin.to_owned(), waited });
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
