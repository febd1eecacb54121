//! Pictures in the hands of a plugin that breaks the rules: refused, and the step fails.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "support/raw.rs"]
mod raw;
mod support;

use std::{
    cell::Cell,
    collections::HashSet,
    ffi::c_void,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicPtr, Ordering},
    },
};

use samkit_plugin_abi as abi;
use samkit_plugin_host::{Cancel, Input, Instance, Plugin, PluginError};
use serde_json::json;
use support::TestHost;

type OpenPicture =
    unsafe extern "C" fn(*mut c_void, *const abi::Tensor, *mut abi::Picture) -> abi::Status;

/// The host's functions as a plugin has them in its hands.
#[derive(Clone, Copy)]
struct Border {
    context: *mut c_void,
    sam: abi::Sam,
}

const NOTHING: abi::Picture =
    abi::Picture { context: std::ptr::null_mut(), sam: std::ptr::null(), handle: 0 };

impl Border {
    /// # Safety
    /// `host` is the argument of `run`.
    unsafe fn read(host: *const abi::Host) -> Self {
        // SAFETY: the host's struct, its function with its own context, and the extension of this
        // name.
        unsafe {
            let host = abi::read(host).unwrap();
            let name = abi::Str::new(abi::EXT_SAM);
            let sam = host.get_extension.unwrap()(host.context, name).cast();
            Self { context: host.context, sam: abi::read(sam).unwrap() }
        }
    }

    fn open_raw(&self, pixels: *const abi::Tensor, picture: *mut abi::Picture) -> abi::Status {
        // SAFETY: the host's function with its own context; what is wrong is refused before it is
        // read or written.
        unsafe { self.sam.open_picture.unwrap()(self.context, pixels, picture) }
    }

    fn open(&self, shape: &[i64]) -> abi::Status {
        self.open_raw(&image(shape), &mut { NOTHING })
    }

    fn try_open(&self) -> (abi::Status, abi::Picture) {
        let mut picture = NOTHING;
        (self.open_raw(&image(&[4, 6, 3]), &mut picture), picture)
    }

    fn opened(&self) -> abi::Picture {
        let (status, picture) = self.try_open();
        assert_eq!(status, abi::OK);
        picture
    }

    fn release(&self, handle: u64) -> abi::Status {
        // SAFETY: the host's function with its own context.
        unsafe { self.sam.release.unwrap()(self.context, handle) }
    }

    /// The same functions for a picture, or with any other context.
    fn with(&self, context: *mut c_void) -> Self {
        Self { context, ..*self }
    }

    fn predict(&self) -> abi::Status {
        let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
        // SAFETY: as above.
        unsafe { self.sam.predict.unwrap()(self.context, std::ptr::null(), 0, 0, &mut found) }
    }

    fn mask(&self, out: &mut [u8]) -> abi::Status {
        let logits = vec![1.0; abi::LOW_RES_LEN];
        let mask = self.sam.mask.unwrap();
        // SAFETY: as above.
        unsafe { mask(self.context, logits.as_ptr(), out.as_mut_ptr(), out.len()) }
    }
}

/// An image of `shape`, whose pixels are as many as those of 4×6×3.
fn image(shape: &[i64]) -> abi::Tensor {
    static PIXELS: [u8; 72] = [7; 72];
    abi::Tensor {
        data: PIXELS.as_ptr().cast(),
        ndim: shape.len() as u32,
        dtype: abi::DataType { code: abi::DTYPE_UINT, bits: 8, lanes: 1 },
        shape: shape.as_ptr(),
        strides: std::ptr::null(),
    }
}

type Act = fn(&Border) -> abi::Status;

thread_local! {
    /// What the plugin of the current test does.
    static ACT: Cell<Act> = const { Cell::new(|_| abi::OK) };
}

unsafe extern "C" fn run(
    _: *mut c_void,
    host: *const abi::Host,
    _: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    let mut masks = abi::Artifact::empty(abi::KIND_MASKS, abi::Str::new("masks"));
    (masks.width, masks.height) = (6, 4);
    // SAFETY: the host's structs, and its function with its own context.
    unsafe {
        let outputs = abi::read(outputs).unwrap();
        outputs.put.unwrap()(outputs.context, &masks);
        ACT.get()(&Border::read(host))
    }
}

fn instance(host: &TestHost) -> Instance {
    let plugin = Plugin::linked_in(raw::leak(raw::entry("bad", run))).unwrap();
    plugin.create(&json!({}), host).unwrap()
}

fn run_on(host: &TestHost, instance: &mut Instance, act: Act) -> Result<(), PluginError> {
    ACT.set(act);
    let image = image::RgbImage::new(6, 4);
    instance.run(&[Input::image("image", &image)], host, &Cancel::default()).map(|_| ())
}

fn outcome(act: Act) -> Result<(), PluginError> {
    let host = TestHost::new(6, 4);
    let result = run_on(&host, &mut instance(&host), act);
    assert_eq!(host.open_pictures(), 0);
    result
}

