//! Finding and loading shared libraries, and every way in which that fails.
#![allow(unsafe_code, reason = "plays the other side of the border")]

#[path = "support/build.rs"]
mod build;
#[path = "support/raw.rs"]
mod raw;
mod support;

use std::{
    env::consts::DLL_EXTENSION,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use samkit_plugin_abi as abi;
use samkit_plugin_host::{Cancel, Input, Origin, Plugin, PluginError, Plugins, SearchPath, View};
use serde_json::json;
use support::TestHost;

fn library_name(folder: &Path, stem: &str) -> PathBuf {
    folder.join(stem).with_extension(DLL_EXTENSION)
}

#[track_caller]
fn fails(path: &Path, expected: &str) -> PluginError {
    let error = Plugin::load(path).unwrap_err();
    let message = error.to_string();
    let name = path.display().to_string();
    assert!(message.contains(&name), "{message} names the file");
    let message = message.replace(&name, "FILE");
    assert!(message.starts_with(expected), "expected: {expected}\n   found: {message}");
    assert!(error.help().is_some(), "{message} has a hint");
    error
}

#[test]
fn a_plugin_in_c_is_loaded_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Plugin::load(&build::c_example(folder.path())).unwrap();
    assert_eq!(plugin.description().id, "bright");
    assert_eq!(plugin.description().params_schema["properties"]["threshold"]["default"], 200);
    let host = TestHost::new(8, 6);
    // Two bright squares and a speck.
    let image = image::RgbImage::from_fn(8, 6, |x, y| {
        let is_bright = (x < 3 && y < 3) || (x > 4 && y > 3) || (x == 7 && y == 0);
        image::Rgb([if is_bright { 250 } else { 10 }; 3])
    });
    let mut instance = plugin.create(&json!({ "min_area": 4 }), &host).unwrap();
    let outputs =
        instance.run(&[Input::image("image", &image)], &host, &Cancel::default()).unwrap();
    let View::Boxes(boxes) = outputs[0].view() else { panic!("no boxes") };
    let found: Vec<_> = boxes
        .iter()
        .map(|view| {
            let bbox = view.bbox();
            let area = view.values().next().unwrap();
            (view.label(), [bbox.x0, bbox.y0, bbox.x1, bbox.y1], area)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("bright", [0.0, 0.0, 3.0, 3.0], ("area", 9.0)),
            ("bright", [5.0, 4.0, 8.0, 6.0], ("area", 6.0)),
        ]
    );
    for bad in [
        json!({ "threshold": 256 }),
        json!({ "treshold": 1 }),
        json!([]),
        json!({ "min_area": "2" }),
    ] {
        let error = plugin.create(&bad, &host).unwrap_err();
        assert!(matches!(error, PluginError::Params { .. }), "{bad}: {error}");
    }
}

#[test]
fn a_plugin_in_rust_outside_the_workspace_is_loaded_and_runs() {
    let plugin = Plugin::load(build::rust_example()).unwrap();
    assert_eq!(plugin.description().id, "invert");
    let strength = &plugin.description().params_schema["properties"]["strength"];
    assert_eq!((&strength["default"], &strength["maximum"]), (&json!(1.0), &json!(1.0)));
    let host = TestHost::new(3, 2);
    let image = image::RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 255]));
    let mut instance = plugin.create(&json!({}), &host).unwrap();
    let outputs =
        instance.run(&[Input::image("image", &image)], &host, &Cancel::default()).unwrap();
    // The plugin's own deleter frees the output after the instance is gone.
    drop(instance);
    let View::Image(negative) = outputs[0].view() else { panic!("no image") };
    let expected: Vec<u8> = image.as_raw().iter().map(|value| 255 - value).collect();
    assert_eq!(negative.data, expected);
    assert_eq!(host.progress.lock().unwrap().len(), 2);
}

#[test]
fn nothing_there() {
    let error =
        fails(Path::new("/nowhere/plugin.so"), "there is nothing at FILE, expected a plugin's");
    assert!(matches!(error, PluginError::NotFound { .. }));
    let error = fails(Path::new("plugin.so"), "FILE is a relative path in the path of a plugin");
    assert!(matches!(error, PluginError::RelativePath { .. }));
}

