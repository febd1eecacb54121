//! What files, folders and patterns give.

use std::{fs, path::Path};

use miette::Diagnostic;
use samkit_io::{Depth, FindError, InputImage, OutputNames, find_images};
use tempfile::TempDir;

/// A folder with empty files of these names.
fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    folder
}

fn find(inputs: &[&str], base: &Path) -> Result<Vec<InputImage>, FindError> {
    let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    find_images(&inputs, base, Depth::Subfolders, None).map_err(|bad| bad.error)
}

/// What `inputs` give where results go to `output`.
fn names_beside(output: &str, inputs: &[&str], base: &Path) -> Vec<String> {
    let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    let found = find_images(&inputs, base, Depth::Subfolders, Some(&base.join(output))).unwrap();
    found.iter().map(InputImage::name).collect()
}

fn names(inputs: &[&str], base: &Path) -> Vec<String> {
    find(inputs, base).unwrap().iter().map(InputImage::name).collect()
}

fn fails(inputs: &[&str], base: &Path) -> String {
    let error = find(inputs, base).unwrap_err();
    assert!(error.help().is_some(), "{error} has no hint");
    error.to_string().replace(&*base.to_string_lossy(), "BASE")
}

#[test]
fn folders_are_searched_with_their_subfolders() {
    let base = folder(&[
        "in/b.PNG",
        "in/a.jpg",
        "in/notes.txt",
        "in/sub/c.webp",
        "in/.hidden.png",
        "in/.git/d.png",
        "other.png",
    ]);
    assert_eq!(names(&["in"], base.path()), ["a.jpg", "b.PNG", "sub/c.webp"]);
    assert_eq!(names(&["in/"], base.path()), ["a.jpg", "b.PNG", "sub/c.webp"]);
}

#[test]
fn a_folder_can_be_searched_alone() {
    let base = folder(&["in/a.jpg", "in/sub/c.webp", "deep/sub/d.png"]);
    let find = |input: &str| find_images(&[input.into()], base.path(), Depth::Folder, None);
    let names: Vec<_> = find("in").unwrap().iter().map(InputImage::name).collect();
    assert_eq!(names, ["a.jpg"]);
    let error = find("deep").unwrap_err().error;
    assert!(error.help().unwrap().to_string().contains("recursive: true"));
}

#[test]
fn patterns_keep_the_folders_after_their_fixed_part() {
    let base = folder(&["in/x/a.jpg", "in/y/b.jpg", "in/y/z/c.jpg", "in/y/c.txt", "in/y/.d.jpg"]);
    assert_eq!(names(&["in/*/*.jpg"], base.path()), ["x/a.jpg", "y/b.jpg"]);
    assert_eq!(names(&["in/y/*"], base.path()), ["b.jpg"]);
    assert_eq!(names(&["in/**/*.jpg"], base.path()), ["x/a.jpg", "y/b.jpg", "y/z/c.jpg"]);
    let absolute = format!("{}/in/y/?.jpg", base.path().display());
    assert_eq!(names(&[&absolute], Path::new("")), ["b.jpg"]);
}

#[test]
fn signs_of_patterns_in_names_mean_themselves() {
    let base = folder(&["in [1]/a[0].jpg", "in [1]/b.jpg"]);
    assert_eq!(names(&["in [1]"], base.path()), ["a[0].jpg", "b.jpg"]);
    assert_eq!(names(&["in [1]/a[0].jpg"], base.path()), ["a[0].jpg"]);
    assert_eq!(names(&["*.jpg"], &base.path().join("in [1]")), ["a[0].jpg", "b.jpg"]);
}

#[test]
fn files_are_taken_whatever_their_ending() {
    let base = folder(&["in/scan.dat"]);
    assert_eq!(names(&["in/scan.dat"], base.path()), ["scan.dat"]);
}

#[test]
fn the_order_is_that_of_the_inputs_and_doubles_come_once() {
    let base = folder(&["in/a.jpg", "in/b.jpg", "c.jpg"]);
    assert_eq!(
        names(&["c.jpg", "in/b.jpg", "in", "./c.jpg", "in/*"], base.path()),
        ["c.jpg", "b.jpg", "a.jpg"]
    );
}

