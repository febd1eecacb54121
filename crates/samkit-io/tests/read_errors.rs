//! Paths that lead to no image: each gets its own message.

use std::{fs, path::Path};

use image::{GrayImage, Rgb, RgbImage};
use miette::Diagnostic;
use samkit_io::{ReadError, ReadLimits, read_image, write_gray8, write_rgb};

fn error(path: &Path, limits: &ReadLimits) -> ReadError {
    let error = read_image(path, limits).expect_err("nothing here can be read");
    assert!(error.help().is_some(), "{error} has no hint");
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error} does not name the file");
    error
}

fn default_error(path: &Path) -> ReadError {
    error(path, &ReadLimits::default())
}

#[test]
fn missing_files_folders_and_empty_files() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(default_error(&folder.path().join("no.png")), ReadError::NotFound { .. }));
    assert!(matches!(default_error(folder.path()), ReadError::Folder { .. }));
    let path = folder.path().join("empty.png");
    fs::write(&path, "").unwrap();
    assert!(matches!(default_error(&path), ReadError::Empty { .. }));
}

#[test]
fn text_and_noise_are_not_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.png");
    for content in ["not an image, though it is called one", "x", "\0\0\0\0"] {
        fs::write(&path, content).unwrap();
        assert!(matches!(default_error(&path), ReadError::NotAnImage { .. }), "{content:?}");
    }
    fs::write(&path, "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    assert!(matches!(default_error(&path), ReadError::UnsupportedFormat { .. }));
}

#[cfg(unix)]
#[test]
fn devices_are_not_read() {
    assert!(matches!(default_error(Path::new("/dev/zero")), ReadError::Special { .. }));
}

#[cfg(unix)]
#[test]
fn files_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.png");
    write_gray8(&path, &GrayImage::new(2, 2)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    assert!(matches!(default_error(&path), ReadError::Denied { .. }));
}

#[test]
fn images_without_pixels() {
    let folder = tempfile::tempdir().unwrap();
    // Headers of a PNM and a QOI file that state no width or no height.
    let path = folder.path().join("zero");
    for bytes in [&b"P6\n0 4\n255\n"[..], b"qoif\0\0\0\x04\0\0\0\0\x03\0\0\0\0\0\0\0\0\x01"] {
        fs::write(&path, bytes).unwrap();
        let error = default_error(&path);
        assert!(
            matches!(error, ReadError::ZeroSize { .. } | ReadError::Damaged { .. }),
            "{error:?}"
        );
    }
    let mut gif = b"GIF89a".to_vec();
    gif.extend([0, 0, 0, 0, 0, 0, 0, b';']);
    fs::write(&path, gif).unwrap();
    assert!(matches!(default_error(&path), ReadError::ZeroSize { .. } | ReadError::Damaged { .. }));
}

#[test]
fn images_above_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    write_rgb(&path, &RgbImage::from_pixel(300, 200, Rgb([1, 2, 3]))).unwrap();
    let pixels = ReadLimits { max_pixels: 59_999, ..ReadLimits::default() };
    assert!(matches!(error(&path, &pixels), ReadError::TooLarge { .. }));
    let memory = ReadLimits { max_memory: 1000, ..ReadLimits::default() };
    let found = error(&path, &memory);
    assert!(
        matches!(found, ReadError::TooLarge { .. } | ReadError::FileTooLarge { .. }),
        "{found:?}"
    );
    let bytes = ReadLimits { max_memory: 100, ..ReadLimits::default() };
    assert!(matches!(error(&path, &bytes), ReadError::FileTooLarge { .. }));
    let enough = ReadLimits { max_pixels: 60_000, ..ReadLimits::default() };
    assert!(read_image(&path, &enough).is_ok());
}

/// A file of 20 bytes that claims 60,000×60,000 pixels is refused before memory is asked for.
#[test]
fn decompression_bombs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb");
    for bytes in [b"P6\n60000 60000\n255\n".to_vec(), b"P5\n60000 60000\n65535\n".to_vec()] {
        fs::write(&path, bytes).unwrap();
        let error = default_error(&path);
        assert!(matches!(error, ReadError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn one_pixel_and_one_row_are_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thin.png");
    for size in [(1, 1), (4000, 1), (1, 4000)] {
        let image = RgbImage::from_pixel(size.0, size.1, Rgb([9, 8, 7]));
        write_rgb(&path, &image).unwrap();
        assert_eq!(read_image(&path, &ReadLimits::default()).unwrap().image, image);
    }
}
