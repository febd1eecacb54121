//! The data set's own files. Needs `SAMKIT_REFERENCE_DIR`.

use std::path::{Path, PathBuf};

use samkit_core::Size;
use samkit_eval::{
    edges::{Protocol, Strengths, counts, truths},
    mat,
};

fn annotations() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("SAMKIT_REFERENCE_DIR") else {
        eprintln!("skipped: SAMKIT_REFERENCE_DIR is not set");
        return None;
    };
    // Relative to the workspace, where the test command runs.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    Some(root.join("data/bsds500/groundTruth/val"))
}

#[test]
fn every_annotation_is_read() {
    let Some(folder) = annotations() else { return };
    let mut people = 0;
    for entry in folder.read_dir().expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let read = |size| truths(&path, size);
        let truths = read(Size::new(481, 321)).or_else(|_| read(Size::new(321, 481)));
        let truths = truths.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(truths.iter().all(|truth| truth.count() > 0), "{}", path.display());
        people += truths.len();
    }
    eprintln!("{people} annotations");
    assert!(people > 500);
}

/// Everybody agrees with themselves, and another's drawing is partly right.
#[test]
fn people_score_well() {
    let Some(folder) = annotations() else { return };
    let size = Size::new(321, 481);
    let truths = truths(&folder.join("101085.mat"), size).expect("a good file");
    let (first, others) = truths.split_first().expect("five people");
    let strengths = first.pixels().iter().map(|&p| f32::from(u8::from(p))).collect();
    let protocol = Protocol { thresholds: 1, thinning: false, ..Protocol::default() };
    let strengths = Strengths::new(size, strengths);
    let own = counts(&strengths, std::slice::from_ref(first), &protocol)[0];
    assert_eq!((own.right, own.found), (own.predicted, own.annotated));
    let against = counts(&strengths, others, &protocol)[0];
    assert!(against.precision() > 0.5 && against.precision() < 1.0, "{against:?}");
}

/// A file with any byte changed, or cut anywhere, is read or refused.
#[test]
fn damaged_files_are_refused() {
    let Some(folder) = annotations() else { return };
    let whole = std::fs::read(folder.join("101085.mat")).expect("a readable file");
    for i in 0..200 {
        let mut bytes = whole.clone();
        let at = 128 + i * 31 % (whole.len() - 128);
        bytes[at] = bytes[at].wrapping_add(1 + i as u8);
        let _ = mat::parse(&bytes);
        let cut = whole.len() * i / 200;
        assert!(mat::parse(&whole[..cut]).is_err() || cut == 128, "cut at {cut}");
    }
}
