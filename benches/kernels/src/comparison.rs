//! Several ways to do the same work, and their ratios.

use std::fmt::Display;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};

/// What one iteration does, for rates.
#[derive(Clone, Copy)]
pub enum Work {
    /// Floating-point operations.
    Flops(usize),
    /// Values of 4 bytes that are passed over.
    Values(usize),
    /// One run of a layer or a network.
    Run,
}

impl Work {
    fn rate(self, seconds: f64) -> String {
        match self {
            Self::Flops(n) => format!("{:.1} GFLOP/s", n as f64 / seconds / 1e9),
            Self::Values(n) => format!("{:.2} GB/s", 4.0 * n as f64 / seconds / 1e9),
            Self::Run => format!("{:.2} ms", 1e3 * seconds),
        }
    }
}

/// Benches of the same work, one after the other.
pub struct Comparison<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    work: Work,
    /// Who, and the fastest sample's seconds an iteration.
    times: Vec<(String, f64)>,
}

impl<'a> Comparison<'a> {
    /// `samples` are 10 or more.
    pub fn new(c: &'a mut Criterion, name: &str, work: Work, samples: usize) -> Self {
        let mut group = c.benchmark_group(name);
        group.sample_size(samples);
        Self { group, work, times: Vec::new() }
    }

    /// Benches one of them.
    pub fn run(&mut self, who: impl Display, mut work: impl FnMut()) {
        let mut fastest = f64::INFINITY;
        self.group.bench_function(BenchmarkId::from_parameter(&who), |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    work();
                }
                let elapsed = start.elapsed();
                fastest = fastest.min(elapsed.as_secs_f64() / iterations as f64);
                elapsed
            });
        });
        // A filter on the command line may have left it out.
        if fastest.is_finite() {
            self.times.push((who.to_string(), fastest));
        }
    }

    /// Prints the rates, and the speeds as multiples of the first one's.
    pub fn finish(self) {
        self.group.finish();
        let Some((_, base)) = self.times.first() else { return };
        let shown = self.times.iter().map(|(who, seconds)| {
            format!("{who} {} ({:.2}×)", self.work.rate(*seconds), base / seconds)
        });
        println!("fastest samples: {}\n", shown.collect::<Vec<_>>().join(", "));
    }
}
