//! One call into a plugin, as the host's functions see it.
//!
//! An instance has a [`Door`]. It is open while the host calls the plugin, and knows what the program
//! lends to that call. The context of all functions leads the plugin to the door; neither is ever
//! freed, so that a call that comes too late finds a closed door and not freed memory.

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::{CString, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
};

use samkit_core::{LowResLogits, Size};
use samkit_plugin::{Region, artifact::Built, panic_text};
use samkit_plugin_abi::{self as abi, MAX_PICTURES};

use crate::{
    Breach, Cancel, HostServices, Output, Plugin, SamService, ServiceError,
    context::{Context, Contexts},
};

thread_local! {
    /// Why the last function of the host failed on this thread.
    pub(crate) static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(crate) struct Door {
    call: RwLock<Option<Call>>,
    /// Calls that came while the door was closed.
    late: Mutex<Option<Breach>>,
    contexts: OnceLock<Contexts>,
}

/// What there is during a call.
pub(crate) struct Call {
    /// Lent until [`Door::close`]; the lifetime is not true.
    pub(crate) services: &'static dyn HostServices,
    pub(crate) cancel: Cancel,
    plugin: Plugin,
    /// Size of the image of a run.
    image: Option<Size>,
    /// Whether this is a run and not the making of an instance.
    pub(crate) is_run: bool,
    thread: ThreadId,
    /// Whether the plugin was told to stop.
    stopped: AtomicBool,
    pub(crate) state: Mutex<State>,
}

/// What a call has led to so far.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) outputs: Vec<Output>,
    /// The first one.
    pub(crate) breach: Option<Breach>,
    /// The last one.
    pub(crate) failure: Option<ServiceError>,
    pub(crate) sam: Option<Box<abi::Sam>>,
    pub(crate) paths: Vec<CString>,
    /// The pictures that are open, by the place that their contexts name.
    pictures: [Weak<OpenPicture>; MAX_PICTURES],
    lent: HashMap<u64, Lent>,
    /// The last handle.
    next: u64,
}

/// What a plugin may look at until it releases it.
pub(crate) enum Lent {
    Predictions { _masks: Vec<abi::PredictedMask>, _logits: Vec<LowResLogits> },
    Regions { _built: Built<'static>, _regions: Box<[Region]> },
    Picture { _open: Arc<OpenPicture> },
}

/// A picture of the plugin's own. Whoever is in one of its functions has a share in it.
pub(crate) struct OpenPicture {
    pub(crate) service: Box<dyn SamService + Send>,
    pub(crate) table: abi::Sam,
}

// SAFETY: the pointers lead to what lies next to them, which is only read; a picture is `Send` by
// itself.
unsafe impl Send for Lent {}

/// Who may call a function of the host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    CallThread,
    AnyThread,
}

impl Door {
    pub(crate) fn leaked() -> &'static Self {
        let (call, late) = (RwLock::new(None), Mutex::new(None));
        Box::leak(Box::new(Self { call, late, contexts: OnceLock::new() }))
    }

    pub(crate) fn contexts(&'static self) -> &'static Contexts {
        self.contexts.get_or_init(|| Contexts::to(self))
    }

    /// Lets the plugin in while `work` lasts, and says what came of it.
    pub(crate) fn open<R>(
        &self,
        plugin: &Plugin,
        services: &dyn HostServices,
        cancel: &Cancel,
        run: Option<Option<Size>>,
        work: impl FnOnce() -> R,
    ) -> (R, Ended) {
        // SAFETY: the reference goes when the door is closed, before this function returns: closing
        // waits for calls on other threads.
        let services = unsafe {
            std::mem::transmute::<&dyn HostServices, &'static dyn HostServices>(services)
        };
        let call = Call {
            services,
            cancel: cancel.clone(),
            plugin: plugin.clone(),
            image: run.flatten(),
            is_run: run.is_some(),
            thread: thread::current().id(),
            stopped: AtomicBool::new(false),
            state: Mutex::default(),
        };
        *self.call.write().unwrap_or_else(PoisonError::into_inner) = Some(call);
        let _closing = Closing(self);
        let result = work();
        (result, self.close().expect("nobody else closes it"))
    }

    /// Waits for calls on other threads, and lets no more in.
    fn close(&self) -> Option<Ended> {
        let call = self.call.write().unwrap_or_else(PoisonError::into_inner).take()?;
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner).take();
        let was_stopped = call.stopped.load(Ordering::Relaxed) || call.cancel.is_requested();
        let mut state = call.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.breach = state.breach.take().or(late);
        let State { outputs, breach, failure, .. } = state;
        Some(Ended { outputs, breach, failure, was_stopped })
    }

    /// Runs `work` for the plugin's call of `function`, or gives `refused` back when the call is not
    /// allowed or `work` panics.
    ///
    /// # Safety
    /// `context` is null or came from [`Door::contexts`].
    pub(crate) unsafe fn enter<R>(
        context: *mut c_void,
        function: &'static str,
        rule: Rule,
        refused: R,
        work: impl FnOnce(&Call) -> R,
    ) -> R {
        // SAFETY: passed on to the caller; contexts are never freed, and nor are their doors.
        let Some(Context { door, .. }) = (unsafe { Context::read(context) }) else {
            return refused;
        };
        let call = door.call.read().unwrap_or_else(PoisonError::into_inner);
        let Some(call) = call.as_ref() else {
            let breach = Breach::LateCall { function };
            remember(&breach);
            *door.late.lock().unwrap_or_else(PoisonError::into_inner) = Some(breach);
            return refused;
        };
        if rule == Rule::CallThread && call.thread != thread::current().id() {
            call.broken(Breach::WrongThread { function });
            return refused;
        }
        match catch_unwind(AssertUnwindSafe(|| work(call))) {
            Ok(result) => result,
            Err(payload) => {
                let text = format!("the host panicked in `{function}`: {}", panic_text(payload));
                call.failed(ServiceError::Failed(text.into()));
                refused
            }
        }
    }
}

