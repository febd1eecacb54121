//! Which boxes get a mask, how, and which masks are kept.

use samkit_core::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an instance's score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// The box's score.
    Box,
    /// The predicted IoU of its mask.
    PredictedIou,
    /// Both, multiplied.
    #[default]
    Product,
}

/// Which of the masks that Segment Anything has for a box is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The mask for unambiguous prompts.
    #[default]
    Single,
    /// Of the other three, the one with the highest predicted IoU.
    PredictedIou,
    /// Of the other three, the one whose own box has the highest IoU with the box that was asked.
    BoxAgreement,
}

/// Parameters of the task `instances`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceParams {
    /// Lowest score of a box that gets a mask, 0 to 1; boxes without a score always get one.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score_threshold: f32,
    /// Only boxes with these labels; all where the list is empty.
    pub labels: Vec<String>,
    /// Most boxes an image, the best first, 1 to 10000.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_instances: u32,
    /// How much wider and higher a box is made before it is asked about, as a part of its sides,
    /// −0.5 to 1; 0 asks about the box as it is.
    #[schemars(range(min = -0.5, max = 1.0))]
    pub box_padding: f32,
    /// Ask once more, with the first answer going back in as a mask.
    pub refine: bool,
    /// Which first answer goes back in: `single`, `predicted-iou` or `box-agreement`.
    pub refine_from: Choice,
    /// Which mask is the result: `single`, `predicted-iou` or `box-agreement`.
    pub choice: Choice,
    /// What of a mask lies further outside its box than this part of the box's sides is cut off, 0 to 1;
    /// nothing is where it is null.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub clip_margin: Option<f32>,
    /// What an instance's score is: `box`, `predicted-iou` or `product`.
    pub rank: Rank,
    /// Of two masks of a label that overlap by a greater IoU than this, only the better one is kept,
    /// 0 to 1; 1 keeps both.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_nms_threshold: f32,
    /// Parts of a mask, and holes in it, with fewer pixels than this are removed; 0 leaves them.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub min_region_area: u32,
    /// Boxes that are asked about at once, 1 to 1024.
    #[schemars(range(min = 1, max = 1024))]
    pub boxes_per_batch: u32,
}

impl Default for InstanceParams {
    fn default() -> Self {
        Self {
            score_threshold: 0.0,
            labels: Vec::new(),
            max_instances: 100,
            box_padding: 0.0,
            refine: true,
            refine_from: Choice::BoxAgreement,
            choice: Choice::Single,
            clip_margin: Some(0.0),
            rank: Rank::Product,
            mask_nms_threshold: 1.0,
            min_region_area: 0,
            boxes_per_batch: 16,
        }
    }
}

impl InstanceParams {
    /// Checks every range.
    ///
    /// # Errors
    /// The first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("score_threshold", self.score_threshold, 0.0..=1.0)?;
        ParamError::check_range("max_instances", self.max_instances, 1..=10_000)?;
        ParamError::check_range("box_padding", self.box_padding, -0.5..=1.0)?;
        ParamError::check_range("clip_margin", self.clip_margin.unwrap_or(0.0), 0.0..=1.0)?;
        ParamError::check_range("mask_nms_threshold", self.mask_nms_threshold, 0.0..=1.0)?;
        ParamError::check_range("min_region_area", self.min_region_area, 0..=1_000_000)?;
        ParamError::check_range("boxes_per_batch", self.boxes_per_batch, 1..=1024)
    }
}
