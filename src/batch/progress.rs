//! How far a run is, on stderr.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar};

use crate::{
    console::{Console, counted, duration},
    print::tell,
    report::ImageReport,
};

/// With fewer images than this the remaining time is not worth a word.
const MANY: usize = 20;
/// Images that have to be done before the remaining time is told.
const ENOUGH: usize = 3;

/// All images of a run.
#[derive(Debug)]
pub(super) struct Progress {
    console: Console,
    /// The images, and below it what is done with the one at work.
    bars: MultiProgress,
    images: ProgressBar,
    total: usize,
    /// Images that were done before this start of the run.
    before: usize,
    start: Instant,
}

impl Progress {
    pub(super) fn new(console: Console, total: usize, before: usize) -> Self {
        let bars = console.bars();
        let images = bars.add(console.images_bar(total, before));
        images.tick();
        Self { console, bars, images, total, before, start: Instant::now() }
    }

    /// The line of an image that is being worked on.
    pub(super) fn line(&self, name: &str) -> ProgressBar {
        let line = self.console.step_line(name.to_owned());
        match self.console.has_bars() {
            true => self.bars.add(line),
            false => line,
        }
    }

    /// What became of an image; `done` are done with, it included.
    pub(super) fn done(&self, report: &ImageReport, done: usize) {
        let title = format!("[{done}/{}] {}", self.total, report.image);
        self.images.set_position(done as u64);
        for note in &report.notes {
            let line = format!("{title}: {note}");
            match report.warnings.contains(note) {
                true => self.say(&line),
                false if self.console.verbose => self.say(&line),
                false => {}
            }
        }
        for failure in report.failures() {
            let help = failure.help.as_deref().map(|help| format!(" (hint: {help})"));
            // Errors are for everybody, also for those who asked for quiet.
            self.bars.suspend(|| {
                tell!("{title}: failed: {}{}", failure.message, help.unwrap_or_default());
            });
        }
        let files = report.outputs().count();
        if files > 0 {
            let time = duration(Duration::from_secs_f64(report.seconds.total()));
            let left = self.left(done).map(|left| format!("; {} left", duration(left)));
            let left = left.unwrap_or_default();
            self.say(&format!("{title}: {} in {time}{left}", counted(files, "file")));
        }
    }

    /// The remaining time, at the mean rate of this start of the run.
    fn left(&self, done: usize) -> Option<Duration> {
        let own = done.saturating_sub(self.before);
        let is_worth = self.total - self.before >= MANY && own >= ENOUGH && done < self.total;
        let each = self.start.elapsed().as_secs_f64() / own.max(1) as f64;
        is_worth.then(|| Duration::from_secs_f64(each * (self.total - done) as f64))
    }

    fn say(&self, line: &str) {
        self.bars.suspend(|| self.console.say(line));
    }

    pub(super) fn end(&self) {
        self.images.finish_and_clear();
    }
}
