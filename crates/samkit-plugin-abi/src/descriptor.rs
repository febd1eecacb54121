//! What a plugin is and how it is called.

use core::ffi::c_void;

use crate::{Header, Host, Inputs, Kind, Outputs, Status, Str, Versioned};

/// Input: may be left out. Output: may be missing from a successful run.
pub const SLOT_OPTIONAL: u32 = 1;
/// Output: written where the user does not say what to write.
pub const SLOT_DEFAULT: u32 = 2;

/// Something that a task takes or gives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// What recipes call it; unique among the inputs, and among the outputs. The image that is being
    /// worked on comes in the input of kind `KIND_IMAGE`.
    pub name: Str,
    /// One sentence for people.
    pub description: Str,
    /// `KIND_IMAGE`, ….
    pub kind: Kind,
    /// `SLOT_OPTIONAL`, `SLOT_DEFAULT`, both or 0.
    pub flags: u32,
    /// Output: the parameter without which it is not made, or empty. It is written where the user
    /// does not say what to write only if that parameter is given and not null.
    pub needs: Str,
}

/// What a plugin is: static, and readable before anything is created.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// Magic, version and size.
    pub header: Header,
    /// The task's name in recipes: lower-case letters, digits, `-`, `_` and `.`, a letter first.
    pub id: Str,
    /// The task's name for people.
    pub name: Str,
    /// The plugin's own version.
    pub version: Str,
    /// SPDX expression.
    pub license: Str,
    /// What the task does, for people.
    pub description: Str,
    /// JSON Schema (draft 7) of the parameters: an object with all defaults, ranges and
    /// descriptions.
    pub params_schema: Str,
    /// What it takes.
    pub inputs: *const Slot,
    /// How many.
    pub input_count: usize,
    /// What it gives.
    pub outputs: *const Slot,
    /// How many.
    pub output_count: usize,
    /// Names of the host's extensions that it cannot do without, e.g. `samkit.sam/1`.
    pub extensions: *const Str,
    /// How many.
    pub extension_count: usize,
}

// SAFETY: `repr(C)`, a header first, and pointers and numbers after it.
unsafe impl Versioned for Descriptor {
    const NAME: &'static str = "SamkitDescriptor";
    const MIN_SIZE: usize = size_of::<Self>();
}

/// A plugin's functions: static. None may unwind; all but `init` are required.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Magic, version and size.
    pub header: Header,
    /// What the plugin is.
    pub descriptor: *const Descriptor,
    /// Called once after loading, before anything else; null when there is nothing to prepare. When
    /// it fails, the plugin is not used.
    pub init: Option<unsafe extern "C" fn() -> Status>,
    /// Makes an instance of the task for the parameters `params`, a JSON object that leaves out what
    /// is to have its default. Writes the instance, not null, to `instance`; the host gives it back
    /// to `destroy`. `host` is valid during the call.
    pub create: Option<
        unsafe extern "C" fn(host: *const Host, params: Str, instance: *mut *mut c_void) -> Status,
    >,
    /// Does the task's work on one image. Outputs go to `outputs`, each at most once. All arguments
    /// are valid during the call. When the host asks to stop (`is_cancelled`, `progress`), return
    /// `CANCELLED` soon.
    pub run: Option<
        unsafe extern "C" fn(
            instance: *mut c_void,
            host: *const Host,
            inputs: *const Inputs,
            outputs: *const Outputs,
        ) -> Status,
    >,
    /// Frees an instance. Outputs that were handed over stay valid.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Why the last call on this thread failed; valid until the next call on this thread.
    pub last_error: Option<unsafe extern "C" fn() -> Str>,
}

// SAFETY: `repr(C)`, a header first, and pointers and `Option`s of functions after it.
unsafe impl Versioned for Entry {
    const NAME: &'static str = "SamkitEntry";
    const MIN_SIZE: usize = size_of::<Self>();
}

/// Type of the exported function, whose name is `samkit_plugin_entry_v1`. Returns the plugin's static
/// entry, or null when the plugin cannot work at all.
pub type EntryFn = unsafe extern "C" fn() -> *const Entry;
