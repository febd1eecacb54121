//! Files that were cut off or changed on the way.

use std::panic;

use samkit_detect::{DetectError, OnnxDetector, OnnxOptions};

use crate::{fixture, read};

#[test]
fn files_that_end_early_are_no_onnx() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cut.onnx");
    // Without texts behind the graph, which a file could lose unnoticed.
    let whole = std::fs::read(fixture("yolox.onnx")).expect("the fixture is there");
    let all = (0..whole.len()).filter(|&length| length < 200 || length % 97 == 0);
    for length in all.chain(whole.len() - 100..whole.len()) {
        std::fs::write(&path, &whole[..length]).expect("writable");
        let error = OnnxDetector::load(&path, &OnnxOptions::default()).err();
        let error = error.unwrap_or_else(|| panic!("{length} of {} bytes load", whole.len()));
        assert!(matches!(error, DetectError::NotOnnx { .. }), "{length} bytes: {error}");
    }
}

/// Numbers that look random and are the same everywhere (Steele et al. 2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// Whatever is changed, the file loads or is refused, and so it is with the photograph: no panic
/// comes out.
#[test]
fn changed_bytes_never_bring_the_program_down() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changed.onnx");
    let photo = read(&fixture("photo.png"));
    let options = OnnxOptions { input_size: Some(64), ..OnnxOptions::default() };
    let mut random = SplitMix(7);
    let (mut loaded, mut refused) = (0, 0);
    for name in ["yolox", "yolo", "nms", "detr", "postprocessed"] {
        let whole = std::fs::read(fixture(&format!("{name}.onnx"))).expect("the fixture is there");
        // Most of a file is weights, which hardly matter; nodes stand in front, shapes behind.
        let structure = whole.len().min(3000);
        for _ in 0..120 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random.below(3) {
                let place = match random.below(3) {
                    0 => random.below(structure),
                    1 => whole.len() - 1 - random.below(300),
                    _ => random.below(whole.len()),
                };
                bytes[place] = random.below(256) as u8;
            }
            std::fs::write(&path, &bytes).expect("writable");
            let run = || {
                let detector = OnnxDetector::load(&path, &options)?;
                detector.candidates(&photo, 0.3)
            };
            match panic::catch_unwind(panic::AssertUnwindSafe(run)) {
                Ok(Ok(_)) => loaded += 1,
                Ok(Err(_)) => refused += 1,
                Err(_) => {
                    let kept = std::env::temp_dir().join("samkit-changed.onnx");
                    std::fs::write(&kept, &bytes).expect("writable");
                    panic!("{name}: a panic came out; see {}", kept.display());
                }
            }
        }
    }
    println!("{loaded} of the changed files run, {refused} are refused");
    assert!(loaded > 50 && refused > 50, "{loaded} and {refused}: the changes test too little");
}
