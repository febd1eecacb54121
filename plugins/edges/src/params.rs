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
    Canny,
    /// As in Dollár's structured edges, the benchmark code that reproductions of the paper use:
    /// orientation from second derivatives, compared with two pixels on either side; all edges
    /// fade out within five pixels of the image's sides.
    StructuredEdges,
    /// The same, but edges that run into a side of the image do not fade out there, only those along it,
    /// and level edges are thin.
    #[default]
    StructuredEdgesOpen,
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

/// What becomes of the gradients that many masks have at one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Combination {
    /// The strongest of those masks that box NMS left, stretched to \[0, 1\] in every image: the
    /// paper's.
    Strongest,
    /// Also how many of them have an edge there, and how many of all masks, before box NMS, had one;
    /// each weighed by its predicted IoU, and less below a hundredth of the image. Strengths mean the same in every image.
    #[default]
    Votes,
}

/// What Segment Anything is shown of an image (test-time augmentation by a flip and crops). Strengths
/// are the mean over all views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Views {
    /// The image.
    #[default]
    Image,
    /// The image and its mirror image; twice the time.
    Mirror,
    /// Both, and the image's four corners, each five eighths of the sides, where small things look
    /// larger; six times the time.
    Corners,
}

/// Which constants parameters have that are not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Those of *Segment Anything* (§7.2 and appendix D.2), with the thinning of the benchmark code
    /// that its reproductions use.
    Paper,
    /// The best edges that the paper's grid of clicks gives.
    #[default]
    Default,
    /// The best edges, whatever the time: the grid on several views of the image.
    Fine,
}

/// Parameters of [`detect_edges`](crate::detect_edges). The defaults are those of
/// [`Preset::Default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "snake_case", deny_unknown_fields)]
#[schemars(extend("x-presets" = presets()))]
pub struct EdgeParams {
    /// Where the parameters that are not given have their values from: `paper`, `default` or
    /// `fine`.
    /// (For programs this is a note; [`EdgeParams::of`] gives a preset's values.)
    pub preset: Preset,
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
    /// What becomes of the gradients of many masks at one pixel: `strongest` or `votes`.
    pub combination: Combination,
    /// What the clicks are made on: `image`; `mirror`, the image and its mirror image; or `corners`,
    /// both and the image's four corners.
    pub views: Views,
    /// How edges are thinned to lines: `canny`, `structured-edges`, `structured-edges-open` or
    /// `none`.
    pub thinning: Thinning,
    /// Also give a binary map: thinned edges of at least this strength, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f32>,
    /// In the binary map, keep weaker edges too, of at least this strength, where they connect to one
    /// of at least `threshold`; 0 to 1, not above `threshold`. Without it lines break where they weaken.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold_low: Option<f32>,
}

impl Default for EdgeParams {
    fn default() -> Self {
        Self::of(Preset::Default)
    }
}

impl EdgeParams {
    /// The values of a preset.
    pub fn of(preset: Preset) -> Self {
        let paper = Self {
            preset,
            points_per_side: 16,
            points_per_batch: 64,
            box_nms_thresh: 0.7,
            pred_iou_thresh: 0.0,
            stability_score_thresh: 0.0,
            stability_score_offset: 1.0,
            smoothing: 0.0,
            border: Border::Replicate,
            combination: Combination::Strongest,
            views: Views::Image,
            thinning: Thinning::StructuredEdges,
            threshold: None,
            threshold_low: None,
        };
        let default = Self {
            combination: Combination::Votes,
            thinning: Thinning::StructuredEdgesOpen,
            ..paper
        };
        match preset {
            Preset::Paper => paper,
            Preset::Default => default,
            Preset::Fine => Self { views: Views::Corners, ..default },
        }
    }

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
        if let Some(threshold) = self.threshold {
            ParamError::check_range("threshold", threshold, 0.0..=1.0)?;
        }
        match self.threshold_low {
            Some(low) => {
                ParamError::check_range("threshold_low", low, 0.0..=self.threshold.unwrap_or(1.0))
            }
            None => Ok(()),
        }
    }
}

/// The presets' values by name, for those who fill in parameters by the schema.
fn presets() -> serde_json::Value {
    let presets = [Preset::Paper, Preset::Default, Preset::Fine];
    let entry = |preset| (serde_json::json!(preset), serde_json::json!(EdgeParams::of(preset)));
    let entries = presets.map(entry).into_iter();
    entries.filter_map(|(name, values)| Some((name.as_str()?.to_owned(), values))).collect()
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
    fn presets_are_allowed_and_one_is_the_papers() {
        let paper = EdgeParams::of(Preset::Paper);
        assert_eq!((paper.points_per_side, paper.box_nms_thresh), (16, 0.7));
        assert_eq!((paper.pred_iou_thresh, paper.stability_score_thresh), (0.0, 0.0));
        assert_eq!(paper.combination, Combination::Strongest);
        let default = EdgeParams::default();
        let fine = EdgeParams { preset: Preset::Fine, views: Views::Corners, ..default };
        assert_eq!(EdgeParams::of(Preset::Fine), fine);
        for preset in [Preset::Paper, Preset::Default, Preset::Fine] {
            EdgeParams::of(preset).validate().expect("presets are in range");
        }
        assert_eq!(presets()["paper"], serde_json::json!(paper));
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
            assert_eq!(rejected(|p| p.threshold_low = Some(bad)), "threshold_low");
        }
    }

    #[test]
    fn the_low_threshold_is_not_above_the_other() {
        let name = rejected(|p| (p.threshold, p.threshold_low) = (Some(0.3), Some(0.4)));
        assert_eq!(name, "threshold_low");
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
