//! Plugins that break the rules: the step fails, and the error names the plugin and what it did.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "support/raw.rs"]
mod raw;
mod support;

use std::{
    cell::Cell,
    ffi::c_void,
    sync::{
        Mutex,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
    time::Duration,
};

use samkit_plugin_abi as abi;
use samkit_plugin_host::{Breach, Cancel, Input, Plugin, PluginError, watched};
use serde_json::json;
use support::TestHost;

const SIZE: (u32, u32) = (6, 4);

thread_local! {
    /// What the plugin of the current test does.
    static ACT: Cell<fn(&Border) -> abi::Status> = const { Cell::new(|_| abi::OK) };
}

/// A call as the plugin sees it.
struct Border {
    host: abi::Host,
    outputs: abi::Outputs,
}

impl Border {
    fn put(&self, artifact: abi::Artifact) -> abi::Status {
        // SAFETY: the host's function with its own context.
        unsafe { self.outputs.put.unwrap()(self.outputs.context, &artifact) }
    }

    fn put_mask(&self, change: impl FnOnce(&mut abi::Artifact, &mut abi::Region)) -> abi::Status {
        let runs = [4, 8, 12];
        let mut region = region();
        (region.rle, region.rle_count) = (runs.as_ptr(), runs.len());
        let mut artifact = artifact(abi::KIND_MASKS, "masks");
        change(&mut artifact, &mut region);
        if artifact.regions.is_null() && artifact.region_count == 0 {
            (artifact.regions, artifact.region_count) = (&raw const region, 1);
        }
        self.put(artifact)
    }

    /// What the task has to give.
    fn put_no_masks(&self) {
        assert_eq!(self.put(artifact(abi::KIND_MASKS, "masks")), abi::OK);
    }

    fn sam(&self) -> abi::Sam {
        // SAFETY: the host's function with its own context, and the extension of this name.
        unsafe {
            let get = self.host.get_extension.unwrap();
            *get(self.host.context, abi::Str::new(abi::EXT_SAM)).cast()
        }
    }
}

fn artifact(kind: abi::Kind, name: &'static str) -> abi::Artifact {
    let mut artifact = abi::Artifact::empty(kind, abi::Str::new(name));
    (artifact.width, artifact.height) = SIZE;
    artifact
}

fn region() -> abi::Region {
    abi::Region {
        bbox: abi::Box { x0: 0.0, y0: 0.0, x1: 2.0, y1: 2.0 },
        score: 0.5,
        flags: abi::REGION_HAS_SCORE,
        label: abi::Str::EMPTY,
        values: std::ptr::null(),
        value_count: 0,
        rle: std::ptr::null(),
        rle_count: 0,
        bitmap: abi::Tensor::NONE,
    }
}

fn tensor<T>(data: &[T], code: u8, shape: &'static [i64]) -> abi::Tensor {
    let bits = 8 * size_of::<T>() as u8;
    abi::Tensor {
        data: data.as_ptr().cast(),
        ndim: shape.len() as u32,
        dtype: abi::DataType { code, bits, lanes: 1 },
        shape: shape.as_ptr(),
        strides: std::ptr::null(),
    }
}

unsafe extern "C" fn run(
    _: *mut c_void,
    host: *const abi::Host,
    _: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    // SAFETY: the host's structs.
    let border =
        unsafe { Border { host: abi::read(host).unwrap(), outputs: abi::read(outputs).unwrap() } };
    ACT.get()(&border)
}

fn run_on(host: &TestHost, act: fn(&Border) -> abi::Status) -> Result<(), PluginError> {
    ACT.set(act);
    let plugin = Plugin::linked_in(raw::leak(raw::entry("bad", run))).unwrap();
    let mut instance = plugin.create(&json!({}), host)?;
    let image = image::RgbImage::new(SIZE.0, SIZE.1);
    instance.run(&[Input::image("image", &image)], host, &Cancel::default()).map(|_| ())
}

fn outcome(act: fn(&Border) -> abi::Status) -> Result<(), PluginError> {
    run_on(&TestHost::new(SIZE.0, SIZE.1), act)
}

#[track_caller]
fn breaks(act: fn(&Border) -> abi::Status, expected: &str) {
    let error = outcome(act).unwrap_err();
    assert!(matches!(error, PluginError::Misbehaved { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("`bad` broke a rule: {expected}"));
}

#[test]
fn the_plain_plugin_does_well() {
    outcome(|border| border.put_mask(|_, _| {})).unwrap();
}

#[test]
fn wrong_statuses() {
    breaks(|_| 99, "`run` returned 99, which is no status");
    breaks(|_| abi::CANCELLED, "`run` says that it was asked to stop, and nobody did");
    breaks(|_| abi::OK, "it succeeded without giving the output `masks`");
    let error = outcome(|_| abi::FAILED).unwrap_err();
    assert_eq!(error.to_string(), "`bad` failed: the raw words");
    let error = outcome(|_| abi::PANICKED).unwrap_err();
    assert_eq!(error.to_string(), "`bad` panicked: the raw words");
}

#[test]
fn nulls_where_data_is_due() {
    breaks(
        |b| {
            // SAFETY: the host's function with its own context.
            unsafe { b.outputs.put.unwrap()(b.outputs.context, std::ptr::null()) }
        },
        "an output is null",
    );
    breaks(
        |b| b.put_mask(|artifact, _| artifact.region_count = 3),
        "the list of regions of output `masks` is null",
    );
    breaks(
        |b| b.put_mask(|_, region| region.value_count = 1),
        "the list of values of output `masks`, region 0 is null",
    );
    breaks(
        |b| b.put_mask(|_, region| region.label.len = 5),
        "the label of output `masks`, region 0 is null",
    );
    breaks(
        |b| b.put_mask(|_, region| region.rle = std::ptr::null()),
        "output `masks`, region 0 has neither run lengths nor a bitmap, expected a mask",
    );
    breaks(
        |b| {
            let mut map = artifact(abi::KIND_EDGE_MAP, "edges");
            map.tensor = tensor::<f32>(&[], abi::DTYPE_FLOAT, &[4, 6]);
            map.tensor.data = std::ptr::null();
            b.put(map)
        },
        "output `edges` is null",
    );
}

#[test]
fn garbage_sizes() {
    breaks(
        |b| {
            b.put_mask(|artifact, _| {
                artifact.regions = std::ptr::dangling();
                artifact.region_count = usize::MAX / 8;
            })
        },
        &format!(
            "the list of regions of output `masks` has {} entries, which is more than can be",
            usize::MAX / 8
        ),
    );
    breaks(
        |b| {
            let mut map = artifact(abi::KIND_EDGE_MAP, "edges");
            map.tensor = tensor(&[0.0_f32], abi::DTYPE_FLOAT, &[i64::MAX, 6]);
            b.put(map)
        },
        "output `edges` is f32 [9223372036854775807, 6], expected f32 (height, width)",
    );
    breaks(
        |b| {
            let mut picture = artifact(abi::KIND_IMAGE, "picture");
            picture.tensor = tensor(&[0_u8], abi::DTYPE_UINT, &[-1, 6, 3]);
            b.put(picture)
        },
        "output `picture` is u8 [-1, 6, 3], expected u8 (height, width, 1, 3 or 4)",
    );
    breaks(
        |b| {
            let mut picture = artifact(abi::KIND_IMAGE, "picture");
            picture.tensor = tensor(&[0_u8; 9], abi::DTYPE_UINT, &[3, 3, 1]);
            picture.tensor.ndim = u32::MAX;
            b.put(picture)
        },
        "the shape of output `picture` has 4294967295 entries, which is more than can be",
    );
    breaks(
        |b| b.put_mask(|artifact, _| artifact.header.size = 24),
        &format!(
            "an output is no SamkitArtifact: it has 24 bytes, expected at least {}",
            size_of::<abi::Artifact>()
        ),
    );
    breaks(
        |b| b.put_mask(|artifact, _| artifact.header.magic = 0),
        "an output is no SamkitArtifact: it begins with 0x00000000, expected 0x544b4d53",
    );
    breaks(
        |b| {
            let mut map = artifact(abi::KIND_EDGE_MAP, "edges");
            map.tensor = tensor(&[0.0_f32; 48], abi::DTYPE_FLOAT, &[4, 6]);
            map.tensor.strides = [12_i64, 2].as_ptr();
            b.put(map)
        },
        "output `edges` is f32 [4, 6] with strides, expected f32 [4, 6]",
    );
}

#[test]
fn text_that_is_not_utf8() {
    breaks(
        |b| {
            let words = b"Hu\xFFd";
            b.put_mask(|_, region| region.label = abi::Str { data: words.as_ptr(), len: 4 })
        },
        "the label of output `masks`, region 0 is not UTF-8: byte 2 is wrong",
    );
    breaks(
        |b| {
            let words = abi::Str { data: b"\xC3".as_ptr(), len: 1 };
            // SAFETY: the host's function with its own context.
            unsafe { b.host.log.unwrap()(b.host.context, abi::LOG_INFO, words) };
            b.put_no_masks();
            abi::OK
        },
        "it called `log` with wrong arguments: the text is not UTF-8: byte 0 is wrong",
    );
}

#[test]
fn boxes_and_numbers_that_are_none() {
    breaks(
        |b| b.put_mask(|_, region| region.bbox.x1 = f32::NAN),
        "a side of the box of output `masks`, region 0 is NaN, expected a finite number",
    );
    breaks(
        |b| b.put_mask(|_, region| region.bbox.x1 = -1.0),
        "the box of output `masks`, region 0 has its right side left of its left side, or its bottom \
         above its top",
    );
    breaks(
        |b| b.put_mask(|_, region| region.score = f32::INFINITY),
        "the score of output `masks`, region 0 is inf, expected a finite number",
    );
    breaks(
        |b| {
            let value = abi::NamedValue { name: abi::Str::new("size"), value: f64::NAN };
            b.put_mask(|_, region| (region.values, region.value_count) = (&raw const value, 1))
        },
        "`size` of output `masks`, region 0 is NaN, expected a finite number",
    );
    breaks(
        |b| {
            let mut map = artifact(abi::KIND_EDGE_MAP, "edges");
            let mut values = [0.5_f32; 24];
            values[7] = 1.5;
            map.tensor = tensor(&values, abi::DTYPE_FLOAT, &[4, 6]);
            b.put(map)
        },
        "a strength of output `edges` is 1.5, expected 0 to 1",
    );
}

#[test]
fn masks_and_maps_of_the_wrong_size() {
    breaks(
        |b| b.put_mask(|artifact, _| artifact.width = 7),
        "output `masks` has 7×4 pixels, expected 6×4 as the image",
    );
    breaks(
        |b| b.put_mask(|_, region| region.rle_count = 2),
        "the mask of output `masks`, region 0: runs add up to 12 pixels, expected 24 for a mask of 6×4",
    );
    breaks(
        |b| {
            let pixels = [1_u8; 20];
            b.put_mask(|_, region| {
                region.rle = std::ptr::null();
                region.bitmap = tensor(&pixels, abi::DTYPE_UINT, &[4, 5]);
            })
        },
        "the mask of output `masks`, region 0 is u8 [4, 5], expected u8 [4, 6]",
    );
    breaks(
        |b| {
            let mut map = artifact(abi::KIND_EDGE_MAP, "edges");
            map.tensor = tensor(&[0.0_f32; 20], abi::DTYPE_FLOAT, &[4, 5]);
            b.put(map)
        },
        "output `edges` has 5×4 pixels, expected 6×4 as the image",
    );
}

#[test]
fn outputs_that_the_description_does_not_have() {
    breaks(
        |b| b.put(artifact(abi::KIND_BOXES, "bxes")),
        "it gave an output `bxes`, which its description does not have",
    );
    breaks(
        |b| b.put(artifact(abi::KIND_MASKS, "boxes")),
        "it gave the output `boxes` as masks, expected boxes",
    );
    breaks(
        |b| b.put(artifact(77, "boxes")),
        "output `boxes` has the kind 77, expected a number from 1 to 6",
    );
    breaks(
        |b| {
            b.put_no_masks();
            b.put(artifact(abi::KIND_MASKS, "masks"))
        },
        "it gave the output `masks` twice",
    );
    breaks(
        |b| {
            let mut table = artifact(abi::KIND_TABLE, "facts");
            table.text = abi::Str::new(r#"{"columns":["a"],"rows":[[1,2]]}"#);
            b.put(table)
        },
        "output `facts` is not a table: row 0 has 2 cells, expected 1",
    );
}

#[test]
fn a_plugin_that_hides_a_breach_behind_ok_fails_all_the_same() {
    breaks(
        |b| {
            assert_eq!(b.put_mask(|artifact, _| artifact.width = 7), abi::INVALID_INPUT);
            b.put_no_masks();
            abi::OK
        },
        "output `masks` has 7×4 pixels, expected 6×4 as the image",
    );
}

/// Raw pointers for other threads.
struct Carry<T>(T);
// SAFETY: the tests wait for the thread.
unsafe impl<T> Send for Carry<T> {}

fn elsewhere<R>(work: impl FnOnce() -> R) -> R {
    let work = Carry(work);
    let result = std::thread::scope(|scope| {
        let work = move || {
            let work = work;
            Carry((work.0)())
        };
        scope.spawn(work).join().unwrap()
    });
    result.0
}

#[test]
fn callbacks_from_another_thread() {
    breaks(
        |b| {
            // SAFETY: the host's function with its own context.
            let told = elsewhere(|| unsafe { b.host.progress.unwrap()(b.host.context, 1, 2) });
            assert_eq!(told, abi::STOP);
            b.put_no_masks();
            abi::OK
        },
        "it called `progress` from another thread than that of the call",
    );
    breaks(
        |b| elsewhere(|| b.put(artifact(abi::KIND_MASKS, "masks"))),
        "it called `put` from another thread than that of the call",
    );
    breaks(
        |b| {
            let predict = b.sam().predict.unwrap();
            let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
            // SAFETY: the host's function with its own context.
            elsewhere(|| unsafe { predict(b.host.context, std::ptr::null(), 0, 0, &mut found) })
        },
        "it called `sam.predict` from another thread than that of the call",
    );
}

#[test]
fn callbacks_after_the_run() {
    static CONTEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    static LOG: Mutex<Option<unsafe extern "C" fn(*mut c_void, u32, abi::Str)>> = Mutex::new(None);
    let act = |b: &Border| {
        CONTEXT.store(b.host.context, Ordering::Relaxed);
        *LOG.lock().unwrap() = b.host.log;
        b.put_mask(|_, _| {})
    };
    ACT.set(act);
    let host = TestHost::new(SIZE.0, SIZE.1);
    let plugin = Plugin::linked_in(raw::leak(raw::entry("bad", run))).unwrap();
    let mut instance = plugin.create(&json!({}), &host).unwrap();
    let image = image::RgbImage::new(SIZE.0, SIZE.1);
    let inputs = [Input::image("image", &image)];
    instance.run(&inputs, &host, &Cancel::default()).unwrap();
    let log = LOG.lock().unwrap().unwrap();
    // SAFETY: what a plugin must not do, and the host survives.
    unsafe { log(CONTEXT.load(Ordering::Relaxed), abi::LOG_INFO, abi::Str::new("late")) };
    assert!(host.logs.lock().unwrap().is_empty());
    let error = instance.run(&inputs, &host, &Cancel::default()).unwrap_err();
    assert!(error.to_string().ends_with("it called `log` after `create` or `run` had returned"));
    // The run after that has a new instance and is well.
    instance.run(&inputs, &host, &Cancel::default()).unwrap();
}

#[test]
fn wrong_arguments_to_services() {
    breaks(
        |b| {
            let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
            let prompts = std::ptr::null();
            // SAFETY: the host's function with its own context.
            unsafe { b.sam().predict.unwrap()(b.host.context, prompts, 4, 0, &mut found) }
        },
        "it called `sam.predict` with wrong arguments: the list of prompts is null",
    );
    breaks(
        |b| {
            let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
            let (predict, output) = (b.sam().predict.unwrap(), 4 | abi::OUTPUT_INSIDE);
            // SAFETY: as above.
            unsafe { predict(b.host.context, std::ptr::null(), 0, output, &mut found) }
        },
        "it called `sam.predict` with wrong arguments: 6 is no kind of output",
    );
    breaks(
        |b| {
            let name = abi::Str::new("masks");
            // SAFETY: as above.
            unsafe { b.host.record.unwrap()(b.host.context, name, f64::NAN) };
            abi::OK
        },
        "it called `record` with wrong arguments: NaN is not finite",
    );
    breaks(
        |b| {
            let logits = vec![0.0; abi::LOW_RES_LEN];
            let mut out = [0.0; 3];
            let upsample = b.sam().upsample.unwrap();
            // SAFETY: as above.
            unsafe { upsample(b.host.context, logits.as_ptr(), out.as_mut_ptr(), out.len()) }
        },
        "it called `sam.upsample` with wrong arguments: room for 3 values, expected 24",
    );
    breaks(
        // SAFETY: as above.
        |b| unsafe { b.sam().release.unwrap()(b.host.context, 12) },
        "it released handle 12, which it did not have",
    );
}

#[test]
fn every_output_is_freed_exactly_once_whether_it_is_taken_or_not() {
    static FREED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn release(_: *mut c_void) {
        FREED.fetch_add(1, Ordering::Relaxed);
    }
    outcome(|b| {
        let owner = abi::Owner { context: std::ptr::null_mut(), release: Some(release) };
        b.put_mask(|artifact, _| artifact.owner = owner)
    })
    .unwrap();
    assert_eq!(FREED.swap(0, Ordering::Relaxed), 1);
    outcome(|b| {
        let owner = abi::Owner { context: std::ptr::null_mut(), release: Some(release) };
        for name in ["masks", "masks", "nothing"] {
            let mut artifact = artifact(abi::KIND_MASKS, name);
            artifact.owner = owner;
            b.put(artifact);
        }
        abi::OK
    })
    .unwrap_err();
    assert_eq!(FREED.load(Ordering::Relaxed), 3);
}

#[test]
fn a_create_that_gives_nothing() {
    unsafe extern "C" fn nothing(
        _: *const abi::Host,
        _: abi::Str,
        _: *mut *mut c_void,
    ) -> abi::Status {
        abi::OK
    }
    let mut entry = raw::entry("bad", run);
    entry.create = Some(nothing);
    let plugin = Plugin::linked_in(raw::leak(entry)).unwrap();
    let error = plugin.create(&json!({}), &TestHost::new(1, 1)).unwrap_err();
    assert!(matches!(error, PluginError::Misbehaved { breach: Breach::NoInstance, .. }));
}

#[test]
fn a_plugin_that_never_returns_ends_the_run_with_its_name() {
    let host = TestHost::new(SIZE.0, SIZE.1);
    let cancel = Cancel::default();
    cancel.request();
    let work = {
        let cancel = cancel.clone();
        move || {
            ACT.set(|_| {
                loop {
                    std::thread::park();
                }
            });
            let plugin = Plugin::linked_in(raw::leak(raw::entry("bad", run))).unwrap();
            let mut instance = plugin.create(&json!({}), &host).unwrap();
            let image = image::RgbImage::new(SIZE.0, SIZE.1);
            let result = instance.run(&[Input::image("image", &image)], &host, &cancel);
            result.map(|outputs| outputs.len())
        }
    };
    let error = watched("bad", &cancel, Duration::from_millis(100), work).unwrap_err();
    assert!(
        error.to_string().starts_with("`bad` was asked to stop and did not within 0.1"),
        "{error}"
    );
    assert!(error.to_string().ends_with("the run has to end here"), "{error}");
}

#[test]
fn a_watched_plugin_that_returns_in_time_gives_its_result() {
    let cancel = Cancel::default();
    assert_eq!(watched("good", &cancel, Duration::ZERO, || 7).unwrap(), 7);
}
