//! An encoded image: made once, asked many times.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use samkit_core::Size;
use sha2::{Digest, Sha256};

use crate::cpu::ImageSide;
use crate::error::{EngineError, Result};
use crate::frame::Frame;
use crate::network::{EMBED_DIM, EMBED_SIDE};

/// Name of the tensor in an embedding's file.
const TENSOR: &str = "image_embedding";
/// Value of `format` in the file's metadata.
const FORMAT: &str = "samkit-embedding/1";

/// What the image encoder makes of an image: 256 channels at 64×64 positions.
#[derive(Clone, Debug)]
pub struct Embedding {
    frame: Frame,
    model: String,
    /// (1, 4096, 256) on the model's device.
    tokens: Tensor,
    /// What the CPU decoder prepared, and for which loaded model.
    prepared: OnceLock<(u64, Arc<ImageSide>)>,
}

impl Embedding {
    pub(crate) fn new(frame: Frame, model: String, tokens: Tensor) -> Self {
        Self { frame, model, tokens, prepared: OnceLock::new() }
    }

    /// What the CPU decoder of the model `id` needs of this image, made on first use.
    pub(crate) fn prepared(
        &self,
        id: u64,
        make: impl FnOnce() -> Result<ImageSide>,
    ) -> Result<Arc<ImageSide>> {
        if let Some((owner, prepared)) = self.prepared.get()
            && *owner == id
        {
            return Ok(prepared.clone());
        }
        let made = Arc::new(make()?);
        // The first model's stays; a second one's weights give other values: rare, so not kept.
        let _ = self.prepared.set((id, made.clone()));
        Ok(made)
    }

    pub(crate) fn tokens(&self) -> &Tensor {
        &self.tokens
    }

    /// Size of the image that was encoded.
    pub fn image_size(&self) -> Size {
        self.frame.image()
    }

    /// The way between the image's pixels and the network's.
    pub fn frame(&self) -> Frame {
        self.frame
    }

    /// Name of the network that made it, as [`crate::Sam::architecture`] gives it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The embedding in the reference's order: 256 channels, each 64×64 row by row.
    ///
    /// # Errors
    /// When the device fails to hand over the values.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        Ok(self.tokens.transpose(1, 2)?.flatten_all()?.to_vec1()?)
    }

    /// Writes the embedding to a file (safetensors: `image_embedding`, 1×256×64×64 f32, the image's
    /// size in the metadata), through a temporary file that is renamed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_as(path, "")
    }

    /// As [`Embedding::save`], with the key that a cache knows the embedding by.
    pub(crate) fn save_as(&self, path: &Path, key: &str) -> Result<()> {
        let bytes: Vec<u8> = self.to_vec()?.iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = vec![1, EMBED_DIM, EMBED_SIDE, EMBED_SIDE];
        let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(|e| unusable(path, e))?;
        let size = self.image_size();
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("model".to_owned(), self.model.clone()),
            ("image_width".to_owned(), size.width.to_string()),
            ("image_height".to_owned(), size.height.to_string()),
            ("key".to_owned(), key.to_owned()),
            ("sha256".to_owned(), hex(&Sha256::digest(&bytes))),
        ]);
        let file = safetensors::serialize([(TENSOR, view)], Some(metadata))
            .map_err(|e| unusable(path, e))?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut temporary =
            tempfile::NamedTempFile::new_in(folder).map_err(|e| unusable(path, e))?;
        std::io::Write::write_all(&mut temporary, &file).map_err(|e| unusable(path, e))?;
        temporary.persist(path).map_err(|e| unusable(path, e.error))?;
        Ok(())
    }

    /// Reads an embedding that [`Embedding::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn load(path: &Path) -> Result<Self> {
        Ok(Self::load_keyed(path)?.0)
    }

    /// An embedding and the key that it was saved with.
    pub(crate) fn load_keyed(path: &Path) -> Result<(Self, String)> {
        let bytes = std::fs::read(path).map_err(|e| unusable(path, e))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| unusable(path, e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| unusable(path, format!("its metadata has no `{key}`")))
        };
        if entry("format")? != FORMAT {
            return Err(unusable(path, format!("its format is not {FORMAT}")));
        }
        let side = |key: &str| match entry(key)?.parse() {
            Ok(0) | Err(_) => Err(unusable(path, format!("its `{key}` is not a size in pixels"))),
            Ok(pixels) => Ok(pixels),
        };
        let size = Size::new(side("image_width")?, side("image_height")?);
        let file = SafeTensors::deserialize(&bytes).map_err(|e| unusable(path, e))?;
        let tensor = file.tensor(TENSOR).map_err(|e| unusable(path, e))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != [1, EMBED_DIM, EMBED_SIDE, EMBED_SIDE]
        {
            let found = format!(
                "expected f32 1×256×64×64, found {:?} {:?}",
                tensor.dtype(),
                tensor.shape()
            );
            return Err(unusable(path, found));
        }
        // Whoever lost power while writing may find a file of the right length full of zeros.
        if hex(&Sha256::digest(tensor.data())) != *entry("sha256")? {
            return Err(unusable(path, "its values are damaged"));
        }
        let tokens = Tensor::from_raw_buffer(
            tensor.data(),
            DType::F32,
            &[1, EMBED_DIM, EMBED_SIDE * EMBED_SIDE],
            &Device::Cpu,
        )?;
        let tokens = tokens.transpose(1, 2)?.contiguous()?;
        let embedding = Self::new(Frame::new(size), entry("model")?.clone(), tokens);
        Ok((embedding, entry("key")?.clone()))
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unusable(path: &Path, reason: impl std::fmt::Display) -> EngineError {
    EngineError::EmbeddingFile { path: path.to_owned(), reason: reason.to_string() }
}
