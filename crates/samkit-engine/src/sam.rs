//! The model: weights on a device, and what can be asked of them.

use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use image::RgbImage;
use samkit_core::{LOW_RES_SIDE, LowResLogits, Prompt, Size};

use crate::device::DeviceKind;
use crate::embedding::Embedding;
use crate::error::{EngineError, Result};
use crate::frame::Frame;
use crate::network::{
    EMBED_DIM, EMBED_SIDE, ImageEncoder, MaskDecoder, PromptEncoder, token_count,
};
use crate::prediction::{MaskOutput, MaskPrediction, Prediction};
use crate::preprocess::preprocess;
use crate::timings::{Meter, Timings};

/// Prompts in the decoder at once. An image's tokens are 4 MiB a prompt: larger batches leave the
/// caches and take longer a prompt.
const DECODER_BATCH: usize = 4;

/// A Segment Anything model, ready to encode images and answer prompts.
///
/// ```no_run
/// use samkit_core::Prompt;
/// use samkit_engine::{DeviceKind, MaskOutput, Sam};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sam = Sam::load("mobile-sam.safetensors".as_ref(), DeviceKind::Auto)?;
/// let image = image::open("photo.jpg")?.to_rgb8();
/// let embedding = sam.encode(&image)?;
/// let answers = sam.predict(&embedding, &[Prompt::point(120.0, 80.0)], MaskOutput::Multi)?;
/// let mask = embedding.frame().mask(&answers[0].best().logits);
/// println!("{} pixels", mask.area());
/// # Ok(())
/// # }
/// ```
pub struct Sam {
    device: Device,
    architecture: String,
    encoder: ImageEncoder,
    prompt_encoder: PromptEncoder,
    decoder: MaskDecoder,
    /// Positional encoding of the embedding: (1, 4096, 256).
    positions: Tensor,
    meter: Meter,
}

impl Sam {
    /// Loads a safetensors state dict with the checkpoint's names (`image_encoder.…`,
    /// `prompt_encoder.…`, `mask_decoder.…`). The architecture is recognised from names and shapes.
    ///
    /// # Errors
    /// When the file cannot be read, the network is unknown or incomplete, or the device is not
    /// there.
    pub fn load(weights: &Path, device: DeviceKind) -> Result<Self> {
        let device = device.open()?;
        let unreadable = |source| EngineError::Weights { path: weights.to_owned(), source };
        // Read first: safetensors' own error for a missing file does not name it.
        let bytes = std::fs::read(weights).map_err(|e| unreadable(Box::new(e)))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &device)
            .map_err(|e| unreadable(Box::new(e)))?;
        let vb = VarBuilder::from_tensors(tensors, DType::F32, &device);
        Self::from_weights(&vb, device).map_err(|error| match error {
            EngineError::Tensor(source) => unreadable(Box::new(source)),
            other => other,
        })
    }

    fn from_weights(vb: &VarBuilder<'_>, device: Device) -> Result<Self> {
        let encoder = ImageEncoder::load(&vb.pp("image_encoder"))?.ok_or_else(|| {
            let reason = "neither `image_encoder.patch_embed.seq.0.c.weight` (TinyViT) nor \
                          `image_encoder.pos_embed` (ViT) is among the tensors";
            EngineError::UnknownArchitecture { reason: reason.to_owned() }
        })?;
        let prompt_encoder = PromptEncoder::load(&vb.pp("prompt_encoder"))?;
        let decoder = MaskDecoder::load(&vb.pp("mask_decoder"))?;
        let positions = prompt_encoder.dense_positions()?;
        let architecture = encoder.name();
        Ok(Self {
            device,
            architecture,
            encoder,
            prompt_encoder,
            decoder,
            positions,
            meter: Meter::default(),
        })
    }

    /// The network's name, from its encoder's shape: `TinyViT-64-128-160-320`, `ViT-768x12`, ….
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Encodes an image: resize to 1024 on the longest side, normalise, pad, image encoder.
    ///
    /// # Errors
    /// When the image has no pixels or the network cannot be computed.
    pub fn encode(&self, image: &RgbImage) -> Result<Embedding> {
        let start = Instant::now();
        let frame = Frame::new(Size::from(image.dimensions()));
        let input = preprocess(image, &frame, &self.device)?;
        let tokens = self.encoder.forward(&input)?;
        let tokens = tokens.reshape((1, EMBED_SIDE * EMBED_SIDE, EMBED_DIM))?;
        self.meter.encoded(start.elapsed());
        Ok(Embedding::new(frame, self.architecture.clone(), tokens))
    }

    /// Answers prompts on an encoded image, in order. Prompts may differ in what they contain.
    ///
    /// # Errors
    /// When a prompt asks nothing or is not finite, or the embedding is another network's.
    pub fn predict(
        &self,
        embedding: &Embedding,
        prompts: &[Prompt],
        output: MaskOutput,
    ) -> Result<Vec<Prediction>> {
        if embedding.model() != self.architecture {
            return Err(EngineError::EmbeddingModel {
                found: embedding.model().to_owned(),
                expected: self.architecture.clone(),
            });
        }
        for (index, prompt) in prompts.iter().enumerate() {
            check_prompt(prompt).map_err(|reason| EngineError::Prompt { index, reason })?;
        }
        let start = Instant::now();
        let image = embedding.tokens().to_device(&self.device)?;
        let mut answers: Vec<Option<Prediction>> = vec![None; prompts.len()];
        for batch in batches(prompts) {
            let members: Vec<&Prompt> = batch.iter().map(|&i| &prompts[i]).collect();
            let predictions = self.decode(&image, &embedding.frame(), &members, output)?;
            for (index, prediction) in batch.into_iter().zip(predictions) {
                answers[index] = Some(prediction);
            }
        }
        self.meter.decoded(prompts.len(), start.elapsed());
        Ok(answers.into_iter().map(|a| a.expect("every prompt is in one batch")).collect())
    }

    /// One batch of prompts of the same shape.
    fn decode(
        &self,
        image: &Tensor,
        frame: &Frame,
        prompts: &[&Prompt],
        output: MaskOutput,
    ) -> Result<Vec<Prediction>> {
        let sparse = self.prompt_encoder.sparse(prompts, frame)?;
        let masks: Vec<&LowResLogits> = prompts.iter().filter_map(|p| p.mask.as_ref()).collect();
        let dense = self.prompt_encoder.dense(&masks)?;
        let (logits, iou) = self.decoder.forward(
            image,
            &self.positions,
            sparse.as_ref(),
            &dense,
            prompts.len(),
            output.tokens(),
        )?;
        let logits = logits.flatten_all()?.to_vec1::<f32>()?;
        let predicted = iou.to_vec2::<f32>()?;
        let mut maps = logits.chunks_exact(LOW_RES_SIDE * LOW_RES_SIDE).map(<[f32]>::to_vec);
        let mut next_map =
            || maps.next().and_then(LowResLogits::new).expect("a map for every mask");
        let prediction = |scores: Vec<f32>| Prediction {
            masks: scores
                .into_iter()
                .map(|predicted_iou| MaskPrediction { predicted_iou, logits: next_map() })
                .collect(),
        };
        Ok(predicted.into_iter().map(prediction).collect())
    }

    /// How often and how long the networks have run since the model was loaded.
    pub fn timings(&self) -> Timings {
        self.meter.read()
    }
}

