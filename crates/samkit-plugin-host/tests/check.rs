//! The conformance test: what is good passes, what is bad is found out.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "support/build.rs"]
mod build;
#[path = "support/raw.rs"]
mod raw;

use std::{
    ffi::c_void,
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use samkit_plugin_abi as abi;
use samkit_plugin_host::{Language, Plugin, check, project};

/// Names of the lines that failed, with their details. One at a time: the process is measured.
fn failures(plugin: &Plugin) -> Vec<(String, String)> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = check(plugin);
    drop(alone);
    assert!(lines.len() > 12, "{lines:?}");
    let failed = lines.into_iter().filter(|line| !line.passed);
    failed.map(|line| (line.name, line.detail)).collect()
}

#[test]
fn the_examples_pass() {
    let folder = tempfile::tempdir().unwrap();
    for path in [&build::c_example(folder.path()), build::rust_example()] {
        assert_eq!(failures(&Plugin::load(path).unwrap()), [], "{}", path.display());
    }
}

fn write(folder: &Path, name: &str, language: Language) {
    for file in project(name, language).unwrap() {
        let path = folder.join(file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.content).unwrap();
    }
}

#[test]
fn new_projects_build_and_pass() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "my-task", Language::C);
    let library = folder.path().join("my-task.so");
    build::compile_c(&folder.path().join("my-task.c"), &library);
    let plugin = Plugin::load(&library).unwrap();
    assert_eq!(plugin.description().id, "my-task");
    assert_eq!(failures(&plugin), []);

    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "my.other", Language::Rust);
    let plugin = Plugin::load(&build::rust_project(folder.path(), "my_other")).unwrap();
    assert_eq!(plugin.description().id, "my.other");
    assert_eq!(failures(&plugin), []);
}

#[test]
fn projects_have_names_that_tasks_may_have() {
    let message = |name| project(name, Language::C).unwrap_err().to_string();
    assert_eq!(message("Two Words"), "a task cannot be called `Two Words`");
    assert_eq!(message("../up"), "a task cannot be called `../up`");
}

/// Takes any parameters, leaks its outputs, gives something else every time, and hears no request.
unsafe extern "C" fn sloppy(
    _: *mut c_void,
    _: *const abi::Host,
    inputs: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    // SAFETY: the host's structs; one input, the image; outputs of its size, never freed.
    unsafe {
        let shape = (**(*inputs).artifacts).tensor.shape;
        let (height, width) = (*shape as usize, *shape.add(1) as usize);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let mut masks = abi::Artifact::empty(abi::KIND_MASKS, abi::Str::new("masks"));
        (masks.width, masks.height) = (width as u32, height as u32);
        let mut edges = abi::Artifact::empty(abi::KIND_EDGE_MAP, abi::Str::new("edges"));
        let values = vec![1.0 / (1.0 + run as f32); width * height].leak();
        edges.tensor = abi::Tensor {
            data: values.as_ptr().cast(),
            ndim: 2,
            dtype: abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 },
            shape,
            strides: std::ptr::null(),
        };
        let put = (*outputs).put.unwrap();
        put((*outputs).context, &masks);
        put((*outputs).context, &edges)
    }
}

#[test]
fn a_sloppy_plugin_is_found_out() {
    let plugin = Plugin::linked_in(raw::leak(raw::entry("sloppy", sloppy))).unwrap();
    let failures = failures(&plugin);
    let names: Vec<&str> = failures.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "parameters that are no object are refused",
        "an unknown parameter is refused",
        "the same input gives the same output",
        "two instances at once",
    ];
    assert_eq!(names[..4], expected, "{failures:?}");
    if cfg!(target_os = "linux") {
        assert_eq!(names[4..], ["outputs are freed"], "{failures:?}");
    }
}
