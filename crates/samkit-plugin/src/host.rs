//! What the host lends to a task during a call.

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    ops::ControlFlow,
    path::PathBuf,
};

use samkit_plugin_abi as abi;

use crate::{
    Clip, Sam, TaskError,
    artifact::{Malformed, text},
};

/// The host's table of functions, read once a call.
#[derive(Debug)]
pub(crate) struct Lender(abi::Host);

impl Lender {
    /// # Safety
    /// `host` is the argument of `create` or `run`, and the result does not outlive that call.
    pub(crate) unsafe fn read(host: *const abi::Host) -> Result<Self, Malformed> {
        let bad = |error| Malformed::from_read::<abi::Host>("the host", error);
        // SAFETY: the host's struct.
        Ok(Self(unsafe { abi::read(host) }.map_err(bad)?))
    }
}

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd, but work goes on.
    Warn,
    /// Worth knowing.
    Info,
    /// For the plugin's author.
    Debug,
}

impl LogLevel {
    /// The number that stands for it at the border.
    pub const fn code(self) -> u32 {
        match self {
            Self::Error => abi::LOG_ERROR,
            Self::Warn => abi::LOG_WARN,
            Self::Info => abi::LOG_INFO,
            Self::Debug => abi::LOG_DEBUG,
        }
    }
}

/// What the host lends during a call, on the call's thread. [`Host::signals`] is for other threads.
#[derive(Debug)]
pub struct Host<'a> {
    lender: &'a Lender,
    /// Raw pointers keep this on its thread.
    thread: PhantomData<*const ()>,
}

impl<'a> Host<'a> {
    pub(crate) fn new(lender: &'a Lender) -> Self {
        Self { lender, thread: PhantomData }
    }

    /// What also works on other threads.
    pub fn signals(&self) -> Signals<'a> {
        Signals { lender: self.lender, context: self.lender.0.context }
    }

    /// Tells the user something: lower-case, no full stop.
    pub fn log(&self, level: LogLevel, text: &str) {
        self.signals().log(level, text);
    }

    /// Says how much of the work is done; breaks when the host wants the task to return
    /// [`TaskError::Cancelled`].
    pub fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        let Lender(host) = self.lender;
        // SAFETY: the host's function with its own context, on the call thread.
        match host.progress.map(|progress| unsafe { progress(host.context, done, total) }) {
            None | Some(abi::CONTINUE) => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    /// The same as an error, for `?`.
    ///
    /// # Errors
    /// [`TaskError::Cancelled`].
    pub fn step(&self, done: u64, total: u64) -> Result<(), TaskError> {
        match self.progress(done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TaskError::Cancelled),
        }
    }

    /// Adds a number to the record of the run, which must be finite. The same name again replaces
    /// it; the name `masks` is that of the masks that the result is made of.
    pub fn record(&self, name: &str, value: f64) {
        let Lender(host) = self.lender;
        if let Some(record) = host.record {
            // SAFETY: the host's function with its own context, on the call thread.
            unsafe { record(host.context, abi::Str::new(name), value) };
        }
    }

    /// How many threads the task should use.
    pub fn threads(&self) -> usize {
        self.lender.0.threads.max(1) as usize
    }

    /// Segment Anything on the image of the run.
    ///
    /// # Errors
    /// When the host does not have it. A task that lists [`crate::EXT_SAM`] in its descriptor only
    /// runs where the host has it; in `create` nobody has.
    pub fn sam(&self) -> Result<Sam<'a>, TaskError> {
        Ok(Sam::new(self.signals(), self.extension::<abi::Sam>(abi::EXT_SAM)?))
    }

    /// CLIP, in `create` as well as in `run`: texts that do not change are best embedded once, in
    /// `create`.
    ///
    /// # Errors
    /// When the host does not have it. A task that lists [`crate::EXT_CLIP`] in its descriptor only
    /// runs where the host has it.
    pub fn clip(&self) -> Result<Clip<'a>, TaskError> {
        Ok(Clip::new(self.signals(), self.extension::<abi::Clip>(abi::EXT_CLIP)?))
    }

    /// The file of weights with this name in samkit's registry.
    ///
    /// # Errors
    /// When the host has no such weights.
    pub fn weights_path(&self, id: &str) -> Result<PathBuf, TaskError> {
        const SERVICE: &str = "samkit.models/1 weights_path";
        let models = self.extension::<abi::Models>(abi::EXT_MODELS)?;
        let weights_path = models.weights_path.ok_or_else(|| missing(SERVICE))?;
        let mut path = std::ptr::null();
        // SAFETY: the host's function with its own context, on the call thread; `path` is written
        // before it returns `OK`.
        let path = unsafe {
            let status = weights_path(self.lender.0.context, abi::Str::new(id), &mut path);
            self.signals().check(SERVICE, status)?;
            if path.is_null() {
                return Err(missing(SERVICE));
            }
            CStr::from_ptr(path)
        };
        let path = path.to_str().map_err(|error| TaskError::Service {
            service: SERVICE,
            reason: format!("the path is not UTF-8: {error}"),
        })?;
        Ok(PathBuf::from(path))
    }

    fn extension<T: abi::Versioned>(&self, name: &'static str) -> Result<T, TaskError> {
        let Lender(host) = self.lender;
        let get = host.get_extension.ok_or_else(|| missing(name))?;
        // SAFETY: the host's function with its own context, on the call thread; the extension of
        // this name is such a struct, and valid during the call.
        let extension = unsafe {
            let pointer = get(host.context, abi::Str::new(name)).cast::<T>();
            if pointer.is_null() {
                return Err(missing(name));
            }
            abi::read(pointer)
        };
        Ok(extension.map_err(|error| Malformed::from_read::<T>(name, error))?)
    }
}

