//! Image files of many kinds against what Pillow makes of them (`fixtures/make_images.py`).

use std::path::{Path, PathBuf};

use image::{ColorType::Rgb8, codecs::gif::GifEncoder};
use samkit_io::{ReadError, ReadLimits, read_image};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    file: String,
    width: u32,
    height: u32,
    rgb: String,
    tolerance: u8,
    note: Option<String>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)
}

fn read(path: &Path) -> Result<samkit_io::LoadedImage, ReadError> {
    read_image(path, &ReadLimits::default())
}

#[test]
fn pixels_and_notes_are_as_expected() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("fixtures/expected.json")).expect("the fixture is valid");
    let mut wrong = Vec::new();
    for case in &cases {
        let loaded = match read(&fixture(&case.file)) {
            Ok(loaded) => loaded,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.file));
                continue;
            }
        };
        let size = loaded.image.dimensions();
        if size != (case.width, case.height) {
            wrong.push(format!("{}: size {size:?}", case.file));
            continue;
        }
        let expected = (0..case.rgb.len() / 2)
            .map(|byte| u8::from_str_radix(&case.rgb[2 * byte..][..2], 16).expect("hexadecimal"));
        let worst = loaded.image.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        if worst > Some(case.tolerance) {
            wrong.push(format!("{}: differs by {worst:?}", case.file));
        }
        let noted = match &case.note {
            Some(note) => loaded.notes.len() == 1 && loaded.notes[0].contains(note),
            None => loaded.notes.is_empty(),
        };
        if !noted {
            wrong.push(format!(
                "{}: notes {:?} instead of {:?}",
                case.file, loaded.notes, case.note
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_8_bit_rgb_is_refused_by_name() {
    let message = |name: &str| {
        let message = read(&fixture(name)).unwrap_err().to_string();
        message.replace(&*fixture(name).to_string_lossy(), name)
    };
    assert_eq!(
        message("float.tif"),
        "`float.tif` is TIFF of a kind that samkit does not read: floating point or another unusual colour type (32 bits a pixel)"
    );
    assert_eq!(
        message("palette.tif"),
        "`palette.tif` is TIFF of a kind that samkit does not read: Photometric interpretation RGBPalette with bits per sample [8] is unsupported"
    );
    assert_eq!(message("picture.avif"), "`picture.avif` is AVIF, which samkit does not read");
    assert_eq!(
        message("picture.ico"),
        "`picture.ico` is an icon (ICO), which samkit does not read"
    );
}

/// Where each kind of file is cut, only its frame stays: more than half is there, and it is refused.
#[test]
fn cut_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "rgb.png",
        "rgb.bmp",
        "rgb.ppm",
        "rgb.webp",
        "rgb.qoi",
        "rgb.jpg",
        "progressive.jpg",
        "rgb-raw.tif",
        "rgb-tiff_lzw.tif",
        "palette.gif",
        "grey16.png",
        "cmyk-plain.jpg",
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        for length in [12, bytes.len() * 6 / 10, bytes.len() - 30] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            match read(&path) {
                Err(ReadError::Damaged { .. }) => {}
                other => panic!("{name} cut to {length} of {} bytes: {other:?}", bytes.len()),
            }
        }
    }
}

/// A GIF's later frames may claim any size, whatever its picture's: looking for them keeps to the limit.
#[test]
fn an_animation_is_looked_for_within_the_memory_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.gif");
    let file = std::fs::File::create(&path).unwrap();
    let mut encoder = GifEncoder::new(file);
    for side in [8, 400] {
        encoder.encode(&vec![0; side * side * 3], side as u32, side as u32, Rgb8.into()).unwrap();
    }
    drop(encoder);
    let notes = |max_memory| {
        let limits = ReadLimits { max_memory, ..ReadLimits::default() };
        read_image(&path, &limits).expect("the picture itself is small").notes
    };
    assert_eq!(notes(1 << 30).len(), 1);
    // The second frame alone takes 640 kB.
    assert_eq!(notes(100_000).len(), 0);
}

/// Single bytes that are wrong may go unnoticed or not, but nothing may panic or hang.
#[test]
fn damaged_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for name in
        ["rgb.png", "rgb.bmp", "rgb.webp", "rgb.qoi", "cmyk-plain.jpg", "cmyk.tif", "palette.gif"]
    {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let mut random = 1u64;
        for _ in 0..300 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut damaged = bytes.clone();
            damaged[(random >> 33) as usize % bytes.len()] = (random >> 24) as u8;
            std::fs::write(&path, damaged).unwrap();
            if let Ok(loaded) = read(&path) {
                assert!(loaded.image.width() > 0 && loaded.image.height() > 0);
            }
        }
    }
}
