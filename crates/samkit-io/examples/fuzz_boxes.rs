//! Feeds the readers of boxes with spoilt annotation files until the time is over:
//!
//!   cargo run --release -p samkit-io --example fuzz_boxes -- --minutes 10 --seed 1
//!
//! A file that makes a reader panic, or takes longer than five seconds, is written to `fuzz-boxes.…`
//! in the folder for temporary files, and the program fails. The same seed gives the same files.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

#[path = "../tests/common/box_fuzz.rs"]
mod fuzz;

/// No file of 64 KiB may take longer, even on a busy machine.
const SLOW: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1)?.parse::<f64>().ok()
    };
    let minutes = after("--minutes").unwrap_or(1.0);
    let seed = after("--seed").unwrap_or(1.0) as u64;

    let folder = tempfile::tempdir().expect("the folder for temporary files is there");
    let mut random = fuzz::Random::new(seed);
    let start = Instant::now();
    let mut count = 0_u64;
    let mut slowest = (Duration::ZERO, None);
    while start.elapsed().as_secs_f64() < minutes * 60.0 {
        let (format, ending, bytes) = fuzz::mutate(&mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            fuzz::exercise(folder.path(), format, ending, &bytes);
        }));
        let took = begin.elapsed();
        slowest = slowest.max((took, Some(format.name())));
        count += 1;
        if outcome.is_err() || took > SLOW {
            let path = std::env::temp_dir().join(format!("fuzz-boxes.{ending}"));
            std::fs::write(&path, &bytes).expect("the folder for temporary files is there");
            eprintln!("file {count} of seed {seed}, {took:?}: see {}", path.display());
            return ExitCode::FAILURE;
        }
    }
    let (took, format) = slowest;
    let format = format.unwrap_or("none");
    println!("{count} files in {:.0?}, the slowest ({format}) in {took:.1?}", start.elapsed());
    ExitCode::SUCCESS
}
