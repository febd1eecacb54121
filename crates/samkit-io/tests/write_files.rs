//! Files that are written can be read back, appear complete, and fail with a reason.

use std::{fs, io, path::Path};

use image::{ImageBuffer, ImageReader, Luma};
use miette::Diagnostic;
use samkit_core::{BBox, LOW_RES_SIDE, LowResLogits, Mask, MaskRecord, Point, Rle, Size};
use samkit_io::{
    Gray16Image, GrayMap, ReadError, WriteError, read_logits, read_masks, to_gray8, to_gray16,
    write_atomically, write_gray16, write_json, write_logits, write_masks,
};

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn record() -> MaskRecord {
    let mask = Mask::from_fn(Size::new(9, 6), |x, y| (2..5).contains(&x) && y > 3);
    MaskRecord {
        area: mask.area(),
        bbox: mask.inclusive_bbox(),
        segmentation: Rle::from_mask(&mask),
        predicted_iou: 0.912_345_6,
        point: Point::new(2.5, 4.0),
        stability_score: 0.97,
        crop: BBox::new(0.0, 0.0, 9.0, 6.0),
        logits: None,
    }
}

#[test]
fn masks_have_the_keys_and_forms_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.masks.json");
    write_masks(&path, &[record(), record()]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let line = "{\"segmentation\":{\"size\":[6,9],\"counts\":\"`024000d0\"},\"area\":6,\
                \"bbox\":[2,4,2,1],\"predicted_iou\":0.9123456,\"point_coords\":[[2.5,4]],\
                \"stability_score\":0.97,\"crop_box\":[0,0,9,6]}";
    assert_eq!(text, format!("[\n{line},\n{line}\n]\n"));
    assert_eq!(read_masks(&path).unwrap(), [record(), record()]);
    write_masks(&path, &[]).unwrap();
    assert_eq!(read_masks(&path).unwrap(), []);
}

#[test]
fn masks_that_are_damaged_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.masks.json");
    write_masks(&path, &[record()]).unwrap();
    let text = fs::read_to_string(&path).unwrap().replace("[6,9]", "[6,8]");
    fs::write(&path, text).unwrap();
    assert_eq!(
        read_masks(&path).unwrap_err().to_string(),
        format!(
            "`{}` does not hold masks: mask 0: runs add up to 54 pixels, expected 48 for a mask of 8×6",
            path.display()
        )
    );
    fs::write(&path, "{}").unwrap();
    assert!(matches!(read_masks(&path), Err(ReadError::Content { .. })));
}

#[test]
fn logits_survive_and_numpy_headers_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.logits.npy");
    let values = (0..LOW_RES_SIDE * LOW_RES_SIDE).map(|i| i as f32 * 0.37 - 9000.0).collect();
    let logits = LowResLogits::new(values).unwrap();
    write_logits(&path, &logits).unwrap();
    assert_eq!(read_logits(&path).unwrap(), logits);

    let bytes = fs::read(&path).unwrap();
    assert_eq!((bytes.len() - 4 * LOW_RES_SIDE * LOW_RES_SIDE) % 64, 0, "data are not aligned");
    let with_header = |from: &str, to: &str| {
        let header = String::from_utf8(bytes[10..128].to_vec()).unwrap().replacen(from, to, 1);
        let mut changed = b"\x93NUMPY\x01\x00".to_vec();
        changed.extend((header.len() as u16).to_le_bytes());
        changed.extend(header.bytes());
        changed.extend(&bytes[128..]);
        fs::write(&path, changed).unwrap();
        read_logits(&path).map_err(|error| error.to_string())
    };
    assert_eq!(with_header("(256, 256)", "(1, 256, 256)"), Ok(logits));
    let reason = |from: &str, to: &str| {
        let message = with_header(from, to).unwrap_err();
        message.rsplit_once("256×256 logits: ").unwrap().1.to_owned()
    };
    assert_eq!(reason("<f4", "<f2"), "its numbers are `<f2`, expected `<f4` (32-bit floats)");
    assert_eq!(reason("False", "True"), "it is stored column by column, expected row by row");
    assert_eq!(
        reason("(256, 256)", "(3, 256, 256)"),
        "its shape is 3×256×256, expected 256×256 or 1×256×256"
    );
}

#[test]
fn logits_that_are_cut_or_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.logits.npy");
    write_logits(&path, &LowResLogits::new(vec![0.0; LOW_RES_SIDE * LOW_RES_SIDE]).unwrap())
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    for length in [1, 7, 9, 60, 128, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(matches!(read_logits(&path), Err(ReadError::Content { .. })), "{length}");
    }
    let mut nan = bytes;
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, nan).unwrap();
    assert!(read_logits(&path).unwrap_err().to_string().ends_with("it contains NaN"));
}

#[test]
fn maps_are_rounded_to_the_nearest_level() {
    let values = vec![0.0, 1.0, 0.5, 0.25, -1.0, 2.0, f32::NAN];
    let map = GrayMap::from_raw(7, 1, values).unwrap();
    assert_eq!(to_gray8(&map).as_raw(), &[0, 255, 128, 64, 0, 255, 0]);
    assert_eq!(to_gray16(&map).as_raw(), &[0, 65_535, 32_768, 16_384, 0, 65_535, 0]);
}

#[test]
fn sixteen_bits_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let image: Gray16Image = ImageBuffer::from_fn(300, 3, |x, y| Luma([(x * 218 + y) as u16]));
    write_gray16(&path, &image).unwrap();
    let read = ImageReader::open(&path).unwrap().decode().unwrap();
    assert_eq!(read.as_luma16(), Some(&image));
}

#[test]
fn folders_are_made_and_files_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some/where/a.json");
    write_json(&path, &[1, 2]).unwrap();
    write_json(&path, &[3]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  3\n]\n");
    assert_eq!(files(path.parent().unwrap()), ["a.json"]);
}

#[cfg(unix)]
#[test]
fn files_are_as_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    fs::write(folder.path().join("plain"), "").unwrap();
    write_json(&folder.path().join("ours"), &0).unwrap();
    assert_eq!(mode("ours"), mode("plain"));
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "old").unwrap();
    let error = write_atomically(&path, |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` cannot be written", path.display()));
    assert!(error.help().unwrap().to_string().contains("disk is full"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(files(folder.path()), ["a.txt"]);
}

#[test]
fn files_and_folders_in_the_way_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = write_json(&folder.path().join("file/a.json"), &0).unwrap_err();
    assert!(matches!(error, WriteError::Folder { .. }));
    assert!(error.help().unwrap().to_string().contains("a file stands where"), "{error:?}");
    fs::create_dir(folder.path().join("a.json")).unwrap();
    let error = write_json(&folder.path().join("a.json"), &0).unwrap_err();
    assert!(error.help().unwrap().to_string().contains("a folder stands where"), "{error:?}");
    assert_eq!(files(folder.path()), ["a.json", "file"]);
}

#[cfg(unix)]
#[test]
fn folders_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let error = write_json(&locked.join("a.json"), &0).unwrap_err();
    assert!(error.help().unwrap().to_string().contains("that you may write to"));
}
