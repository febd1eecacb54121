//! A conformance test for authors of plugins.

mod clip;
mod params;
mod runs;
mod sample;
mod stand_in;

use crate::Plugin;

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLine {
    /// What was tried.
    pub name: String,
    /// Whether the plugin did what it should.
    pub passed: bool,
    /// What it did instead, or a remark.
    pub detail: String,
}

/// Tries `plugin` with good and bad parameters, with ordinary and with extreme inputs, from several
/// threads, while it is asked to stop, and with services that fail. The services are stand-ins: no
/// weights are needed.
///
/// A plugin that crashes ends the process, and one that never stops keeps a thread of it busy: run
/// this in a process of its own.
pub fn check(plugin: &Plugin) -> Vec<CheckLine> {
    let mut report = Report::default();
    params::check(plugin, &mut report);
    runs::check(plugin, &mut report);
    report.0
}

#[derive(Default)]
struct Report(Vec<CheckLine>);

impl Report {
    /// Adds a line: the error says what the plugin did instead.
    fn line(&mut self, name: impl Into<String>, outcome: Result<(), String>) {
        let (passed, detail) = (outcome.is_ok(), outcome.err().unwrap_or_default());
        self.0.push(CheckLine { name: name.into(), passed, detail });
    }
}