#[test]
fn files_that_are_no_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "I am a plugin, honestly").unwrap();
    let error = fails(&text, "FILE cannot be loaded, expected a shared library for this machine: ");
    assert!(matches!(error, PluginError::NotALibrary { .. }));

    let unresolved = build::compile_snippet(
        folder.path(),
        "unresolved",
        "const SamkitEntry *not_there(void);
         const SamkitEntry *samkit_plugin_entry_v1(void) { return not_there(); }",
    );
    let error = fails(&unresolved, "FILE cannot be loaded");
    assert!(error.to_string().contains("not_there"), "{error}");

    let other = build::compile_snippet(folder.path(), "other", "int something_else = 3;");
    let error =
        fails(&other, "FILE is no samkit plugin: it does not export `samkit_plugin_entry_v1`");
    assert!(matches!(error, PluginError::NoEntry { .. }));
}

#[test]
fn plugins_of_other_versions() {
    let folder = tempfile::tempdir().unwrap();
    let newer = "const void *samkit_plugin_entry_v2(void) { return 0; }";
    let newer = build::compile_snippet(folder.path(), "newer", newer);
    fails(&newer, "FILE was built for version 2 of the plugin border, expected 1");

    let header = |header: &str| {
        format!(
            "static const SamkitEntry entry = {{ .header = {{ {header} }} }};
             const SamkitEntry *samkit_plugin_entry_v1(void) {{ return &entry; }}"
        )
    };
    let build = |name: &str, code: &str| build::compile_snippet(folder.path(), name, code);
    let major = build("major", &header("SAMKIT_MAGIC, 3, 0, sizeof(SamkitEntry), 0"));
    fails(&major, "FILE was built for version 3 of the plugin border, expected 1");
    let magic = build("magic", &header("7, 1, 0, sizeof(SamkitEntry), 0"));
    fails(&magic, "SamkitEntry of FILE begins with 0x00000007, expected 0x544b4d53");
    let small = build("small", &header("SAMKIT_MAGIC, 1, 0, 16, 0"));
    let expected = size_of::<abi::Entry>();
    fails(&small, &format!("SamkitEntry of FILE has 16 bytes, expected at least {expected}"));
    let empty = build("empty", &header("SAMKIT_MAGIC, 1, 0, sizeof(SamkitEntry), 0"));
    fails(&empty, "the description of FILE cannot be used: its SamkitDescriptor is null");
    let none = build("none", "const SamkitEntry *samkit_plugin_entry_v1(void) { return 0; }");
    let error = fails(&none, "FILE cannot start: it has no entry");
    assert!(matches!(error, PluginError::InitFailed { .. }));
}

unsafe extern "C" fn run(
    _: *mut std::ffi::c_void,
    _: *const abi::Host,
    _: *const abi::Inputs,
    _: *const abi::Outputs,
) -> abi::Status {
    abi::FAILED
}

fn linked_in(change: impl FnOnce(&mut abi::Entry, &mut abi::Descriptor)) -> Result<Plugin, String> {
    let (mut entry, mut descriptor) = (raw::entry("raw", run), raw::descriptor("raw"));
    entry.descriptor = std::ptr::null();
    change(&mut entry, &mut descriptor);
    if entry.descriptor.is_null() {
        entry.descriptor = Box::leak(Box::new(descriptor));
    }
    Plugin::linked_in(raw::leak(entry)).map_err(|error| error.to_string())
}

#[test]
fn a_plugin_that_says_that_it_cannot_start() {
    unsafe extern "C" fn init() -> abi::Status {
        abi::FAILED
    }
    let error = linked_in(|entry, _| entry.init = Some(init)).unwrap_err();
    assert_eq!(error, "a plugin of the program's own cannot start: the raw words");
}