impl std::fmt::Debug for Sam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sam").field("architecture", &self.architecture).finish_non_exhaustive()
    }
}

fn check_prompt(prompt: &Prompt) -> Result<(), &'static str> {
    if prompt.points.is_empty() && prompt.bbox.is_none() && prompt.mask.is_none() {
        return Err("is empty");
    }
    let corners = prompt.bbox.iter().flat_map(|b| [b.x0, b.y0, b.x1, b.y1]);
    let mut coordinates = prompt.points.iter().flat_map(|p| [p.point.x, p.point.y]).chain(corners);
    if !coordinates.all(f32::is_finite) {
        return Err("has a coordinate that is not finite");
    }
    Ok(())
}

/// Indices of prompts that can be decoded together: same number of tokens, all or none with a
/// mask.
fn batches(prompts: &[Prompt]) -> Vec<Vec<usize>> {
    let shape = |i: usize| (token_count(&prompts[i]), prompts[i].mask.is_some());
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_key(|&i| shape(i));
    order
        .chunk_by(|&a, &b| shape(a) == shape(b))
        .flat_map(|same| same.chunks(DECODER_BATCH))
        .map(<[usize]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use samkit_core::{BBox, PointLabel};

    use super::*;

    #[test]
    fn prompts_are_batched_by_shape_and_none_is_lost() {
        let point = Prompt::point(1.0, 1.0);
        let two = point.clone().and_point(2.0, 2.0, PointLabel::Background);
        let bbox = Prompt::bbox(BBox::new(0.0, 0.0, 9.0, 9.0));
        let prompts = [point.clone(), two.clone(), point.clone(), bbox, two, point];
        let mut seen: Vec<usize> = Vec::new();
        for batch in batches(&prompts) {
            let tokens: Vec<_> = batch.iter().map(|&i| token_count(&prompts[i])).collect();
            assert!(tokens.windows(2).all(|w| w[0] == w[1]));
            seen.extend(batch);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn empty_and_infinite_prompts_are_refused() {
        assert!(check_prompt(&Prompt::default()).is_err());
        assert!(check_prompt(&Prompt::point(f32::NAN, 0.0)).is_err());
        assert!(check_prompt(&Prompt::point(0.0, 0.0)).is_ok());
    }
}
