//! Feeds the recipe parser with spoilt recipes until the time is over:
//!
//!   cargo run --release -p samkit-recipe --example fuzz_recipe -- --minutes 10 --seed 1
//!
//! A recipe that makes it panic, or takes longer than twenty seconds, is written to
//! `fuzz-failure.yaml` in the folder for temporary files, and the program fails. The same seed gives
//! the same recipes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/fuzz.rs"]
mod fuzz;

/// No recipe of 64 KiB may take longer, even on a busy machine.
const SLOW: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1)?.parse::<f64>().ok()
    };
    let minutes = after("--minutes").unwrap_or(1.0);
    let seed = after("--seed").unwrap_or(1.0) as u64;

    // The recipes are found, and `include` works, whatever the current folder is.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::set_current_dir(package).expect("the package is where it was built");
    let mut corpus = fuzz::corpus(Path::new("tests"));
    let catalogue = common::catalogue();
    let mut random = fuzz::Random::new(seed);
    let start = Instant::now();
    let mut count = 0_u64;
    let mut slowest = Duration::ZERO;
    while start.elapsed().as_secs_f64() < minutes * 60.0 {
        let recipe = fuzz::mutate(&corpus, &mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| fuzz::exercise(&recipe, &catalogue)));
        let took = begin.elapsed();
        slowest = slowest.max(took);
        count += 1;
        if outcome.is_err() || took > SLOW {
            let path = std::env::temp_dir().join("fuzz-failure.yaml");
            std::fs::write(&path, &recipe).expect("the folder for temporary files is there");
            eprintln!("recipe {count} of seed {seed}, {took:?}: see {}", path.display());
            return ExitCode::FAILURE;
        }
        // What was made of others is now and then spoilt further.
        if count.is_multiple_of(50) {
            let place = random.below(4096);
            match corpus.get_mut(place.max(150)) {
                Some(old) => *old = recipe,
                None => corpus.push(recipe),
            }
        }
    }
    println!("{count} recipes in {:.0?}, the slowest in {slowest:.0?}", start.elapsed());
    ExitCode::SUCCESS
}
