//! A mask for everything in an image.

use samkit_core::Point;
use samkit_engine::{GeneratorParams, Progress, generate_masks};
use serde::{Deserialize, Serialize};

use super::{Artifact, Content, Product, Scene, TaskError, Yield};

pub(crate) const NAME: &str = "everything";
const MASKS: &str = "masks";
const OVERLAY: &str = "overlay";

pub(crate) const PRODUCTS: [Product; 2] =
    [Product { name: MASKS, default: true }, Product { name: OVERLAY, default: true }];

/// [`GeneratorParams`] in the form that recipes write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EverythingParams {
    pub(crate) points_per_side: u32,
    pub(crate) points_per_batch: u32,
    pub(crate) pred_iou_thresh: f32,
    pub(crate) stability_score_thresh: f32,
    pub(crate) stability_score_offset: f32,
    pub(crate) box_nms_thresh: f32,
    pub(crate) crop_n_layers: u32,
    pub(crate) crop_nms_thresh: f32,
    pub(crate) crop_overlap_ratio: f32,
    pub(crate) crop_n_points_downscale_factor: u32,
    pub(crate) point_grids: Option<PointGrids>,
    pub(crate) min_mask_region_area: u32,
    pub(crate) adaptive: bool,
}

/// For the image and each crop layer a list of `[x, y]` from 0 to 1.
pub(crate) type PointGrids = Vec<Vec<[f32; 2]>>;

impl Default for EverythingParams {
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

impl EverythingParams {
    /// The engine's own form.
    pub(crate) fn generator(&self) -> GeneratorParams {
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
        }
    }
}

pub(super) fn run(
    params: &EverythingParams,
    scene: &Scene<'_>,
    save: &[&'static str],
    progress: Progress<'_>,
) -> Result<Yield, TaskError> {
    let embedding = Some(scene.embedding()?);
    let records = generate_masks(scene.sam, scene.image, embedding, &params.generator(), progress)?;
    let masks = records.len();
    let mut artifacts = Vec::new();
    if save.contains(&OVERLAY) {
        let regions: Vec<_> = records.iter().map(|record| &record.segmentation).collect();
        let overlay = samkit_io::mask_overlay(scene.image, &regions);
        artifacts.push(Artifact { suffix: "overlay.png".into(), content: Content::Rgb(overlay) });
    }
    if save.contains(&MASKS) {
        artifacts
            .insert(0, Artifact { suffix: "masks.json".into(), content: Content::Masks(records) });
    }
    Ok(Yield { artifacts, masks })
}
