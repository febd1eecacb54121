//! Images on their way in: read and decoded while the one before is in the network.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc::SyncSender},
    time::Instant,
};

use samkit_io::{LoadedImage, ReadError, ReadLimits};

use super::record::{self, Stamp};
use crate::{job::Job, stop};

/// An image that was read, or could not be.
pub(super) struct Source {
    /// Its place in the list.
    pub(super) index: usize,
    pub(super) loaded: Result<Loaded, ReadError>,
    pub(super) seconds: f64,
}

pub(super) struct Loaded {
    pub(super) image: LoadedImage,
    pub(super) stamp: Stamp,
    /// The file's own bytes, where they are to be copied.
    pub(super) bytes: Option<Vec<u8>>,
    /// Given back when the image is done with.
    pub(super) room: Room,
}

/// Reads images in the order of `places` until the receiver is gone or the run is to stop.
pub(super) fn read_ahead(
    job: &Job,
    places: &[usize],
    keep_bytes: bool,
    memory: &Arc<Memory>,
    ready: &SyncSender<Source>,
    is_over: impl Fn() -> bool,
) {
    for &index in places {
        if stop::requested() || is_over() {
            return;
        }
        let (path, limits) = (&job.images[index].path, &job.long.limits);
        // What cannot be read takes none, and is told of below.
        let bytes =
            samkit_io::read_image_size(path, limits).map_or(0, |size| 3 * size.area() as u64);
        let room = Memory::take(memory, bytes);
        let start = Instant::now();
        let read = read(path, limits, keep_bytes);
        let seconds = start.elapsed().as_secs_f64();
        let loaded = read.map(|(image, stamp, bytes)| Loaded { image, stamp, bytes, room });
        if ready.send(Source { index, loaded, seconds }).is_err() {
            return;
        }
    }
}

type Read = (LoadedImage, Stamp, Option<Vec<u8>>);

fn read(path: &Path, limits: &ReadLimits, keep_bytes: bool) -> Result<Read, ReadError> {
    let modified = record::modified(path);
    let bytes = samkit_io::read_file(path, limits)?;
    let image = samkit_io::decode_image(path, &bytes, limits)?;
    // Of what was decoded, whatever has become of the file since.
    let stamp = Stamp::new(modified, &bytes);
    Ok((image, stamp, keep_bytes.then_some(bytes)))
}

/// Bytes that decoded images may take together: enough for many small ones. Of images beyond 35
/// megapixels one is worked on at a time, because tasks need several times as much for each.
const LIMIT: u64 = 200 << 20;

/// How much decoded images take.
#[derive(Debug, Default)]
pub(super) struct Memory {
    taken: Mutex<u64>,
    freed: Condvar,
}

/// What one image takes.
#[derive(Debug)]
pub(super) struct Room {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Memory {
    /// Waits until there is room. An image that is alone gets it, however large it is.
    fn take(memory: &Arc<Self>, bytes: u64) -> Room {
        let mut taken = memory.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + bytes > LIMIT {
            taken = memory.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += bytes;
        Room { memory: memory.clone(), bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *self.memory.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.memory.freed.notify_all();
    }
}
