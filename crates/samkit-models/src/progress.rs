//! What a pull reports while it works, for progress bars and logs.

use std::path::Path;

/// Receives what happens during a pull or an import. Every method does nothing
/// unless it is overridden.
pub trait Progress: Sync {
    /// Another process is working on the same model; this one waits for it.
    fn waiting(&self, _id: &str) {}
    /// A source is about to be tried; the result will be at `destination`.
    fn trying(&self, _source: &str, _destination: &Path) {}
    /// A source did not work; the next one, if any, follows.
    fn failed(&self, _source: &str, _reason: &str) {}
    /// `done` of `total` bytes have arrived and been hashed.
    fn bytes(&self, _done: u64, _total: u64) {}
    /// The files are verified and are being converted.
    fn converting(&self) {}
    /// The weights are in place at `path`.
    fn done(&self, _path: &Path) {}
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
