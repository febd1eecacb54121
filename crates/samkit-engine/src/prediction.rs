//! The decoder's answers.

use samkit_core::LowResLogits;

/// Which of the decoder's four masks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskOutput {
    /// The one mask for unambiguous prompts: a box, or several points.
    Single,
    /// Three masks for ambiguous prompts (whole, part, subpart): one point.
    Multi,
}

impl MaskOutput {
    /// The decoder's mask tokens.
    pub(crate) fn tokens(self) -> std::ops::Range<usize> {
        match self {
            Self::Single => 0..1,
            Self::Multi => 1..4,
        }
    }
}

/// One mask of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskPrediction {
    /// The network's estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
    /// Unthresholded logits; [`crate::Frame::upsample`] brings them to the image's size.
    pub logits: LowResLogits,
}

/// The answer to one prompt: one mask, or three.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// In the decoder's order.
    pub masks: Vec<MaskPrediction>,
}

impl Prediction {
    /// The mask with the highest predicted IoU.
    pub fn best(&self) -> &MaskPrediction {
        let best = self
            .masks
            .iter()
            .reduce(|best, m| if m.predicted_iou > best.predicted_iou { m } else { best });
        best.expect("a prediction has at least one mask")
    }
}
