//! The object that points, a box or an earlier mask point out.

use image::GrayImage;
use samkit_core::{BBox, LowResLogits, PointLabel, PointPrompt, Prompt, Rle, Size};
use samkit_engine::{Embedding, EngineError, MaskOutput, MaskPrediction};
use samkit_recipe::ProductInfo;
use samkit_scene::Scene;
use serde_json::{Value, json};

use super::{Artifact, Content, Subject, TaskError, Yield, product};
use crate::numbers::short_numbers;

pub(crate) const NAME: &str = "segment";
const MASK: &str = "mask";
const OVERLAY: &str = "overlay";
const SCORES: &str = "json";
pub(crate) const LOGITS: &str = "logits";

pub(crate) fn products() -> Vec<ProductInfo> {
    vec![
        product(MASK, "mask.png", true, "the mask, 255 inside"),
        product(OVERLAY, "overlay.png", true, "mask and prompt"),
        product(SCORES, "segment.json", true, "scores and codes"),
        product(LOGITS, "logits.npy", false, "256×256 logits"),
    ]
}

/// What is asked, of every image alike.
#[derive(Clone, Debug)]
pub(crate) struct SegmentParams {
    pub(crate) prompt: Prompt,
    pub(crate) answer: Answer,
}

/// Which masks make the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Of the three masks for an ambiguous prompt the one with the highest predicted IoU.
    Best,
    /// The mask for unambiguous prompts.
    Single,
    /// All three.
    All,
    /// The best of three, asked about once more: its logits go back in with the same prompt, and
    /// the single mask is the answer.
    Refined,
}

impl Answer {
    fn name(self) -> &'static str {
        match self {
            Self::Best => "best of three",
            Self::Single => "single",
            Self::All => "all three",
            Self::Refined => "refined",
        }
    }
}

/// A prompt that does not fit the image.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum PromptError {
    #[error("point ({x}, {y}) lies outside the image, which is {image} pixels")]
    #[diagnostic(help("x goes from 0 to {} and y from 0 to {}", image.width - 1, image.height - 1))]
    PointOutside { x: f32, y: f32, image: Size },
    #[error("box ({}, {}, {}, {}) reaches outside the image, which is {image} pixels", bbox.x0, bbox.y0, bbox.x1, bbox.y1)]
    #[diagnostic(help("write x0,y0,x1,y1: x from 0 to {}, y from 0 to {}", image.width, image.height))]
    BoxOutside { bbox: BBox, image: Size },
}

impl SegmentParams {
    /// Whether every point and the box lie in an image of this size.
    pub(crate) fn check(&self, image: Size) -> Result<(), PromptError> {
        let (width, height) = (image.width as f32, image.height as f32);
        for PointPrompt { point, .. } in &self.prompt.points {
            if !((0.0..width).contains(&point.x) && (0.0..height).contains(&point.y)) {
                return Err(PromptError::PointOutside { x: point.x, y: point.y, image });
            }
        }
        match self.prompt.bbox {
            Some(bbox) if bbox.x0 < 0.0 || bbox.y0 < 0.0 || bbox.x1 > width || bbox.y1 > height => {
                Err(PromptError::BoxOutside { bbox, image })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let point = |p: &PointPrompt| {
            let label = u8::from(p.label == PointLabel::Foreground);
            json!({ "x": p.point.x, "y": p.point.y, "label": label })
        };
        json!({
            "points": self.prompt.points.iter().map(point).collect::<Vec<_>>(),
            "box": self.prompt.bbox.map(|b| [b.x0, b.y0, b.x1, b.y1]),
            "mask": self.prompt.mask.is_some(),
            "answer": self.answer.name(),
        })
    }
}

pub(super) fn run(params: &SegmentParams, subject: &Subject<'_>) -> Result<Yield, TaskError> {
    let scene = subject.scene;
    let (width, height) = scene.image().dimensions();
    params.check(Size::new(width, height))?;
    let embedding = scene.embedding()?;
    let answers = ask(params, scene, embedding)?;
    if subject.talk.progress(1, 1).is_break() {
        return Err(EngineError::Cancelled.into());
    }
    let masks: Vec<_> =
        answers.iter().map(|answer| embedding.frame().mask(&answer.logits)).collect();
    let codes: Vec<_> = masks.iter().map(Rle::from_mask).collect();
    // One mask needs no number.
    let numbered = |stem: &str, index: usize, extension: &str| match answers.len() {
        1 => format!("{stem}.{extension}"),
        _ => format!("{stem}.{index}.{extension}"),
    };
    let mut artifacts = Vec::new();
    let mut add = |suffix, content| artifacts.push(Artifact { suffix, content });
    if subject.wants(MASK) {
        for (index, mask) in masks.iter().enumerate() {
            let pixels = mask.pixels().iter().map(|&inside| if inside { 255 } else { 0 }).collect();
            let pixels = GrayImage::from_raw(width, height, pixels)
                .expect("a mask has as many pixels as its image");
            add(numbered("mask", index, "png"), Content::Gray8(pixels));
        }
    }
    if subject.wants(OVERLAY) {
        let regions: Vec<_> = codes.iter().collect();
        let mut overlay = samkit_io::mask_overlay(scene.image(), &regions);
        samkit_io::draw_prompt(&mut overlay, &params.prompt);
        add("overlay.png".into(), Content::Rgb(overlay));
    }
    if subject.wants(SCORES) {
        add("segment.json".into(), Content::Json(record(params, subject, &answers, &codes)));
    }
    if subject.wants(LOGITS) {
        for (index, answer) in answers.iter().enumerate() {
            add(numbered("logits", index, "npy"), Content::Logits(answer.logits.clone()));
        }
    }
    Ok(Yield { artifacts, masks: masks.len(), ..Yield::default() })
}

/// The masks that make the answer.
fn ask(
    params: &SegmentParams,
    scene: &Scene,
    embedding: &Embedding,
) -> Result<Vec<MaskPrediction>, EngineError> {
    let predict = |prompt: &Prompt, output| {
        let mut answers = scene.sam()?.predict(embedding, std::slice::from_ref(prompt), output)?;
        Ok::<_, EngineError>(answers.pop().expect("one answer to one prompt"))
    };
    let prompt = &params.prompt;
    Ok(match params.answer {
        Answer::Single => predict(prompt, MaskOutput::Single)?.masks,
        Answer::All => predict(prompt, MaskOutput::Multi)?.masks,
        Answer::Best => vec![predict(prompt, MaskOutput::Multi)?.best().clone()],
        Answer::Refined => {
            let first: LowResLogits = predict(prompt, MaskOutput::Multi)?.best().logits.clone();
            predict(&prompt.clone().and_mask(first), MaskOutput::Single)?.masks
        }
    })
}

/// What `STEM.segment.json` says.
fn record(
    params: &SegmentParams,
    subject: &Subject<'_>,
    answers: &[MaskPrediction],
    codes: &[Rle],
) -> Value {
    let mask = |(answer, code): (&MaskPrediction, &Rle)| {
        let size = code.size();
        json!({
            "predicted_iou": answer.predicted_iou,
            "area": code.area(),
            "bbox": code.bbox().to_xywh(),
            "segmentation": { "size": [size.height, size.width], "counts": code.counts_string() },
        })
    };
    let (width, height) = subject.scene.image().dimensions();
    short_numbers(json!({
        "image": { "file_name": subject.name, "width": width, "height": height },
        "prompt": params.to_json(),
        "masks": answers.iter().zip(codes).map(mask).collect::<Vec<_>>(),
    }))
}
