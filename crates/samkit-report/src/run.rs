//! The run as a whole.

use serde_json::Value;

/// What the page says of a run. All texts are for people and may hold anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The recipe or the command: the page's heading.
    pub title: String,
    /// The program and its version, such as `samkit 0.1.0`.
    pub version: String,
    /// When the run began; left out when empty.
    pub started: String,
    /// How long it took; left out when empty.
    pub took: String,
    /// The folder with the results.
    pub output: String,
    /// What is counted over all images.
    pub totals: Totals,
    /// Every step with its parameters as they were resolved, as a JSON object.
    pub settings: Vec<(String, Value)>,
    /// What else everybody should know of the run, such as that it was stopped.
    pub notes: Vec<String>,
}

/// What is counted over all images of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that were taken up.
    pub images: usize,
    /// Those of them of which anything failed.
    pub failed: usize,
    /// Things found.
    pub objects: usize,
    /// Files written.
    pub files: usize,
}
