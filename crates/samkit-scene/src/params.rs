//! Parameters of automatic masks, as recipes and plugins write them.

use samkit_core::Point;
use samkit_engine::GeneratorParams;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// [`GeneratorParams`] in JSON, with the same names, ranges and defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorForm {
    /// Grid points along each side of the image; prompts grow with the square.
    #[schemars(range(min = 1, max = 512))]
    pub points_per_side: u32,
    /// Prompts that are decoded before their masks are filtered; does not change the result.
    #[schemars(range(min = 1, max = 4096))]
    pub points_per_batch: u32,
    /// Masks must have a predicted IoU above this; 0 keeps all.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub pred_iou_thresh: f32,
    /// Masks must have at least this stability score; 0 keeps all.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub stability_score_thresh: f32,
    /// Distance of the stability score's thresholds from that of the mask, in logits.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub stability_score_offset: f32,
    /// Of two masks whose boxes overlap by more than this IoU the better stays.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub box_nms_thresh: f32,
    /// Layers of crops that are searched too, each with four times as many; finds small things.
    #[schemars(range(min = 0, max = 4))]
    pub crop_n_layers: u32,
    /// As box_nms_thresh, between masks of different crops: smaller crops win.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub crop_nms_thresh: f32,
    /// Overlap of neighbouring crops, as a share of the image's shorter side.
    #[schemars(range(min = 0.0, max = 0.9))]
    pub crop_overlap_ratio: f32,
    /// Points a side are divided by this in each further layer.
    #[schemars(range(min = 1, max = 16))]
    pub crop_n_points_downscale_factor: u32,
    /// Instead of regular grids: for the image and each crop layer a list of [x, y] from 0 to 1.
    pub point_grids: Option<PointGrids>,
    /// Remove holes and islands of fewer pixels than this; 0 is off.
    pub min_mask_region_area: u32,
    /// Skip grid points inside masks already found: about half the prompts, some masks missed.
    pub adaptive: bool,
}

/// For the image and each crop layer a list of `[x, y]` from 0 to 1.
pub type PointGrids = Vec<Vec<[f32; 2]>>;

impl Default for GeneratorForm {
    fn default() -> Self {
        let params = GeneratorParams::default();
        Self {
            points_per_side: params.points_per_side,
            points_per_batch: params.points_per_batch,
            pred_iou_thresh: params.pred_iou_thresh,
            stability_score_thresh: params.stability_score_thresh,
            stability_score_offset: params.stability_score_offset,
            box_nms_thresh: params.box_nms_thresh,
            crop_n_layers: params.crop_n_layers,
            crop_nms_thresh: params.crop_nms_thresh,
            crop_overlap_ratio: params.crop_overlap_ratio,
            crop_n_points_downscale_factor: params.crop_n_points_downscale_factor,
            point_grids: None,
            min_mask_region_area: params.min_mask_region_area,
            adaptive: params.adaptive,
        }
    }
}

impl GeneratorForm {
    /// The engine's own form.
    pub fn params(&self) -> GeneratorParams {
        let points = |grid: &Vec<[f32; 2]>| grid.iter().map(|&[x, y]| Point::new(x, y)).collect();
        GeneratorParams {
            points_per_side: self.points_per_side,
            points_per_batch: self.points_per_batch,
            pred_iou_thresh: self.pred_iou_thresh,
            stability_score_thresh: self.stability_score_thresh,
            stability_score_offset: self.stability_score_offset,
            box_nms_thresh: self.box_nms_thresh,
            crop_n_layers: self.crop_n_layers,
            crop_nms_thresh: self.crop_nms_thresh,
            crop_overlap_ratio: self.crop_overlap_ratio,
            crop_n_points_downscale_factor: self.crop_n_points_downscale_factor,
            point_grids: self.point_grids.as_ref().map(|grids| grids.iter().map(points).collect()),
            min_mask_region_area: self.min_mask_region_area,
            adaptive: self.adaptive,
            keep_logits: false,
        }
    }
}
