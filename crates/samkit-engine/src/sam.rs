//! The model: weights on a device, and what can be asked of them.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use image::RgbImage;
use rayon::prelude::*;
use samkit_core::{LOW_RES_SIDE, LowResLogits, Prompt, Size};

use crate::cpu;
use crate::device::{DeviceKind, device_name};
use crate::embedding::Embedding;
use crate::error::{EngineError, Result};
use crate::frame::{Frame, INPUT_SIDE};
use crate::network::{
    EMBED_DIM, EMBED_SIDE, ImageEncoder, MaskDecoder, PromptEncoder, token_count,
};
use crate::precision::Precision;
use crate::prediction::{MaskOutput, MaskPrediction, Prediction};
use crate::preprocess::preprocess;
use crate::timings::{Meter, Timings};

/// Prompts in the generic decoder at once. An image's tokens are 4 MiB a prompt: larger batches
/// leave the caches and take longer a prompt.
const DECODER_BATCH: usize = 4;

/// The image encoder: the fast path where there is one, otherwise candle operations.
enum Encoder {
    Cpu(Box<cpu::Encoder>),
    Generic(Box<ImageEncoder>),
}

/// The mask decoder, likewise.
enum Decoder {
    Cpu(Box<cpu::Decoder>),
    Generic(Box<MaskDecoder>),
}

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
    encoder: Encoder,
    prompt_encoder: PromptEncoder,
    decoder: Decoder,
    /// Positional encoding of the embedding: (1, 4096, 256).
    positions: Tensor,
    /// Tells loaded models apart.
    id: u64,
    meter: Meter,
    precision: Precision,
}

impl Sam {
    /// Loads a safetensors state dict with the checkpoint's names (`image_encoder.…`,
    /// `prompt_encoder.…`, `mask_decoder.…`). The architecture is recognised from names and shapes.
    /// On a CPU the network runs on samkit's own kernels.
    ///
    /// # Errors
    /// When the file cannot be read, the network is unknown or incomplete, or the device is not
    /// there.
    pub fn load(weights: &Path, device: DeviceKind) -> Result<Self> {
        Self::load_with(weights, device, Precision::F32)
    }

    /// As [`Sam::load`], with the image encoder in `precision`.
    ///
    /// # Errors
    /// As [`Sam::load`], and when the machine or the device does not have this precision.
    pub fn load_with(weights: &Path, device: DeviceKind, precision: Precision) -> Result<Self> {
        precision.check(device)?;
        let device = device.open()?;
        let is_fast = device.is_cpu();
        Self::load_on(weights, device, is_fast, precision)
    }

    /// The same network in plain candle operations, on any device: slower on a CPU, and what the
    /// fast path is checked against.
    ///
    /// # Errors
    /// As [`Sam::load`].
    pub fn load_generic(weights: &Path, device: DeviceKind) -> Result<Self> {
        Self::load_on(weights, device.open()?, false, Precision::F32)
    }

    /// As [`Sam::load_with`] in [`Precision::Bf16`] on any CPU: where the instructions are missing,
    /// plain loops give the same products many times slower. For tests of what rounding does.
    #[doc(hidden)]
    pub fn load_bf16_anywhere(weights: &Path) -> Result<Self> {
        Self::load_on(weights, Device::Cpu, true, Precision::Bf16)
    }