/// What a task may use on any of its threads while `run` lasts.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    lender: &'a Lender,
    /// First argument of the functions in extensions: the host's context, or that of a picture.
    context: *mut c_void,
}

// SAFETY: used for the functions that the border allows on any thread only, and `'a` ends with the
// call.
unsafe impl Send for Signals<'_> {}
// SAFETY: as above.
unsafe impl Sync for Signals<'_> {}

impl Signals<'_> {
    pub(crate) fn of_picture(self, context: *mut c_void) -> Self {
        Self { context, ..self }
    }

    /// Tells the user something: lower-case, no full stop.
    pub fn log(&self, level: LogLevel, text: &str) {
        let host = &self.lender.0;
        if let Some(log) = host.log {
            // SAFETY: the host's function with its own context.
            unsafe { log(host.context, level.code(), abi::Str::new(text)) };
        }
    }

    /// Whether the task should return [`TaskError::Cancelled`] soon.
    pub fn is_cancelled(&self) -> bool {
        let host = &self.lender.0;
        // SAFETY: the host's function with its own context.
        host.is_cancelled.is_some_and(|f| unsafe { f(host.context) } != abi::CONTINUE)
    }

    pub(crate) fn context(&self) -> *mut c_void {
        self.context
    }

    pub(crate) fn is_of_picture(&self) -> bool {
        self.context != self.lender.0.context
    }

    /// A status of the host as a result, with the host's own words.
    pub(crate) fn check(
        &self,
        service: &'static str,
        status: abi::Status,
    ) -> Result<(), TaskError> {
        let host = &self.lender.0;
        match status {
            abi::OK => Ok(()),
            abi::CANCELLED => Err(TaskError::Cancelled),
            _ => {
                let reason = host.last_error.map(|last_error| {
                    // SAFETY: the host's function with its own context; the text is copied before
                    // the next call.
                    unsafe { text(last_error(host.context), || "the host's error".to_owned()) }
                        .map_or_else(|error| error.to_string(), str::to_owned)
                });
                let reason = reason.unwrap_or_else(|| format!("status {status}"));
                Err(TaskError::Service { service, reason })
            }
        }
    }
}

pub(crate) fn missing(service: &'static str) -> TaskError {
    TaskError::Service { service, reason: "the host does not have it".to_owned() }
}
