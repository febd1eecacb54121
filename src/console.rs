//! What people see: colours, progress and log lines, all on stderr.

use std::{fmt, io::IsTerminal, path::Path, sync::Mutex, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{
    cli::{ColorWhen, GlobalArgs},
    print::tell,
};

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// Nothing but errors.
    pub(crate) quiet: bool,
    /// Details too.
    pub(crate) verbose: bool,
    /// Bars that move: stderr is a terminal.
    bars: bool,
}

impl Console {
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        let bars = !global.quiet && std::io::stderr().is_terminal();
        Self { quiet: global.quiet, verbose: global.verbose, bars }
    }

    /// A line for everybody.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            tell!("{line}");
        }
    }

    /// A line for those who asked for details.
    pub(crate) fn detail(&self, line: &str) {
        if self.verbose {
            tell!("{line}");
        }
    }

    /// A line that moves while it is not known how much there is to do; [`known_length`] makes it
    /// a bar.
    pub(crate) fn step_line(&self, prefix: String) -> ProgressBar {
        let line = self.bar("{prefix} {msg} {elapsed}").with_prefix(prefix);
        line.enable_steady_tick(Duration::from_millis(200));
        line
    }

    /// Where several bars stand together.
    pub(crate) fn bars(&self) -> MultiProgress {
        MultiProgress::with_draw_target(match self.bars {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        })
    }

    pub(crate) fn has_bars(&self) -> bool {
        self.bars
    }

    /// The bar of a run's images; a single one needs none.
    pub(crate) fn images_bar(&self, total: usize, done: usize) -> ProgressBar {
        if !self.bars || total < 2 {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden())
            .with_style(style("[{bar:40}] {pos} of {len} images{rate}").with_key("rate", rate))
            .with_position(done as u64);
        // The rate is that of this start of the run.
        bar.reset_eta();
        bar
    }

    fn bytes_bar(&self) -> ProgressBar {
        self.bar("  [{bar:30}] {bytes} of {total_bytes} {elapsed}")
    }

    fn bar(&self, template: &str) -> ProgressBar {
        if !self.bars {
            return ProgressBar::hidden();
        }
        ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
            .with_style(style(template))
    }
}

/// Turns the line of [`Console::step_line`] into a bar of `total` steps.
pub(crate) fn known_length(line: &ProgressBar, total: usize) {
    if line.length() != Some(total as u64) {
        line.set_style(style("{prefix} {msg} [{bar:30}] {pos}/{len} {elapsed}"));
        line.set_length(total as u64);
    }
}

/// Images a second, or seconds an image, whichever is more than one; and the remaining time.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    let rate = state.per_sec();
    if rate <= 0.0 {
        return;
    }
    let _ = match rate {
        1.0.. => write!(out, ", {rate:.1} a second"),
        _ => write!(out, ", {} each", duration(Duration::from_secs_f64(1.0 / rate))),
    };
    let _ = write!(out, ", {} left", duration(state.eta()));
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("templates are constants").progress_chars("=> ")
}

/// Whether errors on stderr are coloured.
pub(crate) fn colors(when: ColorWhen) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !refused && std::io::stderr().is_terminal()
        }
    }
}

/// Has errors drawn by miette, with or without colours.
pub(crate) fn install_error_style(when: ColorWhen) {
    let (color, terminal) = (colors(when), std::io::stderr().is_terminal());
    let drawing = move || {
        let style = miette::MietteHandlerOpts::new().color(color).context_lines(1);
        // Wrapped lines cut paths and hashes apart, which only a terminal's width excuses.
        if terminal { style } else { style.unicode(true).width(10_000).terminal_links(false) }
    };
    // It can be set once, and nothing sets it before.
    let _ = miette::set_hook(Box::new(move |_| Box::new(drawing().force_graphical(true).build())));
}

/// Tells how fetching weights goes.
pub(crate) struct Fetching {
    console: Console,
    bar: Mutex<ProgressBar>,
}

impl Fetching {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn with_bar(&self, change: impl FnOnce(&mut ProgressBar)) {
        if let Ok(mut bar) = self.bar.lock() {
            change(&mut bar);
        }
    }

    fn end_bar(&self) {
        self.with_bar(|bar| bar.finish_and_clear());
    }
}

impl samkit_models::Progress for Fetching {
    fn waiting(&self, id: &str) {
        self.console.say(&format!("waiting for another samkit that is fetching {id}"));
    }

    fn trying(&self, source: &str, destination: &Path) {
        self.console
            .say(&format!("fetching weights from {source}\n  to {}", destination.display()));
        self.with_bar(|bar| *bar = self.console.bytes_bar());
    }

    fn failed(&self, _: &str, reason: &str) {
        self.end_bar();
        self.console.say(&format!("  this source does not work: {reason}"));
    }

    fn bytes(&self, done: u64, total: u64) {
        self.with_bar(|bar| {
            bar.set_length(total);
            bar.set_position(done);
        });
    }

    fn converting(&self) {
        self.end_bar();
        self.console.say("  verified, converting");
    }

    fn done(&self, path: &Path) {
        self.end_bar();
        self.console.say(&format!("weights are in {}", path.display()));
    }
}

/// `1 image`, `2 images`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A duration as people read it, to three digits: `8.53 ms`, `310 ms`, `2.29 s`, `3 min 20 s`,
/// `5 h 12 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let whole = seconds.round() as u64;
    if whole >= 2 * 3600 {
        return format!("{} h {} min", whole / 3600, whole % 3600 / 60);
    }
    if whole >= 120 {
        return format!("{} min {} s", whole / 60, whole % 60);
    }
    let (value, unit) = if seconds < 0.9995 { (seconds * 1e3, "ms") } else { (seconds, "s") };
    let decimals = match value {
        0.0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        let cases = [
            (0.0, "0 ms"),
            (0.000_041, "0.04 ms"),
            (0.008_526, "8.53 ms"),
            (0.009_996, "10.0 ms"),
            (0.31, "310 ms"),
            (0.999_6, "1.00 s"),
            (12.36, "12.4 s"),
            (119.4, "119 s"),
            (119.6, "2 min 0 s"),
            (200.0, "3 min 20 s"),
            (7199.0, "119 min 59 s"),
            (7261.0, "2 h 1 min"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
    }
}
