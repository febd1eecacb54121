//! Plugins written against the bare border, so that they can break every rule.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(unsafe_code, reason = "plays the other side of the border")]

use std::ffi::c_void;

use samkit_plugin_abi as abi;

pub(crate) type Create =
    unsafe extern "C" fn(*const abi::Host, abi::Str, *mut *mut c_void) -> abi::Status;
pub(crate) type Run = unsafe extern "C" fn(
    *mut c_void,
    *const abi::Host,
    *const abi::Inputs,
    *const abi::Outputs,
) -> abi::Status;

pub(crate) const SCHEMA: &str = r#"{"type":"object","properties":{}}"#;

/// The slots of all these plugins.
fn slots(slots: &[(&'static str, abi::Kind, u32)]) -> &'static [abi::Slot] {
    let slot = |&(name, kind, flags): &(&'static str, abi::Kind, u32)| abi::Slot {
        name: abi::Str::new(name),
        description: abi::Str::EMPTY,
        kind,
        flags,
        needs: abi::Str::EMPTY,
    };
    slots.iter().map(slot).collect::<Vec<_>>().leak()
}

pub(crate) fn descriptor(id: &'static str) -> abi::Descriptor {
    let inputs = slots(&[("image", abi::KIND_IMAGE, 0)]);
    let outputs = slots(&[
        ("masks", abi::KIND_MASKS, 0),
        ("boxes", abi::KIND_BOXES, abi::SLOT_OPTIONAL),
        ("edges", abi::KIND_EDGE_MAP, abi::SLOT_OPTIONAL),
        ("facts", abi::KIND_TABLE, abi::SLOT_OPTIONAL),
        ("picture", abi::KIND_IMAGE, abi::SLOT_OPTIONAL),
    ]);
    abi::Descriptor {
        header: abi::Header::of::<abi::Descriptor>(),
        id: abi::Str::new(id),
        name: abi::Str::new("Raw"),
        version: abi::Str::new("0"),
        license: abi::Str::new("MIT"),
        description: abi::Str::new("for tests"),
        params_schema: abi::Str::new(SCHEMA),
        inputs: inputs.as_ptr(),
        input_count: inputs.len(),
        outputs: outputs.as_ptr(),
        output_count: outputs.len(),
        extensions: std::ptr::null(),
        extension_count: 0,
    }
}

pub(crate) fn entry(id: &'static str, run: Run) -> abi::Entry {
    abi::Entry {
        header: abi::Header::of::<abi::Entry>(),
        descriptor: Box::leak(Box::new(descriptor(id))),
        init: None,
        create: Some(create),
        run: Some(run),
        destroy: Some(destroy),
        last_error: Some(last_error),
    }
}

pub(crate) fn leak(entry: abi::Entry) -> &'static abi::Entry {
    Box::leak(Box::new(entry))
}

pub(crate) unsafe extern "C" fn create(
    _: *const abi::Host,
    _: abi::Str,
    instance: *mut *mut c_void,
) -> abi::Status {
    // SAFETY: the host's place; the instance is any pointer that is not null.
    unsafe { instance.write(std::ptr::dangling_mut::<u64>().cast()) };
    abi::OK
}

unsafe extern "C" fn destroy(_: *mut c_void) {}

unsafe extern "C" fn last_error() -> abi::Str {
    abi::Str::new("the raw words")
}
