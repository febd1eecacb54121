//! What the border costs: time of a call in either direction, and of loading 50 plugins.
//!
//! `cargo bench -p samkit-plugin-host` prints the shortest of several tries.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "../tests/support/build.rs"]
mod build;
#[path = "../tests/support/raw.rs"]
mod raw;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{ffi::c_void, time::Instant};

use samkit_plugin_abi as abi;
use samkit_plugin_host::{Cancel, Input, Plugin, Plugins, SearchPath};
use serde_json::json;
use support::TestHost;

fn main() {
    calls();
    loading();
}

/// Gives no masks.
unsafe extern "C" fn nothing(
    _: *mut c_void,
    _: *const abi::Host,
    _: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    let mut artifact = abi::Artifact::empty(abi::KIND_MASKS, abi::Str::new("masks"));
    (artifact.width, artifact.height) = (8, 8);
    // SAFETY: the host's structs.
    unsafe { (*outputs).put.unwrap()((*outputs).context, &artifact) }
}

/// Asks 100 000 times whether to stop.
unsafe extern "C" fn ask(
    _: *mut c_void,
    host: *const abi::Host,
    _: *const abi::Inputs,
    _: *const abi::Outputs,
) -> abi::Status {
    // SAFETY: the host's struct.
    let host = unsafe { *host };
    for _ in 0..100_000 {
        // SAFETY: the host's function with its own context.
        assert_eq!(unsafe { host.is_cancelled.unwrap()(host.context) }, abi::CONTINUE);
    }
    abi::FAILED
}

/// The shortest of several tries, in nanoseconds a call.
fn nanoseconds(calls: u32, mut work: impl FnMut()) -> f64 {
    let try_once = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    (0..20).map(try_once).fold(f64::INFINITY, f64::min)
}

fn calls() {
    let host = TestHost::new(8, 8);
    let image = image::RgbImage::new(8, 8);
    let cancel = Cancel::default();
    let instance = |run: raw::Run| {
        let plugin = Plugin::linked_in(raw::leak(raw::entry("quick", run))).unwrap();
        plugin.create(&json!({}), &host).unwrap()
    };
    let mut quick = instance(nothing);
    let into_the_plugin = nanoseconds(2_000, || {
        for _ in 0..2_000 {
            let inputs = [Input::image("image", &image)];
            quick.run(&inputs, &host, &cancel).unwrap();
        }
    });
    let mut asking = instance(ask);
    let into_the_host = nanoseconds(100_000, || {
        asking.run(&[Input::image("image", &image)], &host, &cancel).unwrap_err();
    });
    println!("a run of a plugin with one output: {into_the_plugin:.0} ns");
    println!("a call of the host by a plugin: {into_the_host:.0} ns");
}

fn loading() {
    let folder = tempfile::tempdir().unwrap();
    build::copies_of_the_c_example(folder.path(), 50);
    let search = SearchPath::from_parts(&[folder.path().to_owned()], "".as_ref(), []).unwrap();
    let start = Instant::now();
    let mut plugins = Plugins::default();
    let errors = plugins.add_all(&search);
    assert!(errors.is_empty(), "{errors:?}");
    println!("loading and describing {} plugins: {:.1?}", plugins.iter().len(), start.elapsed());
}