#[test]
fn descriptions_that_cannot_be_used() {
    #[track_caller]
    fn refused(change: impl FnOnce(&mut abi::Entry, &mut abi::Descriptor), expected: &str) {
        let error = linked_in(change).unwrap_err();
        let start = "the description of a plugin of the program's own cannot be used: ";
        assert_eq!(error.strip_prefix(start).unwrap_or(&error), expected);
    }
    assert!(linked_in(|_, _| {}).is_ok());
    refused(|entry, _| entry.run = None, "its function `run` is null");
    refused(|_, about| about.name.data = std::ptr::null(), "its name is null");
    refused(|_, about| about.input_count = 999, "a list in SamkitDescriptor has 999 entries");
    refused(|_, about| about.output_count = 0, "it has no outputs");
    refused(
        |_, about| about.id = abi::Str::new("Two Words"),
        "its id is `Two Words`, expected lower-case letters, digits, `-`, `_` and `.`, a letter first",
    );
    refused(
        |_, about| about.params_schema = abi::Str::new("[]"),
        "its schema is not that of an object with properties",
    );
    refused(
        |_, about| about.license = abi::Str { data: b"\xFF".as_ptr(), len: 1 },
        "its license is not UTF-8: byte 0 is wrong",
    );
    refused(
        |_, about| {
            // SAFETY: the first of the slots.
            let mut slot = unsafe { *about.inputs };
            slot.kind = 9;
            about.inputs = Box::leak(Box::new(slot));
        },
        "`image` has the kind 9, which is unknown",
    );
    refused(
        |_, about| {
            // SAFETY: the first of the slots.
            let mut slot = unsafe { *about.outputs };
            slot.needs = abi::Str::new("threshold");
            (about.outputs, about.output_count) = (Box::leak(Box::new(slot)), 1);
        },
        "`masks` needs `threshold`, which is no parameter",
    );
}

#[test]
fn of_two_plugins_with_one_name_the_first_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let first = build::c_example(folder.path());
    let second = library_name(folder.path(), "zweite");
    fs::copy(&first, &second).unwrap();
    let search = SearchPath::from_parts(&[folder.path().to_owned()], "".as_ref(), []).unwrap();
    let mut plugins = Plugins::default();
    let errors = plugins.add_all(&search);
    assert_eq!(plugins.iter().len(), 1);
    assert_eq!(plugins.get("bright").unwrap().origin(), &Origin::File(first.clone()));
    assert_eq!(
        errors[0].to_string(),
        format!("{} is called `bright`, and so is {}", second.display(), first.display())
    );
}

#[test]
fn folders_are_searched_in_order_and_the_current_one_never() {
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let [given, listed, base] = [0, 1, 2].map(|index: usize| folders[index].path().to_owned());
    let variable = std::env::join_paths([&listed, Path::new("")]).unwrap();
    let search =
        SearchPath::from_parts(std::slice::from_ref(&given), &variable, [base.clone()]).unwrap();
    assert_eq!(search.folders(), [given.clone(), listed.clone(), base.join("samkit-plugins")]);
    let in_order = [(&given, "z"), (&listed, "a"), (&listed, "b")];
    let in_order = in_order.map(|(folder, stem)| library_name(folder, stem));
    in_order.iter().rev().for_each(|path| fs::write(path, "").unwrap());
    fs::write(listed.join("readme.txt"), "").unwrap();
    assert_eq!(search.libraries().unwrap(), in_order);

    let message = |given: &[PathBuf], variable: &str| {
        SearchPath::from_parts(given, &OsString::from(variable), []).unwrap_err().to_string()
    };
    assert_eq!(
        message(&["plugins".into()], ""),
        "plugins is a relative path in --plugin-path, expected an absolute one"
    );
    assert_eq!(
        message(&[], "here:/there"),
        "here is a relative path in SAMKIT_PLUGIN_PATH, expected an absolute one"
    );
    assert!(message(&["/nowhere".into()], "").starts_with("there is nothing at /nowhere"));
}

#[test]
fn fifty_plugins_are_loaded_and_described() {
    let folder = tempfile::tempdir().unwrap();
    build::copies_of_the_c_example(folder.path(), 50);
    let search = SearchPath::from_parts(&[folder.path().to_owned()], "".as_ref(), []).unwrap();
    let mut plugins = Plugins::default();
    let errors = plugins.add_all(&search);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(plugins.iter().len(), 50);
}

#[test]
fn panic_abort_is_refused_at_compile_time() {
    let messages = build::rust_example_with_abort();
    assert!(messages.contains("samkit plugins catch panics at the border"), "{messages}");
}
