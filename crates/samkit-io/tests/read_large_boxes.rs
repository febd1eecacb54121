//! A COCO file much larger than its boxes. It is alone in its process, because it looks at the
//! process's memory.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use samkit_core::Size;
use samkit_io::{BoxFile, BoxOptions, InputImage};

/// A data set of more than 20 MB, most of it segmentations, with its annotations first.
fn write_data_set(path: &Path, images: usize, each: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    write!(file, "{{\"annotations\": [")?;
    for index in 0..images * each {
        let comma = if index == 0 { "" } else { ",\n" };
        let (x, image) = (index % 600, index % images);
        write!(file, "{comma}{{\"id\": {index}, \"image_id\": {image}, \"segmentation\": [[")?;
        for point in 0..100 {
            write!(file, "{point}.25, {x}.5, ")?;
        }
        write!(file, "0, 0]], \"category_id\": 1, \"bbox\": [{x}, 10, 20.5, 30]}}")?;
    }
    write!(file, "], \"images\": [")?;
    for image in 0..images {
        let comma = if image == 0 { "" } else { ", " };
        write!(file, "{comma}{{\"id\": {image}, \"file_name\": \"{image}.jpg\"}}")?;
    }
    write!(file, "], \"categories\": [{{\"id\": 1, \"name\": \"bird\"}}]}}")?;
    file.flush()
}

/// The most memory that this process has had so far, in KiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[test]
fn segmentations_of_a_large_data_set_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    write_data_set(&path, 100, 140).unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 20_000_000);
    let before = peak_memory();
    let file = BoxFile::read(&path, &BoxOptions::default()).unwrap();
    let grown = peak_memory().zip(before).map(|(after, before)| after - before);
    assert_eq!(file.box_count(), 14_000);
    // The boxes take 450 KB; the file's text alone would take 20 MB, its numbers more.
    if let Some(grown) = grown {
        assert!(grown < 8_000, "the peak of memory grew by {grown} KiB");
    }

    let image = InputImage { path: "/in/42.jpg".into(), relative: "42.jpg".into() };
    let found = file.matched(&[image]).boxes(0, Size::new(640, 480));
    assert_eq!(found.boxes.len(), 140);
    assert!(found.boxes.iter().all(|given| given.label == "bird"));
}
