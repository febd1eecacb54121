//! CLIP without a network: an embedding is a hash of what it stands for.

use samkit_plugin::{ClipInfo, artifact::Pixels};

use super::stand_in::StandIn;
use crate::{ClipService, ServiceError};

/// As many values as a hash has bytes.
const DIM: usize = 8;

/// Any name is that of a model: which names there are is the program's business, not the plugin's.
impl ClipService for StandIn {
    fn describe(&self, _model: &str) -> Result<ClipInfo, ServiceError> {
        self.working()?;
        Ok(ClipInfo { dim: DIM, image_side: 32, logit_scale: 100.0 })
    }

    fn embed_texts(&self, _model: &str, texts: &[&str]) -> Result<Vec<f32>, ServiceError> {
        self.working()?;
        Ok(texts.iter().flat_map(|text| embedding(text.as_bytes())).collect())
    }

    fn embed_images(&self, _model: &str, images: &[Pixels<'_>]) -> Result<Vec<f32>, ServiceError> {
        self.working()?;
        Ok(images.iter().flat_map(|image| embedding(image.data)).collect())
    }
}

/// The same bytes give the same embedding on every machine; its length is 1.
fn embedding(bytes: &[u8]) -> [f32; DIM] {
    // FNV-1a with 64 bits.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // From -1 to 1, and never 0.
    let values = hash.to_le_bytes().map(|byte| f32::from(byte) / 127.5 - 1.0);
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.map(|value| value / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_have_length_1_and_depend_on_every_byte() {
        let of = |text: &str| embedding(text.as_bytes());
        for text in ["", "a dog", "a dig", "zwölf Hunde"] {
            let length = of(text).iter().map(|value| value * value).sum::<f32>();
            assert!((length - 1.0).abs() < 1e-6, "{text}: {length}");
        }
        assert_eq!(of("a dog"), of("a dog"));
        assert_ne!(of("a dog"), of("a dig"));
    }
}