/// Closes the door also when the work behind it panics.
struct Closing<'d>(&'d Door);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a call has led to.
pub(crate) struct Ended {
    pub(crate) outputs: Vec<Output>,
    pub(crate) breach: Option<Breach>,
    pub(crate) failure: Option<ServiceError>,
    /// Whether the plugin was asked to stop.
    pub(crate) was_stopped: bool,
}

impl Call {
    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that the plugin broke a rule.
    pub(crate) fn broken(&self, breach: Breach) -> abi::Status {
        remember(&breach);
        let status = match breach {
            Breach::WrongThread { .. } => abi::WRONG_CALL,
            _ => abi::INVALID_INPUT,
        };
        self.state().breach.get_or_insert(breach);
        status
    }

    /// Remembers that a service failed.
    pub(crate) fn failed(&self, error: ServiceError) -> abi::Status {
        remember(&error);
        let status = match error {
            ServiceError::Cancelled => abi::CANCELLED,
            ServiceError::Failed(_) => abi::FAILED,
        };
        if status == abi::CANCELLED {
            self.stop();
        }
        self.state().failure = Some(error);
        status
    }

    /// Remembers that the plugin was told to stop.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the plugin should return soon.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_requested() || self.stopped.load(Ordering::Relaxed)
    }

    /// Takes over an output.
    ///
    /// # Safety
    /// `artifact` is the argument of `put`.
    pub(crate) unsafe fn take(&self, artifact: *const abi::Artifact) -> abi::Status {
        let description = self.plugin.description();
        let others = std::mem::take(&mut self.state().outputs);
        // SAFETY: passed on to the caller. The plugin's deleter may run here, so nothing is locked.
        let output = unsafe { Output::take(artifact, description, self.image, &others) };
        self.state().outputs = others;
        match output {
            Ok(output) => {
                self.state().outputs.push(output);
                abi::OK
            }
            Err(breach) => self.broken(breach),
        }
    }

    /// Keeps something for the plugin until it releases it.
    pub(crate) fn lend(&self, lent: Lent) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let handle = state.next;
        state.lent.insert(handle, lent);
        handle
    }

    /// A place for one more picture.
    pub(crate) fn free_place(&self) -> Option<usize> {
        self.state().pictures.iter().position(|open| open.strong_count() == 0)
    }

    /// Keeps a picture for the plugin, at a free place, until it releases it.
    pub(crate) fn open_picture(&self, place: usize, picture: Arc<OpenPicture>) -> u64 {
        self.state().pictures[place] = Arc::downgrade(&picture);
        self.lend(Lent::Picture { _open: picture })
    }

    /// The picture at a place, if it is still open.
    pub(crate) fn picture(&self, place: usize) -> Option<Arc<OpenPicture>> {
        self.state().pictures[place].upgrade()
    }

    /// Frees what was lent.
    pub(crate) fn release(&self, handle: u64) -> abi::Status {
        let lent = self.state().lent.remove(&handle);
        match lent {
            Some(_) => abi::OK,
            None => self.broken(Breach::UnknownHandle { handle }),
        }
    }
}

fn remember(error: &dyn std::fmt::Display) {
    LAST_ERROR.with_borrow_mut(|last| *last = error.to_string());
}
