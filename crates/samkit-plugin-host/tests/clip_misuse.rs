//! Wrong arguments to the functions of CLIP: refused, and the step fails with what was wrong.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "support/raw.rs"]
mod raw;
mod support;

use std::{cell::Cell, ffi::c_void};

use samkit_plugin_abi as abi;
use samkit_plugin_host::{Cancel, Input, Plugin, PluginError};
use serde_json::json;
use support::{DIM, TestHost, unit};

/// The host's functions as a plugin has them in its hands.
struct Border {
    context: *mut c_void,
    clip: abi::Clip,
}

const KNOWN: abi::Str = abi::Str { data: b"known".as_ptr(), len: 5 };
const NOT_UTF8: abi::Str = abi::Str { data: b"ab\xFF".as_ptr(), len: 3 };

impl Border {
    /// # Safety
    /// `host` is the argument of `create` or `run`.
    unsafe fn read(host: *const abi::Host) -> Self {
        // SAFETY: the host's struct, its function with its own context, and the extension of this
        // name.
        unsafe {
            let host = abi::read(host).unwrap();
            let name = abi::Str::new(abi::EXT_CLIP);
            let clip = host.get_extension.unwrap()(host.context, name).cast();
            Self { context: host.context, clip: abi::read(clip).unwrap() }
        }
    }

    fn describe(&self, model: abi::Str, info: *mut abi::ClipInfo) -> abi::Status {
        // SAFETY: the host's function with its own context.
        unsafe { self.clip.describe.unwrap()(self.context, model, info) }
    }

    fn texts(&self, model: abi::Str, texts: &[abi::Str], out: &mut [f32]) -> abi::Status {
        let (list, count) = (texts.as_ptr(), texts.len());
        self.raw_texts(model, list, count, out.as_mut_ptr(), out.len())
    }

    fn raw_texts(
        &self,
        model: abi::Str,
        texts: *const abi::Str,
        count: usize,
        out: *mut f32,
        out_len: usize,
    ) -> abi::Status {
        let embed = self.clip.embed_texts.unwrap();
        // SAFETY: the host's function with its own context; what is wrong is refused before it is
        // read or written.
        unsafe { embed(self.context, model, texts, count, out, out_len) }
    }

    fn images(&self, images: &[abi::Tensor]) -> abi::Status {
        let mut out = vec![0.0; images.len() * DIM];
        let (list, count) = (images.as_ptr(), images.len());
        let embed = self.clip.embed_images.unwrap();
        // SAFETY: as in `raw_texts`.
        unsafe { embed(self.context, KNOWN, list, count, out.as_mut_ptr(), out.len()) }
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
    /// What the plugin of the current test does in `create` and in `run`.
    static ACTS: Cell<[Act; 2]> = const { Cell::new([|_| abi::OK; 2]) };
}

unsafe extern "C" fn create(
    host: *const abi::Host,
    params: abi::Str,
    instance: *mut *mut c_void,
) -> abi::Status {
    // SAFETY: the host's struct and place.
    unsafe {
        raw::create(host, params, instance);
        ACTS.get()[0](&Border::read(host))
    }
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
        ACTS.get()[1](&Border::read(host))
    }
}

fn outcome(acts: [Act; 2]) -> Result<(), PluginError> {
    ACTS.set(acts);
    let mut entry = raw::entry("bad", run);
    entry.create = Some(create);
    let host = TestHost::new(6, 4);
    let mut instance = Plugin::linked_in(raw::leak(entry)).unwrap().create(&json!({}), &host)?;
    let image = image::RgbImage::new(6, 4);
    instance.run(&[Input::image("image", &image)], &host, &Cancel::default()).map(|_| ())
}

