//! What can be asked of Segment Anything.

use crate::{BBox, Point};

/// Side of the decoder's low-resolution logits: 256.
pub const LOW_RES_SIDE: usize = 256;

/// Whether a point lies on the wanted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointLabel {
    /// Not part of the object (label 0).
    Background,
    /// Part of the object (label 1).
    Foreground,
}

/// A click: a position in original-image pixels and what it means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointPrompt {
    /// Where.
    pub point: Point,
    /// On the object, or not.
    pub label: PointLabel,
}

/// Unthresholded mask logits of 256×256, row by row, in the padded square that the network sees.
#[derive(Clone, PartialEq)]
pub struct LowResLogits(Vec<f32>);

impl LowResLogits {
    /// Wraps 256·256 logits in row-major order; `None` when the length is another.
    pub fn new(values: Vec<f32>) -> Option<Self> {
        (values.len() == LOW_RES_SIDE * LOW_RES_SIDE).then_some(Self(values))
    }

    /// The logits, row by row.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The logits, row by row.
    pub fn into_values(self) -> Vec<f32> {
        self.0
    }
}

impl std::fmt::Debug for LowResLogits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LowResLogits(256×256)")
    }
}

/// One question to the decoder: any combination of points, a box and a mask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// Clicks, in original-image pixels.
    pub points: Vec<PointPrompt>,
    /// A box around the object, in original-image pixels.
    pub bbox: Option<BBox>,
    /// Logits of an earlier answer, to be refined.
    pub mask: Option<LowResLogits>,
}

impl Prompt {
    /// One foreground click.
    pub fn point(x: f32, y: f32) -> Self {
        Self::default().and_point(x, y, PointLabel::Foreground)
    }

    /// A box.
    pub fn bbox(bbox: BBox) -> Self {
        Self { bbox: Some(bbox), ..Self::default() }
    }

    /// The same with one more click.
    #[must_use]
    pub fn and_point(mut self, x: f32, y: f32, label: PointLabel) -> Self {
        self.points.push(PointPrompt { point: Point::new(x, y), label });
        self
    }

    /// The same with a mask to refine.
    #[must_use]
    pub fn and_mask(mut self, mask: LowResLogits) -> Self {
        self.mask = Some(mask);
        self
    }
}
