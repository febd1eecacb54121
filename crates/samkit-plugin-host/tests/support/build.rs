//! Shared libraries for tests: compiled from C, or by cargo in a target folder of their own.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
}

/// Compiles C source to a shared library, with warnings as errors.
pub(crate) fn compile_c(source: &Path, library: &Path) {
    succeed(
        Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-I"])
            .arg(Path::new(REPOSITORY).join("crates/samkit-plugin-abi/include"))
            .arg("-o")
            .args([library, source]),
    );
}

/// Compiles a few lines of C behind the header.
pub(crate) fn compile_snippet(folder: &Path, name: &str, code: &str) -> PathBuf {
    let source = folder.join(name).with_extension("c");
    let library = folder.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
    std::fs::write(&source, format!("#include \"samkit_plugin.h\"\n{code}\n")).unwrap();
    compile_c(&source, &library);
    library
}

/// The plugin in `examples/plugins/c`.
pub(crate) fn c_example(folder: &Path) -> PathBuf {
    let library = folder.join(format!("{DLL_PREFIX}bright{DLL_SUFFIX}"));
    compile_c(&Path::new(REPOSITORY).join("examples/plugins/c/bright.c"), &library);
    library
}

/// The plugin in `examples/plugins/rust`, built as its authors would build it.
pub(crate) fn rust_example() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        succeed(
            Command::new(env!("CARGO"))
                .current_dir(Path::new(REPOSITORY).join("examples/plugins/rust"))
                .args(["build", "--features", "export", "--offline", "--locked", "--target-dir"])
                .arg(&target),
        );
        target.join("debug").join(format!("{DLL_PREFIX}samkit_invert{DLL_SUFFIX}"))
    })
}

/// Builds a crate that depends on a published samkit against this one instead.
pub(crate) fn rust_project(folder: &Path, library: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let sdk = Path::new(REPOSITORY).join("crates/samkit-plugin");
    // Versions that are there already.
    std::fs::copy(
        Path::new(REPOSITORY).join("examples/plugins/rust/Cargo.lock"),
        folder.join("Cargo.lock"),
    )
    .unwrap();
    succeed(
        Command::new(env!("CARGO"))
            .current_dir(folder)
            .args(["build", "--features", "export", "--offline", "--target-dir"])
            .arg(&target)
            .arg("--config")
            .arg(format!("patch.crates-io.samkit-plugin.path={:?}", sdk.display().to_string())),
    );
    target.join("debug").join(format!("{DLL_PREFIX}{library}{DLL_SUFFIX}"))
}

/// What the compiler says when the SDK is built with `panic = "abort"`, which has to fail.
pub(crate) fn rust_example_with_abort() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins-abort");
    let output = Command::new(env!("CARGO"))
        .current_dir(Path::new(REPOSITORY).join("examples/plugins/rust"))
        .args(["check", "--offline", "--locked", "--config", "profile.dev.panic=\"abort\""])
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("cargo");
    assert!(!output.status.success(), "it compiled");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The C example as `count` plugins with ids of their own, `plug00` and so on.
pub(crate) fn copies_of_the_c_example(folder: &Path, count: usize) {
    let example = c_example(folder);
    let source = std::fs::read(&example).unwrap();
    std::fs::remove_file(&example).unwrap();
    for index in 0..count {
        // The id is in the library's text; another of the same length makes another plugin.
        let id = format!("plug{index:02}");
        let at = source.windows(7).position(|bytes| bytes == b"bright\0").expect("the id");
        let mut copy = source.clone();
        copy[at..at + 6].copy_from_slice(id.as_bytes());
        let library = folder.join(&id).with_extension(std::env::consts::DLL_EXTENSION);
        std::fs::write(library, copy).unwrap();
    }
}
