//! The recipe's constants, as parameters.

use samkit_core::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the edge map is thinned to lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Thinning {
    /// As in Canny's detector: a pixel stays where no neighbour across the edge, interpolated
    /// between pixels, is stronger. Lines are one pixel wide, also where they slant;
    /// those along the image's sides, five pixels or less away, fade out.
    #[default]
    Canny,
    /// As in Dollár's structured edges, the benchmark code that reproductions of the paper use:
    /// orientation from second derivatives, compared with two pixels on either side; all edges
    /// fade out within five pixels of the image's sides.
    StructuredEdges,
    /// No thinning: edges stay bands of two to four pixels.
    None,
}

/// What the Sobel filter sees beyond the image's sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// The outermost pixels once more: a mask that runs out of the image has no edge there.
    #[default]
    Replicate,
    /// Zeros: every mask that touches a side of the image has an edge along it (which thinning
    /// fades out again).
    Zero,
}

/// Parameters of [`detect_edges`](crate::detect_edges). The defaults are the constants of
/// *Segment Anything* (appendix D.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "snake_case", deny_unknown_fields)]
pub struct EdgeParams {
    /// Clicks along each side of the grid, 1 to 256. More clicks find smaller things and take
    /// quadratically longer.
    #[schemars(range(min = 1, max = 256))]
    pub points_per_side: u32,
    /// Clicks that are asked, and whose masks are compared by box NMS, in one go, 1 to 1024.
    #[schemars(range(min = 1, max = 1024))]
    pub points_per_batch: u32,
    /// Of two masks whose boxes have a greater intersection over union than this, only the one
    /// with the higher predicted IoU is used; 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub box_nms_thresh: f32,
    /// Use only masks whose predicted IoU is above this, 0 to 1; 0 uses all.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub pred_iou_thresh: f32,
    /// Use only masks whose stability score is at least this, 0 to 1; 0 uses all.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub stability_score_thresh: f32,
    /// The stability score compares the mask at this much above and below the threshold on the
    /// logits; 0 to 100.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub stability_score_offset: f32,
    /// Standard deviation, in pixels, of a Gaussian that smooths each mask's probabilities before
    /// their gradient is taken, 0 to 32; 0 leaves them as they are.
    #[schemars(range(min = 0.0, max = 32.0))]
    pub smoothing: f32,
    /// What the Sobel filter sees beyond the image's sides: `replicate` or `zero`.
    pub border: Border,
    /// How edges are thinned to lines: `canny`, `structured-edges` or `none`.
    pub thinning: Thinning,
    /// Also give a binary map: thinned edges of at least this strength, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f32>,
}

impl Default for EdgeParams {
    fn default() -> Self {
        Self {
            points_per_side: 16,
            points_per_batch: 64,
            box_nms_thresh: 0.7,
            pred_iou_thresh: 0.0,
            stability_score_thresh: 0.0,
            stability_score_offset: 1.0,
            smoothing: 0.0,
            border: Border::default(),
            thinning: Thinning::default(),
            threshold: None,
        }
    }
}

impl EdgeParams {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first parameter that is out of range, by its name in recipes.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("points_per_side", self.points_per_side, 1..=256)?;
        ParamError::check_range("points_per_batch", self.points_per_batch, 1..=1024)?;
        ParamError::check_range("box_nms_thresh", self.box_nms_thresh, 0.0..=1.0)?;
        ParamError::check_range("pred_iou_thresh", self.pred_iou_thresh, 0.0..=1.0)?;
        ParamError::check_range("stability_score_thresh", self.stability_score_thresh, 0.0..=1.0)?;
        ParamError::check_range(
            "stability_score_offset",
            self.stability_score_offset,
            0.0..=100.0,
        )?;
        ParamError::check_range("smoothing", self.smoothing, 0.0..=32.0)?;
        match self.threshold {
            Some(threshold) => ParamError::check_range("threshold", threshold, 0.0..=1.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(change: impl Fn(&mut EdgeParams)) -> &'static str {
        let mut params = EdgeParams::default();
        change(&mut params);
        params.validate().expect_err("out of range").name
    }

    #[test]
    fn defaults_are_the_papers_and_allowed() {
        let params = EdgeParams::default();
        assert_eq!((params.points_per_side, params.box_nms_thresh), (16, 0.7));
        assert_eq!((params.pred_iou_thresh, params.stability_score_thresh), (0.0, 0.0));
        params.validate().expect("defaults are in range");
    }

    #[test]
    fn every_value_out_of_range_is_named() {
        assert_eq!(rejected(|p| p.points_per_side = 0), "points_per_side");
        assert_eq!(rejected(|p| p.points_per_side = 257), "points_per_side");
        assert_eq!(rejected(|p| p.points_per_batch = 0), "points_per_batch");
        assert_eq!(rejected(|p| p.points_per_batch = 1025), "points_per_batch");
        for bad in [-0.1, f32::NAN, f32::INFINITY] {
            assert_eq!(rejected(|p| p.box_nms_thresh = bad), "box_nms_thresh");
            assert_eq!(rejected(|p| p.pred_iou_thresh = bad), "pred_iou_thresh");
            assert_eq!(rejected(|p| p.stability_score_thresh = bad), "stability_score_thresh");
            assert_eq!(rejected(|p| p.stability_score_offset = bad), "stability_score_offset");
            assert_eq!(rejected(|p| p.smoothing = bad), "smoothing");
            assert_eq!(rejected(|p| p.threshold = Some(bad)), "threshold");
        }
    }

    #[test]
    fn recipes_write_kebab_case_values_and_no_unknown_keys() {
        let read = serde_json::from_str::<EdgeParams>;
        let params =
            read(r#"{"thinning": "structured-edges", "border": "zero", "threshold": 0.3}"#)
                .expect("known keys");
        let expected = EdgeParams {
            thinning: Thinning::StructuredEdges,
            border: Border::Zero,
            threshold: Some(0.3),
            ..EdgeParams::default()
        };
        assert_eq!(params, expected);
        let error = read(r#"{"thining": "canny"}"#).expect_err("misspelt key");
        assert!(error.to_string().contains("thining"), "{error}");
    }
}
