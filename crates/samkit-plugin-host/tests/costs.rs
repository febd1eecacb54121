//! What a call costs: memory that is allocated for handing things over.
#![allow(unsafe_code, reason = "counts allocations, and plays the other side of the border")]

#[path = "support/raw.rs"]
mod raw;
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ffi::c_void,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use samkit_core::{Rle, Size};
use samkit_plugin::Region;
use samkit_plugin_abi as abi;
use samkit_plugin_host::{Cancel, Input, Plugin, View};
use serde_json::json;
use support::TestHost;

/// Counts bytes that this thread asks for.
struct Counting;

thread_local! {
    static ALLOCATED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

// SAFETY: the system's allocator, and a counter that allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        // SAFETY: passed on to the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;
const MASKS: usize = 300;

static SEEN_IMAGE: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static SEEN_RUNS: AtomicPtr<u32> = AtomicPtr::new(std::ptr::null_mut());
static SEEN_MASKS: AtomicUsize = AtomicUsize::new(0);

/// Looks at the image and gives the masks back that it was given.
unsafe extern "C" fn echo(
    _: *mut c_void,
    _: *const abi::Host,
    inputs: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    // SAFETY: the host's structs; two inputs, the image first.
    unsafe {
        let artifacts = (*inputs).artifacts;
        SEEN_IMAGE.store((**artifacts).tensor.data.cast_mut(), Ordering::Relaxed);
        let mut masks = **artifacts.add(1);
        SEEN_MASKS.store(masks.region_count, Ordering::Relaxed);
        SEEN_RUNS.store((*masks.regions).rle.cast_mut(), Ordering::Relaxed);
        masks.owner = abi::Owner::NONE;
        (*outputs).put.unwrap()((*outputs).context, &masks)
    }
}

fn with_mask_input(run: raw::Run) -> Plugin {
    let mut descriptor = raw::descriptor("echo");
    // SAFETY: the first of the slots.
    let image = unsafe { *descriptor.inputs };
    let name = abi::Str::new("masks");
    let masks = abi::Slot { name, kind: abi::KIND_MASKS, ..image };
    let inputs = Vec::leak(vec![image, masks]);
    (descriptor.inputs, descriptor.input_count) = (inputs.as_ptr(), inputs.len());
    let mut entry = raw::entry("echo", run);
    entry.descriptor = Box::leak(Box::new(descriptor));
    Plugin::linked_in(raw::leak(entry)).unwrap()
}

#[test]
fn a_large_image_and_300_masks_cross_without_being_copied() {
    let size = Size::new(WIDTH, HEIGHT);
    let host = TestHost::new(WIDTH, HEIGHT);
    let image = image::RgbImage::new(WIDTH, HEIGHT);
    // Stripes: each mask has 4000 runs, all of them 4.8 MB.
    let runs = vec![HEIGHT; WIDTH as usize];
    let mask = || Region::from_mask(Rle::from_counts(size, runs.clone()).unwrap());
    let masks: Vec<Region> = (0..MASKS).map(|_| mask()).collect();
    let mut instance = with_mask_input(echo).create(&json!({}), &host).unwrap();
    let cancel = Cancel::default();

    let before = ALLOCATED.get();
    let inputs = [Input::image("image", &image), Input::masks("masks", size, &masks)];
    let outputs = instance.run(&inputs, &host, &cancel).unwrap();
    let View::Masks(found) = outputs[0].view() else { panic!("no masks") };
    let allocated = ALLOCATED.get() - before;

    assert_eq!(SEEN_IMAGE.load(Ordering::Relaxed).cast(), image.as_raw().as_ptr().cast_mut());
    let own = masks[0].mask.as_ref().unwrap().counts().as_ptr();
    assert_eq!(SEEN_RUNS.load(Ordering::Relaxed).cast_const(), own);
    assert_eq!(found.iter().next().unwrap().runs().unwrap().as_ptr(), own);
    assert_eq!((SEEN_MASKS.load(Ordering::Relaxed), found.len()), (MASKS, MASKS));
    // The list of regions itself, and a little for the call.
    let lists = MASKS * size_of::<abi::Region>();
    println!("{allocated} bytes for a call, {lists} of them the list of masks");
    assert!(allocated < lists + 8192, "{allocated} bytes");
}