#[test]
fn results_in_an_output_folder_below_are_no_images() {
    let base = folder(&["in/a.jpg", "in/out/a.edges.png", "in/out/deep/b.edges.png"]);
    assert_eq!(names_beside("in/out", &["in"], base.path()), ["a.jpg"]);
    assert_eq!(names_beside("in/out", &["in/**/*"], base.path()), ["a.jpg"]);
    // A folder of almost the same name, or none yet.
    assert_eq!(names(&["in"], base.path()).len(), 3);
    assert_eq!(names_beside("in/ou", &["in"], base.path()).len(), 3);
}

#[test]
fn results_that_are_named_are_images() {
    let base = folder(&["out/a.edges.png", "out/deep/b.edges.png"]);
    assert_eq!(names_beside("out", &["out/a.edges.png"], base.path()), ["a.edges.png"]);
    assert_eq!(names_beside("out", &["out/*"], base.path()), ["a.edges.png"]);
    assert_eq!(names_beside("out", &["out/deep"], base.path()), ["b.edges.png"]);
}

#[test]
fn a_folder_cannot_be_input_and_output() {
    let base = folder(&["in/a.jpg"]);
    let error = find_images(
        &["in".into()],
        base.path(),
        Depth::Subfolders,
        Some(&base.path().join("./in/")),
    )
    .unwrap_err()
    .error;
    assert!(matches!(error, FindError::IsOutput { .. }), "{error}");
    assert!(error.help().is_some_and(|help| help.to_string().contains("another output folder")));
}

#[cfg(unix)]
#[test]
fn links_are_followed_without_running_in_circles() {
    use std::os::unix::fs::symlink;
    let base = folder(&["in/a.jpg", "out/b.jpg"]);
    symlink(base.path().join("in"), base.path().join("in/circle")).unwrap();
    symlink(base.path().join("out"), base.path().join("in/more")).unwrap();
    symlink(base.path().join("gone.jpg"), base.path().join("in/broken.jpg")).unwrap();
    symlink(base.path().join("gone"), base.path().join("in/broken")).unwrap();
    assert_eq!(names(&["in"], base.path()), ["a.jpg", "broken.jpg", "more/b.jpg"]);
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let base = folder(&["in/notes.txt", "in/more.csv"]);
    assert_eq!(fails(&["in"], base.path()), "no images in the folder `BASE/in` (2 other files)");
    assert_eq!(fails(&["gone"], base.path()), "there is no file or folder `gone`");
    assert_eq!(fails(&["in/*.png"], base.path()), "no images match `in/*.png` (0 other files do)");
    assert_eq!(fails(&["in/*"], base.path()), "no images match `in/*` (2 other files do)");
    assert_eq!(fails(&[], base.path()), "no images were named");
    assert!(fails(&["in/***"], base.path()).starts_with("`in/***` is not a valid pattern: "));
}

fn outputs(inputs: &[&str], base: &Path) -> Vec<String> {
    let images = find(inputs, base).unwrap();
    let names = OutputNames::new(&images);
    let path = |image| names.path(Path::new("out"), image, "edges.png");
    images.iter().map(|image| path(image).to_string_lossy().replace('\\', "/")).collect()
}

#[test]
fn results_mirror_the_input_folders() {
    let base = folder(&["in/a.jpg", "in/sub/a.b.jpg"]);
    assert_eq!(outputs(&["in"], base.path()), ["out/a.edges.png", "out/sub/a.b.edges.png"]);
}

#[test]
fn images_that_differ_in_their_ending_keep_it() {
    let base = folder(&["in/a.jpg", "in/A.png", "in/b.jpg", "in/sub/a.jpg"]);
    assert_eq!(
        outputs(&["in"], base.path()),
        ["out/A.png.edges.png", "out/a.jpg.edges.png", "out/b.edges.png", "out/sub/a.edges.png"]
    );
}

#[test]
fn images_of_one_name_are_numbered() {
    let base = folder(&["x/a.jpg", "y/a.jpg"]);
    assert_eq!(
        outputs(&["x/a.jpg", "y/a.jpg"], base.path()),
        ["out/a.jpg.edges.png", "out/a.jpg-2.edges.png"]
    );
}
