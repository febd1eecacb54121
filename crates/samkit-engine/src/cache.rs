//! Embeddings kept in a folder: an image that was encoded once is not encoded again.

use std::path::{Path, PathBuf};

use image::RgbImage;
use samkit_core::Size;
use sha2::{Digest, Sha256};

use crate::cpu::Isa;
use crate::embedding::{Embedding, hex};
use crate::error::{EngineError, Result};
use crate::sam::Sam;

/// Part of every key. Raised when the encoder's results or the files change, so that embeddings of
/// an older samkit are made again instead of being used.
const REVISION: u32 = 2;

/// A folder of embeddings, one file each.
///
/// Files are named by a hash of everything that an embedding depends on: the image's pixels and
/// size, the weights, the network, its precision, where it runs, and the version of samkit. So a
/// file never stands for another embedding, and nothing in the folder ever has to be thrown away;
/// it may be, at any time. Several programs may use one folder at once: files appear by rename.
///
/// ```no_run
/// use samkit_engine::{DeviceKind, EmbeddingCache, Sam};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sha256_of_weights = "";
/// let sam = Sam::load("mobile-sam.safetensors".as_ref(), DeviceKind::Auto)?;
/// let cache = EmbeddingCache::open("embeddings".as_ref())?;
/// let image = image::open("photo.jpg")?.to_rgb8();
/// let cached = cache.get_or_encode(&sam, sha256_of_weights, &image)?;
/// println!("{}", if cached.from_cache { "was there" } else { "was encoded" });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EmbeddingCache {
    folder: PathBuf,
}

/// What [`EmbeddingCache::get_or_encode`] gives.
#[derive(Debug)]
pub struct CachedEmbedding {
    /// The same to the bit, wherever it came from.
    pub embedding: Embedding,
    /// Whether it was in the cache.
    pub from_cache: bool,
    /// Why a file that was there could not be used, or the new one could not be kept. None of it
    /// harms the embedding.
    pub problems: Vec<EngineError>,
}

impl From<Embedding> for CachedEmbedding {
    /// An embedding that was encoded without a cache.
    fn from(embedding: Embedding) -> Self {
        Self { embedding, from_cache: false, problems: Vec::new() }
    }
}

impl EmbeddingCache {
    /// Opens the cache in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or no file can be written in it.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::NamedTempFile::new_in(folder))
            .map_err(|source| EngineError::CacheFolder { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The file that holds the embedding of `image` by `sam`, or would.
    ///
    /// `weights` tells the weights apart: the SHA-256 of the file that `sam` was loaded from.
    pub fn path(&self, sam: &Sam, weights: &str, image: &RgbImage) -> PathBuf {
        self.file(&key(sam, weights, image))
    }

    /// The embedding of `image` by `sam`: from its file if there is a sound one, otherwise encoded,
    /// and kept. `weights` as in [`EmbeddingCache::path`].
    ///
    /// # Errors
    /// When the image has to be encoded and cannot be. Files never make an error.
    pub fn get_or_encode(
        &self,
        sam: &Sam,
        weights: &str,
        image: &RgbImage,
    ) -> Result<CachedEmbedding> {
        let key = key(sam, weights, image);
        let path = self.file(&key);
        let mut problems = Vec::new();
        if path.exists() {
            match load(&path, &key) {
                Ok(embedding) => {
                    return Ok(CachedEmbedding { embedding, from_cache: true, problems });
                }
                Err(problem) => problems.push(problem),
            }
        }
        let embedding = sam.encode(image)?;
        problems.extend(embedding.save_as(&path, &key).err());
        Ok(CachedEmbedding { embedding, from_cache: false, problems })
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.safetensors"))
    }
}

fn load(path: &Path, key: &str) -> Result<Embedding> {
    let (embedding, found) = Embedding::load_keyed(path)?;
    if found == key {
        return Ok(embedding);
    }
    let reason = "it is of another image or network".to_owned();
    Err(EngineError::EmbeddingFile { path: path.to_owned(), reason })
}

/// SHA-256 of everything that an embedding depends on.
fn key(sam: &Sam, weights: &str, image: &RgbImage) -> String {
    let mut hasher = Sha256::new();
    // The instruction set is there because each rounds in its own way.
    hasher.update(format!(
        "samkit {} embedding {REVISION}\n{}\n{weights}\n{}\n{} {} {:?}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        sam.architecture(),
        sam.precision(),
        sam.device(),
        if sam.encodes_fast() { "samkit" } else { "candle" },
        Isa::best(),
        Size::from(image.dimensions()),
    ));
    hasher.update(image.as_raw());
    hex(&hasher.finalize())
}
