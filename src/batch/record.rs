//! What a run keeps of each image while it goes on: a line of the journal.

use std::{
    fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use samkit_core::{BBox, Rle, Size};
use samkit_io::Instance;
use samkit_report::Card;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    report::{ImageReport, ModelReport, Networks},
    shard::Shard,
};

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first line.
    Begin(Header),
    /// An image that is done with, well or badly.
    Image(Box<Entry>),
    /// The run went to its end, or was stopped politely.
    End(Session),
}

/// What a run is of: runs with the same header can go on where the other stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Version of this format.
    pub(crate) format: u32,
    /// Version of the program.
    pub(crate) samkit: String,
    /// The recipe, or the command.
    pub(crate) run: String,
    /// The steps as resolved and the network: all that results depend on beside the images.
    pub(crate) plan: Value,
    pub(crate) shard: Option<Shard>,
    /// Images of all shards.
    pub(crate) images: usize,
    /// Hash of their names.
    pub(crate) list: String,
    /// Whether there is to be a page that shows them.
    pub(crate) report: bool,
}

/// One image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its place in the list of all images.
    pub(crate) index: usize,
    /// Its number in data sets.
    pub(crate) id: u64,
    /// What its files begin with.
    pub(crate) stem: String,
    /// Its file as it was read; none where it could not be.
    pub(crate) source: Option<Stamp>,
    /// What was written for it, relative to the output folder.
    pub(crate) files: Vec<WrittenFile>,
    pub(crate) report: ImageReport,
    /// What each step found, where files of all images are made of it.
    pub(crate) found: Vec<Option<Vec<Thing>>>,
    /// Its part of the report page.
    pub(crate) card: Option<Card>,
}

/// What one start of the program did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) model: Option<ModelReport>,
    pub(crate) weights: Vec<ModelReport>,
    pub(crate) device: Option<String>,
    pub(crate) load_seconds: f64,
    pub(crate) total_seconds: f64,
    pub(crate) networks: Networks,
}

/// How a file is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) bytes: u64,
    /// Nanoseconds since 1970, where the file system knows.
    pub(crate) modified: Option<u64>,
    pub(crate) sha256: String,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenFile {
    /// With `/`, relative to the output folder.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Stamp {
    /// Of a file whose content is `bytes`; `modified` is from before they were read, so that a file
    /// that was replaced meanwhile does not look like the one that was read.
    pub(crate) fn new(modified: Option<u64>, bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, modified, sha256: sha256(bytes) }
    }

    /// Whether the file is still the same: by size and time, and where only the time differs by
    /// content.
    pub(crate) fn fits(&self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else { return false };
        metadata.len() == self.bytes
            && (self.modified.is_some() && of_metadata(&metadata) == self.modified
                || fs::read(path).is_ok_and(|bytes| sha256(&bytes) == self.sha256))
    }
}

/// When a file was changed last, in nanoseconds since 1970.
pub(crate) fn modified(path: &Path) -> Option<u64> {
    of_metadata(&fs::metadata(path).ok()?)
}

fn of_metadata(metadata: &fs::Metadata) -> Option<u64> {
    let time: SystemTime = metadata.modified().ok()?;
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

impl WrittenFile {
    /// Reads back what was written.
    pub(crate) fn new(output: &Path, path: String) -> io::Result<Self> {
        let bytes = fs::read(output.join(&path))?;
        Ok(Self { path, bytes: bytes.len() as u64, sha256: sha256(&bytes) })
    }

    /// Whether it is there as it was written.
    pub(crate) fn is_whole(&self, output: &Path) -> bool {
        Self::new(output, self.path.clone()).is_ok_and(|now| now == *self)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A box or mask in the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    /// x0, y0, x1, y1.
    bbox: [f32; 4],
    #[serde(default, skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category_id: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// COCO's counts; the size is the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<String>,
}

impl Thing {
    pub(crate) fn new(instance: &Instance) -> Self {
        let BBox { x0, y0, x1, y1 } = instance.bbox;
        Self {
            bbox: [x0, y0, x1, y1],
            label: instance.label.clone(),
            category_id: instance.category_id,
            score: instance.score,
            counts: instance.mask.as_ref().map(Rle::counts_string),
        }
    }

    /// # Errors
    /// When the mask is not of an image of this size, as in a damaged journal.
    pub(crate) fn instance(self, size: Size) -> io::Result<Instance> {
        let [x0, y0, x1, y1] = self.bbox;
        let mask = |counts: String| Rle::from_counts_string(size, &counts);
        Ok(Instance {
            bbox: BBox { x0, y0, x1, y1 },
            label: self.label,
            category_id: self.category_id,
            score: self.score,
            mask: self.counts.map(mask).transpose().map_err(io::Error::other)?,
        })
    }
}
