//! Running the program in a folder of its own, and pictures to run it on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use image::{GrayImage, Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// Flags that keep a run of `edges` short: four prompts.
pub(crate) const QUICK: [&str; 2] = ["--points-per-side", "2"];

/// Ends the test when the weights are not there; see `samkit_models::testing`.
macro_rules! needs_weights {
    () => {
        if samkit_models::testing::local_or_skip("mobile-sam").is_none() {
            return;
        }
    };
}
pub(crate) use needs_weights;

/// A folder that is the program's current one, and goes away with the test.
pub(crate) struct Place {
    dir: TempDir,
}

/// How a run of the program ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Writes a picture in the format of the name's extension.
    pub(crate) fn picture(&self, name: &str, picture: &RgbImage) -> PathBuf {
        let path = self.write(name, []);
        picture.save(&path).expect("a picture");
        path
    }

    /// Runs `samkit ARGS`.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, |_| {})
    }

    /// Runs `samkit ARGS` after a change to its environment.
    pub(crate) fn run_with(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_samkit"));
        command.args(args).current_dir(self.dir.path());
        change(&mut command);
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let code = status.code().expect("the program ends by itself");
        Run { code, stdout: text(stdout), stderr: text(stderr) }
    }

    /// Every file below a folder with its content, except `run.json` and what the program keeps for
    /// itself, which hold times.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.path(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    if entry.file_name() != ".samkit" {
                        folders.push(path);
                    }
                } else if entry.file_name() != "run.json" {
                    let name = path.strip_prefix(&root).expect("below").display().to_string();
                    files.insert(name, fs::read(&path).expect("a readable file"));
                }
            }
        }
        files
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.path(name)).expect("a readable file");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn size(&self, name: &str) -> (u32, u32) {
        image::image_dimensions(self.path(name)).expect("a picture")
    }

    pub(crate) fn grey(&self, name: &str) -> GrayImage {
        image::open(self.path(name)).expect("a picture").to_luma8()
    }
}

impl Run {
    /// The exit code is this one; the message shows what the program said otherwise.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// stderr says every one of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in {}", self.stdout))
    }
}

/// A bright disc and a dark box before a slope of grey: something to segment, at any size.
pub(crate) fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let disc = (u - 0.3).powi(2) + (v - 0.45).powi(2) < 0.04;
        let block = (0.6..0.9).contains(&u) && (0.3..0.8).contains(&v);
        match (disc, block) {
            (true, _) => Rgb([240, 220, 60]),
            (_, true) => Rgb([30, 40, 120]),
            _ => Rgb([(100.0 + 60.0 * u) as u8, (110.0 + 40.0 * v) as u8, 120]),
        }
    })
}

/// The parts of a path as the program prints them.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
