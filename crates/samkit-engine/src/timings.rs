//! How often and how long the networks ran.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How often and how long the networks ran since the model was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Images (and crops) that went through the encoder.
    pub images_encoded: u64,
    /// Time in the encoder, with resizing and normalising.
    pub encode: Duration,
    /// Prompts that went through prompt encoder and mask decoder.
    pub prompts_decoded: u64,
    /// Time in prompt encoder and mask decoder.
    pub decode: Duration,
}

/// Counts from several threads.
#[derive(Default)]
pub(crate) struct Meter {
    images: AtomicU64,
    encode_ns: AtomicU64,
    prompts: AtomicU64,
    decode_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn encoded(&self, time: Duration) {
        self.images.fetch_add(1, Relaxed);
        self.encode_ns.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn decoded(&self, prompts: usize, time: Duration) {
        self.prompts.fetch_add(prompts as u64, Relaxed);
        self.decode_ns.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn read(&self) -> Timings {
        Timings {
            images_encoded: self.images.load(Relaxed),
            encode: Duration::from_nanos(self.encode_ns.load(Relaxed)),
            prompts_decoded: self.prompts.load(Relaxed),
            decode: Duration::from_nanos(self.decode_ns.load(Relaxed)),
        }
    }
}