/// Does `act` in `create` and in `run`: either fails with `expected`.
#[track_caller]
fn breaks(act: Act, expected: &str) {
    for acts in [[act, |_| abi::OK], [|_| abi::OK, act]] {
        let error = outcome(acts).unwrap_err();
        assert!(matches!(error, PluginError::Misbehaved { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("`bad` broke a rule: it called `clip.{expected}"));
    }
}

#[test]
fn right_arguments_in_create_and_in_run() {
    let act: Act = |b| {
        let mut info = abi::ClipInfo { dim: 0, image_side: 0, logit_scale: 0.0 };
        assert_eq!(b.describe(KNOWN, &mut info), abi::OK);
        assert_eq!(info, abi::ClipInfo { dim: DIM, image_side: 224, logit_scale: 100.0 });
        let mut out = [0.0; 2 * DIM];
        assert_eq!(b.texts(KNOWN, &[KNOWN, abi::Str::EMPTY], &mut out), abi::OK);
        assert_eq!((&out[..DIM], &out[DIM..]), (&unit(5)[..], &unit(0)[..]));
        assert_eq!(b.texts(KNOWN, &[], &mut []), abi::OK);
        assert_eq!(b.raw_texts(KNOWN, std::ptr::null(), 0, std::ptr::null_mut(), 0), abi::OK);
        b.images(&[image(&[4, 6, 3]), image(&[1, 1, 3])])
    };
    outcome([act, act]).unwrap();
}

#[test]
fn nulls() {
    breaks(
        |b| b.describe(KNOWN, std::ptr::null_mut()),
        "describe` with wrong arguments: there is no place for the result",
    );
    breaks(
        |b| b.raw_texts(KNOWN, std::ptr::null(), 2, [0.0; 2 * DIM].as_mut_ptr(), 2 * DIM),
        "embed_texts` with wrong arguments: the list of texts is null",
    );
    breaks(
        |b| b.raw_texts(KNOWN, &KNOWN, 1, std::ptr::null_mut(), DIM),
        "embed_texts` with wrong arguments: the room for the result is null",
    );
    breaks(
        |b| b.texts(KNOWN, &[abi::Str { data: std::ptr::null(), len: 3 }], &mut [0.0; DIM]),
        "embed_texts` with wrong arguments: text 0 is null",
    );
    breaks(
        |b| b.images(&[abi::Tensor { data: std::ptr::null(), ..image(&[4, 6, 3]) }]),
        "embed_images` with wrong arguments: image 0 is null",
    );
}

#[test]
fn room_that_does_not_fit() {
    breaks(
        |b| b.texts(KNOWN, &[KNOWN, KNOWN], &mut [0.0; DIM]),
        "embed_texts` with wrong arguments: room for 4 values, expected 8",
    );
    breaks(
        |b| b.raw_texts(KNOWN, &KNOWN, 1, std::ptr::without_provenance_mut(2), DIM),
        "embed_texts` with wrong arguments: the room for the result is not aligned",
    );
    breaks(
        |b| b.raw_texts(KNOWN, std::ptr::dangling(), usize::MAX, std::ptr::dangling_mut(), DIM),
        &format!(
            "embed_texts` with wrong arguments: the list of texts has {} entries, which is more than \
             can be",
            usize::MAX
        ),
    );
    breaks(
        |b| b.texts(abi::Str::new("huge"), &[KNOWN; 3], &mut [0.0; DIM]),
        &format!(
            "embed_texts` with wrong arguments: 3 embeddings of {} values are more than can be",
            usize::MAX / 2
        ),
    );
    breaks(
        |b| {
            let huge = abi::Str::new("huge");
            b.raw_texts(huge, &KNOWN, 1, std::ptr::dangling_mut(), usize::MAX / 2)
        },
        &format!(
            "embed_texts` with wrong arguments: the room for the result has {} entries, which is more \
             than can be",
            usize::MAX / 2
        ),
    );
}

#[test]
fn text_that_is_not_utf8() {
    breaks(
        |b| b.describe(NOT_UTF8, std::ptr::dangling_mut()),
        "describe` with wrong arguments: the name of the model is not UTF-8: byte 2 is wrong",
    );
    breaks(
        |b| b.texts(KNOWN, &[KNOWN, NOT_UTF8], &mut [0.0; 2 * DIM]),
        "embed_texts` with wrong arguments: text 1 is not UTF-8: byte 2 is wrong",
    );
}

#[test]
fn images_that_are_none() {
    let wrong = "embed_images` with wrong arguments:";
    breaks(
        |b| b.images(&[image(&[4, 6, 3]), image(&[4, 18])]),
        &format!("{wrong} image 1 is u8 [4, 18], expected u8 (height, width, 1, 3 or 4)"),
    );
    breaks(
        |b| b.images(&[image(&[3, 6, 4])]),
        &format!("{wrong} image 0 is u8 [3, 6, 4], expected u8 (height, width, 3)"),
    );
    breaks(
        |b| b.images(&[image(&[0, 6, 3])]),
        &format!("{wrong} image 0 is u8 [0, 6, 3], expected u8 (height, width, 1, 3 or 4)"),
    );
    breaks(
        |b| b.images(&[image(&[i64::MAX, 6, 3])]),
        &format!(
            "{wrong} image 0 is u8 [9223372036854775807, 6, 3], expected u8 (height, width, 1, 3 or 4)"
        ),
    );
    breaks(
        |b| {
            // Two rows in the room of three: every second row of a larger image.
            let strides = [36, 3, 1];
            b.images(&[abi::Tensor { strides: strides.as_ptr(), ..image(&[2, 6, 3]) }])
        },
        &format!("{wrong} image 0 is u8 [2, 6, 3] with strides, expected u8 [2, 6, 3]"),
    );
    breaks(
        |b| {
            let dtype = abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 };
            b.images(&[abi::Tensor { dtype, ..image(&[2, 3, 3]) }])
        },
        &format!("{wrong} image 0 is f32 [2, 3, 3], expected u8 [2, 3, 3]"),
    );
}

#[test]
fn another_thread() {
    struct Carry<'b>(&'b Border);
    // SAFETY: the test waits for the thread.
    unsafe impl Send for Carry<'_> {}
    breaks(
        |b| {
            let carry = Carry(b);
            let work = move || {
                let Carry(border) = { carry };
                border.texts(KNOWN, &[KNOWN], &mut [0.0; DIM])
            };
            std::thread::scope(|scope| scope.spawn(work).join().unwrap())
        },
        "embed_texts` from another thread than that of the call",
    );
}

#[test]
fn a_failure_that_the_plugin_passes_on_in_c() {
    let act: Act = |b| b.texts(abi::Str::new("clipp"), &[KNOWN], &mut [0.0; DIM]);
    let error = outcome([act, |_| abi::OK]).unwrap_err();
    assert_eq!(error.to_string(), "`bad` failed: the raw words");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no CLIP is called `clipp`");
}
