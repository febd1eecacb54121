//! What the host gives to a plugin during a call.

use core::ffi::{c_char, c_void};

use crate::{Artifact, Header, Status, Str, Versioned};

/// Something failed.
pub const LOG_ERROR: u32 = 1;
/// Something is odd, but work goes on.
pub const LOG_WARN: u32 = 2;
/// Worth knowing.
pub const LOG_INFO: u32 = 3;
/// For the plugin's author.
pub const LOG_DEBUG: u32 = 4;

/// Go on.
pub const CONTINUE: u32 = 0;
/// Return `CANCELLED` soon.
pub const STOP: u32 = 1;

/// The host's functions. All take `context`, the field of this struct.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Magic, version and size.
    pub header: Header,
    /// First argument of every function here and in the extensions.
    pub context: *mut c_void,
    /// How many threads the task should use; at least 1.
    pub threads: u32,
    /// Zero.
    pub reserved: u32,
    /// Tells the user something; `level` is `LOG_ERROR`, …. Any thread.
    pub log: Option<unsafe extern "C" fn(context: *mut c_void, level: u32, text: Str)>,
    /// Says how much of the work is done; returns `CONTINUE` or `STOP`. Call thread.
    pub progress: Option<unsafe extern "C" fn(context: *mut c_void, done: u64, total: u64) -> u32>,
    /// `STOP` when the plugin should return soon, else `CONTINUE`. Cheap. Any thread.
    pub is_cancelled: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
    /// Adds a number to the record of the run; `value` is finite. The same name again replaces it; the
    /// name `masks` is that of the masks that the result is made of. Call thread.
    pub record: Option<unsafe extern "C" fn(context: *mut c_void, name: Str, value: f64)>,
    /// The extension of this name, a struct that begins with a header, valid during the call; null
    /// when the host does not have it. Call thread.
    pub get_extension:
        Option<unsafe extern "C" fn(context: *mut c_void, name: Str) -> *const c_void>,
    /// Why the last function of the host failed on this thread; valid until the next call of a host
    /// function on this thread. Any thread.
    pub last_error: Option<unsafe extern "C" fn(context: *mut c_void) -> Str>,
}

// SAFETY: `repr(C)`, a header first, and pointers and `Option`s of functions after it.
unsafe impl Versioned for Host {
    const NAME: &'static str = "SamkitHost";
    const MIN_SIZE: usize = size_of::<Self>();
}

/// What a run works on.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// Magic, version and size.
    pub header: Header,
    /// One artifact for every input that is given.
    pub artifacts: *const *const Artifact,
    /// How many.
    pub artifact_count: usize,
}

// SAFETY: `repr(C)`, a header first, and a pointer and a number after it.
unsafe impl Versioned for Inputs {
    const NAME: &'static str = "SamkitInputs";
    const MIN_SIZE: usize = size_of::<Self>();
}

/// Where a run's results go.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Outputs {
    /// Magic, version and size.
    pub header: Header,
    /// First argument of `put`.
    pub context: *mut c_void,
    /// Hands over an output with all that it points to, whatever the status: from now on the host
    /// owns it and will call its `release`. Call thread.
    pub put:
        Option<unsafe extern "C" fn(context: *mut c_void, artifact: *const Artifact) -> Status>,
}

// SAFETY: `repr(C)`, a header first, and a pointer and an `Option` of a function after it.
unsafe impl Versioned for Outputs {
    const NAME: &'static str = "SamkitOutputs";
    const MIN_SIZE: usize = size_of::<Self>();
}

/// Extension: files of weights. A [`Models`].
pub const EXT_MODELS: &str = "samkit.models/1";

/// Weights by their name in samkit's registry.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Models {
    /// Magic, version and size.
    pub header: Header,
    /// Writes the path of the weights `id` to `path`: UTF-8, terminated by a zero, valid until
    /// `create` or `run` returns. Call thread.
    pub weights_path: Option<
        unsafe extern "C" fn(context: *mut c_void, id: Str, path: *mut *const c_char) -> Status,
    >,
}

// SAFETY: `repr(C)`, a header first, and an `Option` of a function after it.
unsafe impl Versioned for Models {
    const NAME: &'static str = "SamkitModels";
    const MIN_SIZE: usize = size_of::<Self>();
}
