//! Feeds all readers with spoilt images and annotation files until the time is over:
//!
//!   cargo run --release -p samkit-io --example fuzz -- --minutes 10 --seed 1
//!
//! A file that makes a reader panic, takes longer than ten seconds, or makes the process grow by more
//! than the limits allow, is written to `fuzz.…` in the folder for temporary files, and the program
//! fails. The same seed gives the same files. Memory is what the system says that the process has
//! (`VmHWM`), so that memory that is asked for and never touched does not count: run it under
//! `ulimit -v 4000000` to have the system refuse that.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use samkit_io::{
    AnnotationFormat, AnnotationOptions, Annotations, BoxFormat, ReadLimits, TargetFormat, losses,
    read_image, read_logits, read_masks, write_gray8,
};

#[path = "../tests/common/box_fuzz.rs"]
mod boxes;
#[path = "../tests/common/fuzz.rs"]
mod fuzz;

use boxes::Random;
use fuzz::{Sample, Samples};

/// No file of some 100 KiB may take longer, even on a busy machine.
const SLOW: Duration = Duration::from_secs(10);
/// How much the process may grow: several times what one reader may take under [`LIMITS`].
const GROWTH_KIB: u64 = 400 << 10;
/// Small, so that what ignores them is seen.
const LIMITS: ReadLimits = ReadLimits { max_pixels: 1_000_000, max_memory: 16 << 20 };

/// Panics of decoders that the reader of images caught.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1)?.parse::<f64>().ok()
    };
    let minutes = after("--minutes").unwrap_or(1.0);
    let mut random = Random::new(after("--seed").unwrap_or(1.0) as u64);
    std::panic::set_hook(Box::new(|about| {
        if PANICS.fetch_add(1, Ordering::Relaxed) < 20 {
            eprintln!("{about}");
        }
    }));

    let samples = Samples::new();
    let folder = tempfile::tempdir().expect("the folder for temporary files is there");
    // Whose size formats without sizes need.
    let image = image::GrayImage::new(64, 48);
    write_gray8(&folder.path().join("a.png"), &image).expect("the folder is there");
    eprintln!("{} samples; the file in work is below {}", samples.len(), folder.path().display());
    let start = Instant::now();
    let before = peak_memory();
    let mut run =
        Run { folder: folder.path().into(), kinds: BTreeMap::new(), slowest: Duration::ZERO };
    while start.elapsed().as_secs_f64() < minutes * 60.0 {
        let sample = samples.spoilt(&mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| run.exercise(&sample)));
        let took = begin.elapsed();
        run.slowest = run.slowest.max(took);
        let grown = peak_memory().zip(before).map_or(0, |(after, before)| after - before);
        let problem = match outcome {
            Err(_) => "a panic".to_owned(),
            Ok(()) if took > SLOW => format!("it took {took:.1?}"),
            Ok(()) if grown > GROWTH_KIB => format!("the process grew by {} MiB", grown >> 10),
            Ok(()) => continue,
        };
        let path = std::env::temp_dir().join(format!("fuzz.{}", sample.name));
        fs::write(&path, &sample.bytes).expect("the folder for temporary files is there");
        eprintln!("{problem}: see {}", path.display());
        return ExitCode::FAILURE;
    }
    run.report(start.elapsed(), before);
    ExitCode::SUCCESS
}

/// How many files of each kind were read, and how many of them were refused.
struct Run {
    folder: PathBuf,
    kinds: BTreeMap<String, [u64; 2]>,
    slowest: Duration,
}

impl Run {
    fn exercise(&mut self, sample: &Sample) {
        let path = self.folder.join(&sample.name);
        fs::write(&path, &sample.bytes).expect("the folder is there");
        match sample.format {
            None => {
                let image = read_image(&path, &LIMITS);
                if let Ok(image) = &image {
                    let pixels = u64::from(image.image.width()) * u64::from(image.image.height());
                    assert!(pixels <= LIMITS.max_pixels, "{pixels} pixels");
                }
                self.count(&sample.kind, &image);
                self.annotations(
                    &path,
                    Some(AnnotationFormat::Labels),
                    &format!("{}, as labels", sample.kind),
                );
                // Whose size another format asks for.
                let boxes = self.folder.join("size.csv");
                fs::write(&boxes, format!("image,x,y,w,h\n{},1,2,3,4\n", sample.name))
                    .expect("the folder is there");
                self.annotations(&boxes, None, "sizes of images");
            }
            Some(format) => {
                self.annotations(&path, None, &sample.kind);
                self.annotations(&path, Some(format), &sample.kind);
                if let Ok(format) = format.name().parse::<BoxFormat>() {
                    let ending = sample.name.rsplit('.').next().unwrap_or_default();
                    boxes::exercise(&self.folder, format, ending, &sample.bytes);
                }
                let _ = read_masks(&path);
                let _ = read_logits(&path);
            }
        }
        // Some names are also those of the readers of boxes.
        let _ = fs::remove_file(&path);
    }

    fn annotations(&mut self, path: &Path, format: Option<AnnotationFormat>, kind: &str) {
        let class_names = vec!["heron".to_owned()];
        let options = AnnotationOptions {
            format,
            limits: LIMITS,
            class_names,
            ..AnnotationOptions::default()
        };
        let found = Annotations::read(path, &options);
        match &found {
            Ok(found) => check(found),
            Err(error) => assert!(error.to_string().len() < 4000, "an error of many words"),
        }
        self.count(kind, &found);
    }

    fn count<T, E>(&mut self, kind: &str, outcome: &Result<T, E>) {
        let counts = self.kinds.entry(kind.to_owned()).or_default();
        counts[0] += 1;
        counts[1] += u64::from(outcome.is_err());
    }

    fn report(&self, took: Duration, before: Option<u64>) {
        println!("{:>9} {:>9}  kind", "read", "refused");
        for (kind, [count, refused]) in &self.kinds {
            println!("{count:>9} {refused:>9}  {kind}");
        }
        let total: u64 = self.kinds.values().map(|counts| counts[0]).sum();
        let grown = peak_memory().zip(before).map_or(0, |(after, before)| after - before);
        println!("{total} files read in {took:.0?}, the slowest in {:.1?}", self.slowest);
        println!("the process grew by {} MiB", grown >> 10);
        println!("{} panics inside decoders, caught and reported", PANICS.load(Ordering::Relaxed));
    }
}

/// What must hold of whatever was read.
fn check(found: &Annotations) {
    for image in &found.images {
        assert!(image.size.area() > 0 && image.size.area() as u64 <= LIMITS.max_pixels);
        assert!(!image.stem.as_os_str().is_empty(), "{image:?}");
        for thing in &image.instances {
            let bbox = thing.bbox;
            assert!(bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1, "{bbox:?}");
            if let Some(mask) = &thing.mask {
                assert!(mask.size() == image.size && mask.area() > 0);
            }
        }
    }
    for note in &found.notes {
        assert!(note.len() < 8000, "a note of {} bytes", note.len());
    }
    for to in TargetFormat::ALL {
        let _ = losses(to, &found.images);
    }
}

/// The most memory that this process has had so far, in KiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