#[track_caller]
fn breaks(act: Act, expected: &str) {
    let error = outcome(act).unwrap_err();
    assert!(matches!(error, PluginError::Misbehaved { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("`bad` broke a rule: {expected}"));
}

/// Does `work` on a thread of the plugin's own.
fn elsewhere<R: Send>(border: Border, work: impl FnOnce(&Border) -> R + Send) -> R {
    struct Carry(Border);
    // SAFETY: the test waits for the thread.
    unsafe impl Send for Carry {}
    let carry = Carry(border);
    let work = move || {
        let carry = { carry };
        work(&carry.0)
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn right_arguments() {
    outcome(|b| {
        let picture = b.opened();
        // SAFETY: the host's struct, valid until the picture is released.
        let sam = unsafe { abi::read(picture.sam) }.unwrap();
        assert_eq!((sam.image_width, sam.image_height), (6, 4));
        assert!(sam.open_picture.is_none());
        let shown = b.with(picture.context);
        assert_eq!((shown.predict(), shown.mask(&mut [0; 24])), (abi::OK, abi::OK));
        assert_eq!(elsewhere(shown, |shown| shown.mask(&mut [0; 24])), abi::OK);
        // By the picture's context as well as by the host's.
        assert_eq!(shown.release(picture.handle), abi::OK);
        b.release(b.opened().handle)
    })
    .unwrap();
}

#[test]
fn contexts_are_used_again() {
    outcome(|b| {
        let mut contexts = HashSet::new();
        for _ in 0..100 {
            let (first, second) = (b.opened(), b.opened());
            contexts.extend([first.context, second.context]);
            assert_eq!((b.release(first.handle), b.release(second.handle)), (abi::OK, abi::OK));
        }
        assert_eq!(contexts.len(), 2);
        assert!(!contexts.contains(&b.context));
        abi::OK
    })
    .unwrap();
}

#[test]
fn one_more_than_the_most_fails_and_breaks_no_rule() {
    fn open_all(b: &Border) -> Vec<abi::Picture> {
        (0..abi::MAX_PICTURES).map(|_| b.opened()).collect()
    }
    let error = outcome(|b| {
        open_all(b);
        b.open(&[4, 6, 3])
    });
    let Err(PluginError::Failed { source: Some(source), .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "16 pictures are open already, which is the most");
    outcome(|b| {
        let pictures = open_all(b);
        assert_eq!(b.open(&[4, 6, 3]), abi::FAILED);
        assert_eq!(b.release(pictures[3].handle), abi::OK);
        b.open(&[4, 6, 3])
    })
    .unwrap();
}

#[test]
fn pictures_that_are_none() {
    let wrong =
        |reason: &str| format!("it called `sam.open_picture` with wrong arguments: {reason}");
    breaks(|b| b.open_raw(std::ptr::null(), &mut { NOTHING }), &wrong("the picture is null"));
    breaks(
        |b| {
            let tensor = abi::Tensor { data: std::ptr::null(), ..image(&[4, 6, 3]) };
            b.open_raw(&tensor, &mut { NOTHING })
        },
        &wrong("the picture is null"),
    );
    breaks(
        |b| b.open_raw(&image(&[4, 6, 3]), std::ptr::null_mut()),
        &wrong("there is no place for the result"),
    );
    breaks(
        |b| b.open(&[3, 6, 4]),
        &wrong("the picture is u8 [3, 6, 4], expected u8 (height, width, 3)"),
    );
    breaks(
        |b| b.open(&[4, 18]),
        &wrong("the picture is u8 [4, 18], expected u8 (height, width, 1, 3 or 4)"),
    );
    breaks(
        |b| b.open(&[4, 0, 3]),
        &wrong("the picture is u8 [4, 0, 3], expected u8 (height, width, 1, 3 or 4)"),
    );
    breaks(
        |b| {
            let dtype = abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 };
            b.open_raw(&abi::Tensor { dtype, ..image(&[2, 3, 3]) }, &mut { NOTHING })
        },
        &wrong("the picture is f32 [2, 3, 3], expected u8 [2, 3, 3]"),
    );
}

#[test]
fn a_picture_opens_no_pictures() {
    breaks(
        |b| b.with(b.opened().context).open(&[4, 6, 3]),
        "it called `sam.open_picture` with wrong arguments: the context is that of a picture, \
         expected the host's",
    );
}

#[test]
fn closed_pictures() {
    let wrong = "with wrong arguments: the picture is not open";
    fn closed(b: &Border) -> Border {
        let picture = b.opened();
        assert_eq!(b.release(picture.handle), abi::OK);
        b.with(picture.context)
    }
    breaks(|b| closed(b).predict(), &format!("it called `sam.predict` {wrong}"));
    breaks(|b| closed(b).mask(&mut [0; 24]), &format!("it called `sam.mask` {wrong}"));
    breaks(
        |b| elsewhere(closed(b), |shown| shown.mask(&mut [0; 24])),
        &format!("it called `sam.mask` {wrong}"),
    );
    breaks(|b| closed(b).release(1), "it released handle 1, which it did not have");
}

#[test]
fn answers_outlive_their_picture() {
    outcome(|b| {
        let (picture, point) = (b.opened(), abi::Point { x: 1.0, y: 1.0, label: 1 });
        let (points, bbox, mask) = (&raw const point, std::ptr::null(), std::ptr::null());
        let prompt = abi::Prompt { points, point_count: 1, bbox, mask };
        let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
        // SAFETY: the host's function with the picture's context.
        let status = unsafe { b.sam.predict.unwrap()(picture.context, &prompt, 1, 0, &mut found) };
        assert_eq!((status, b.release(picture.handle)), (abi::OK, abi::OK));
        // SAFETY: the host's list, valid until it is released.
        unsafe { assert_eq!(*(*found.masks).logits.data.cast::<f32>(), 7.0) };
        b.release(found.handle)
    })
    .unwrap();
}

#[test]
fn a_picture_that_is_closed_while_another_thread_looks_at_it() {
    static GATE: Barrier = Barrier::new(2);
    let mut host = TestHost::new(6, 4);
    host.gate = Some(&GATE);
    let act: Act = |b| {
        let picture = b.opened();
        // Nothing is asserted in the scope, which waits for the thread, which waits for the gate.
        let (looked, released, other) = std::thread::scope(|scope| {
            struct Carry(Border);
            // SAFETY: the scope waits for the thread.
            unsafe impl Send for Carry {}
            let carry = Carry(b.with(picture.context));
            let looking = scope.spawn(move || {
                let carry = { carry };
                let mut out = [0; 24];
                (carry.0.mask(&mut out), out)
            });
            GATE.wait();
            let released = b.release(picture.handle);
            let other = b.try_open();
            GATE.wait();
            (looking.join(), released, other)
        });
        assert_eq!(looked.unwrap(), (abi::OK, [1; 24]));
        let (opened, other) = other;
        assert_eq!((released, opened), (abi::OK, abi::OK));
        // The first place is taken while the thread is there, and free once it has left.
        assert_ne!(other.context, picture.context);
        assert_eq!(b.opened().context, picture.context);
        abi::OK
    };
    run_on(&host, &mut instance(&host), act).unwrap();
    assert_eq!(host.open_pictures(), 0);
}

#[test]
fn another_thread() {
    breaks(
        |b| elsewhere(*b, |b| b.open(&[4, 6, 3])),
        "it called `sam.open_picture` from another thread than that of the call",
    );
    breaks(
        |b| elsewhere(b.with(b.opened().context), Border::predict),
        "it called `sam.predict` from another thread than that of the call",
    );
}

#[test]
fn after_the_run() {
    static CONTEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    static SAM: Mutex<Option<abi::Sam>> = Mutex::new(None);
    let host = TestHost::new(6, 4);
    let mut instance = instance(&host);
    let act: Act = |b| {
        CONTEXT.store(b.opened().context, Ordering::Relaxed);
        *SAM.lock().unwrap() = Some(b.sam);
        abi::OK
    };
    run_on(&host, &mut instance, act).unwrap();
    assert_eq!(host.open_pictures(), 0);
    let late = || {
        let sam = SAM.lock().unwrap().unwrap();
        Border { context: CONTEXT.load(Ordering::Relaxed), sam }
    };
    // What a plugin must not do, and the host survives.
    assert_eq!(late().mask(&mut [0; 24]), abi::WRONG_CALL);
    let error = run_on(&host, &mut instance, |_| abi::OK).unwrap_err().to_string();
    assert!(
        error.ends_with("it called `sam.mask` after `create` or `run` had returned"),
        "{error}"
    );
}

#[test]
fn in_create_there_is_nothing_to_look_at_pictures_with() {
    static OPEN: Mutex<Option<OpenPicture>> = Mutex::new(None);
    unsafe extern "C" fn create(
        host: *const abi::Host,
        params: abi::Str,
        instance: *mut *mut c_void,
    ) -> abi::Status {
        let open = OPEN.lock().unwrap().unwrap();
        // SAFETY: the host's struct and place, and its function with its own context.
        unsafe {
            raw::create(host, params, instance);
            open(abi::read(host).unwrap().context, &image(&[4, 6, 3]), &mut { NOTHING })
        }
    }
    outcome(|b| {
        *OPEN.lock().unwrap() = b.sam.open_picture;
        abi::OK
    })
    .unwrap();
    let mut entry = raw::entry("bad", run);
    entry.create = Some(create);
    let plugin = Plugin::linked_in(raw::leak(entry)).unwrap();
    let error = plugin.create(&json!({}), &TestHost::new(6, 4)).unwrap_err();
    assert_eq!(error.to_string(), "`bad` failed: the raw words");
}