    fn load_on(
        weights: &Path,
        device: Device,
        is_fast: bool,
        precision: Precision,
    ) -> Result<Self> {
        let unreadable = |source| EngineError::Weights { path: weights.to_owned(), source };
        // Read first: safetensors' own error for a missing file does not name it.
        let bytes = std::fs::read(weights).map_err(|e| unreadable(Box::new(e)))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &device)
            .map_err(|e| unreadable(Box::new(e)))?;
        drop(bytes);
        let vb = VarBuilder::from_tensors(tensors, DType::F32, &device);
        Self::from_weights(&vb, device, is_fast, precision).map_err(|error| match error {
            EngineError::Tensor(source) => unreadable(Box::new(source)),
            other => other,
        })
    }

    fn from_weights(
        vb: &VarBuilder<'_>,
        device: Device,
        is_fast: bool,
        precision: Precision,
    ) -> Result<Self> {
        static LOADED: AtomicU64 = AtomicU64::new(0);
        let generic = ImageEncoder::load(&vb.pp("image_encoder"))?.ok_or_else(|| {
            let reason = "neither `image_encoder.patch_embed.seq.0.c.weight` (TinyViT) nor \
                          `image_encoder.pos_embed` (ViT) is among the tensors";
            EngineError::UnknownArchitecture { reason: reason.to_owned() }
        })?;
        let architecture = generic.name();
        let prompt_encoder = PromptEncoder::load(&vb.pp("prompt_encoder"))?;
        let positions = prompt_encoder.dense_positions()?;
        let isa = cpu::Isa::best();
        let encoder = if is_fast {
            let kernels = cpu::Kernels { isa, precision };
            let encoder = cpu::Encoder::load(kernels, &generic, &vb.pp("image_encoder"))?;
            Encoder::Cpu(Box::new(encoder))
        } else {
            Encoder::Generic(Box::new(generic))
        };
        let vb = vb.pp("mask_decoder");
        let decoder = if is_fast {
            let positions = positions.flatten_all()?.to_vec1::<f32>()?;
            let directions = prompt_encoder.mask_directions()?.flatten_all()?.to_vec1::<f32>()?;
            Decoder::Cpu(Box::new(cpu::Decoder::load(isa, &vb, &positions, &directions)?))
        } else {
            Decoder::Generic(Box::new(MaskDecoder::load(&vb)?))
        };
        let id = LOADED.fetch_add(1, Ordering::Relaxed);
        let meter = Meter::default();
        Ok(Self {
            device,
            architecture,
            encoder,
            prompt_encoder,
            decoder,
            positions,
            id,
            meter,
            precision,
        })
    }

    /// The network's name, from its encoder's shape: `TinyViT-64-128-160-320`, `ViT-768x12`, ….
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Where the network runs: `cpu`, `cuda` or `metal`.
    pub fn device(&self) -> &'static str {
        device_name(&self.device)
    }

    /// In which precision the image encoder computes.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether the image encoder runs on samkit's own kernels.
    pub(crate) fn encodes_fast(&self) -> bool {
        !matches!(self.encoder, Encoder::Generic(_))
    }

    /// Encodes an image: resize to 1024 on the longest side, normalise, pad, image encoder.
    ///
    /// # Errors
    /// When the image has no pixels or the network cannot be computed.
    pub fn encode(&self, image: &RgbImage) -> Result<Embedding> {
        let start = Instant::now();
        let frame = Frame::new(Size::from(image.dimensions()));
        let input = preprocess(image, &frame)?;
        let shape = (1, EMBED_SIDE * EMBED_SIDE, EMBED_DIM);
        let tokens = match &self.encoder {
            Encoder::Cpu(encoder) => {
                Tensor::from_vec(encoder.forward(&input), shape, &self.device)?
            }
            Encoder::Generic(encoder) => {
                let side = INPUT_SIDE as usize;
                let input = Tensor::from_vec(input, (1, side, side, 3), &self.device)?;
                encoder.forward(&input.permute((0, 3, 1, 2))?.contiguous()?)?.reshape(shape)?
            }
        };
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
        self.predict_on(embedding, prompts, output, cpu::Extent::SQUARE)
    }

    /// As [`Sam::predict`], for those who want masks of the image: logits of the padding around it
    /// need not be computed, and are 0 where they are not. A third less work after the transformer
    /// for an image of 3:2. Not for logits that go back in as a mask prompt.
    ///
    /// # Errors
    /// As [`Sam::predict`].
    pub fn predict_inside(
        &self,
        embedding: &Embedding,
        prompts: &[Prompt],
        output: MaskOutput,
    ) -> Result<Vec<Prediction>> {
        let (rows, columns) = embedding.frame().low_res_extent();
        self.predict_on(embedding, prompts, output, cpu::Extent::of_logits(rows, columns))
    }

    fn predict_on(
        &self,
        embedding: &Embedding,
        prompts: &[Prompt],
        output: MaskOutput,
        extent: cpu::Extent,
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
        let answers = match &self.decoder {
            Decoder::Cpu(decoder) => {
                self.decode_on_cpu(decoder, embedding, prompts, output, extent)
            }
            Decoder::Generic(decoder) => self.decode_generic(decoder, embedding, prompts, output),
        };
        self.meter.decoded(prompts.len(), start.elapsed());
        answers
    }

    fn decode_on_cpu(
        &self,
        decoder: &cpu::Decoder,
        embedding: &Embedding,
        prompts: &[Prompt],
        output: MaskOutput,
        extent: cpu::Extent,
    ) -> Result<Vec<Prediction>> {
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let prepared = embedding.prepared(self.id, || {
            let no_mask = values(&self.prompt_encoder.dense(&[])?)?;
            Ok(decoder.image_side(&values(embedding.tokens())?, &no_mask))
        })?;
        let answer = |prompt: &Prompt| -> Result<Prediction> {
            let sparse = self.prompt_encoder.sparse(&[prompt], &embedding.frame())?;
            let sparse = sparse.map_or_else(|| Ok(Vec::new()), |sparse| values(&sparse))?;
            let rows = match &prompt.mask {
                Some(mask) => Some(values(&self.prompt_encoder.mask_rows(mask)?)?),
                None => None,
            };
            let masks =
                decoder.decode(&prepared, rows.as_deref(), &sparse, output.tokens(), extent);
            Ok(Prediction {
                masks: masks.into_iter().map(|(iou, logits)| mask(iou, logits)).collect(),
            })
        };
        prompts.par_iter().map(answer).collect()
    }

    fn decode_generic(
        &self,
        decoder: &MaskDecoder,
        embedding: &Embedding,
        prompts: &[Prompt],
        output: MaskOutput,
    ) -> Result<Vec<Prediction>> {
        let image = embedding.tokens().to_device(&self.device)?;
        let mut answers: Vec<Option<Prediction>> = vec![None; prompts.len()];
        for batch in batches(prompts) {
            let members: Vec<&Prompt> = batch.iter().map(|&i| &prompts[i]).collect();
            let sparse = self.prompt_encoder.sparse(&members, &embedding.frame())?;
            let masks: Vec<&LowResLogits> =
                members.iter().filter_map(|p| p.mask.as_ref()).collect();
            let dense = self.prompt_encoder.dense(&masks)?;
            let (logits, iou) = decoder.forward(
                &image,
                &self.positions,
                sparse.as_ref(),
                &dense,
                members.len(),
                output.tokens(),
            )?;
            let logits = logits.flatten_all()?.to_vec1::<f32>()?;
            let mut maps = logits.chunks_exact(LOW_RES_SIDE * LOW_RES_SIDE).map(<[f32]>::to_vec);
            for (index, scores) in batch.into_iter().zip(iou.to_vec2::<f32>()?) {
                let masks = scores.into_iter().zip(maps.by_ref());
                let masks = masks.map(|(iou, logits)| mask(iou, logits)).collect();
                answers[index] = Some(Prediction { masks });
            }
        }
        Ok(answers.into_iter().map(|a| a.expect("every prompt is in one batch")).collect())
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

fn mask(predicted_iou: f32, logits: Vec<f32>) -> MaskPrediction {
    let logits = LowResLogits::new(logits).expect("the decoder's maps are 256×256");
    MaskPrediction { predicted_iou, logits }
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
