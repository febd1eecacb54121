//! Parameters of the automatic mask generator.

use samkit_core::{ParamError, Point, point_grid};

/// Parameters of the automatic mask generator, with the reference's names and defaults
/// (`SamAutomaticMaskGenerator`).
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorParams {
    /// Grid points along each side of the image: `points_per_side`² prompts.
    pub points_per_side: u32,
    /// Prompts that are decoded before their masks are filtered; does not change the result.
    pub points_per_batch: u32,
    /// Masks must have a predicted IoU above this; 0 keeps all.
    pub pred_iou_thresh: f32,
    /// Masks must have at least this stability score; 0 keeps all.
    pub stability_score_thresh: f32,
    /// Distance of the stability score's two thresholds from the mask threshold, in logits.
    pub stability_score_offset: f32,
    /// Of two masks whose boxes overlap by more than this IoU, the one with the lower predicted
    /// IoU is dropped.
    pub box_nms_thresh: f32,
    /// Layers of crops that are searched as well: layer i has (2^(i+1))² crops.
    pub crop_n_layers: u32,
    /// Like `box_nms_thresh`, between masks of different crops: smaller crops win.
    pub crop_nms_thresh: f32,
    /// Overlap of neighbouring crops in the first layer, as a share of the image's shorter side.
    pub crop_overlap_ratio: f32,
    /// Grid points a side in layer i are `points_per_side` divided by this to the power i.
    pub crop_n_points_downscale_factor: u32,
    /// Replaces the regular grids: for every layer its points in [0, 1]².
    pub point_grids: Option<Vec<Vec<Point>>>,
    /// Holes and islands of fewer pixels are removed; 0 leaves masks as they are.
    pub min_mask_region_area: u32,
    /// Asks about a coarse grid first and skips points of the finer ones that lie inside masks
    /// already found: fewer prompts, and some masks are missed. Not in the reference.
    pub adaptive: bool,
    /// Keep every mask's low-res logits ([`samkit_core::MaskRecord::logits`]), 256 KiB each.
    pub keep_logits: bool,
}

impl Default for GeneratorParams {
    fn default() -> Self {
        Self {
            points_per_side: 32,
            points_per_batch: 64,
            pred_iou_thresh: 0.88,
            stability_score_thresh: 0.95,
            stability_score_offset: 1.0,
            box_nms_thresh: 0.7,
            crop_n_layers: 0,
            crop_nms_thresh: 0.7,
            crop_overlap_ratio: 512.0 / 1500.0,
            crop_n_points_downscale_factor: 1,
            point_grids: None,
            min_mask_region_area: 0,
            adaptive: false,
            keep_logits: false,
        }
    }
}

impl GeneratorParams {
    /// Checks every parameter's range.
    ///
    /// # Errors
    /// The first parameter that is outside its range.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("points_per_side", self.points_per_side, 1..=512)?;
        ParamError::check_range("points_per_batch", self.points_per_batch, 1..=4096)?;
        ParamError::check_range("pred_iou_thresh", self.pred_iou_thresh, 0.0..=1.0)?;
        ParamError::check_range("stability_score_thresh", self.stability_score_thresh, 0.0..=1.0)?;
        ParamError::check_range(
            "stability_score_offset",
            self.stability_score_offset,
            0.0..=100.0,
        )?;
        ParamError::check_range("box_nms_thresh", self.box_nms_thresh, 0.0..=1.0)?;
        ParamError::check_range("crop_n_layers", self.crop_n_layers, 0..=4)?;
        ParamError::check_range("crop_nms_thresh", self.crop_nms_thresh, 0.0..=1.0)?;
        ParamError::check_range("crop_overlap_ratio", self.crop_overlap_ratio, 0.0..=0.9)?;
        ParamError::check_range(
            "crop_n_points_downscale_factor",
            self.crop_n_points_downscale_factor,
            1..=16,
        )?;
        match &self.point_grids {
            Some(_) if self.adaptive => {
                let expected = "false with `point_grids`: it needs the regular grids";
                Err(ParamError::new("adaptive", "true", expected))
            }
            Some(grids) => check_grids(grids, self.crop_n_layers as usize + 1),
            None => Ok(()),
        }
    }

    /// The points of every layer, in [0, 1]².
    pub fn grids(&self) -> Vec<Vec<Point>> {
        if let Some(grids) = &self.point_grids {
            return grids.clone();
        }
        let factor = f64::from(self.crop_n_points_downscale_factor);
        let side = |layer| (f64::from(self.points_per_side) / factor.powi(layer)) as u32;
        (0..=self.crop_n_layers).map(|layer| point_grid(side(layer as i32))).collect()
    }
}

fn check_grids(grids: &[Vec<Point>], layers: usize) -> Result<(), ParamError> {
    let error =
        |found: String, expected: &str| Err(ParamError::new("point_grids", found, expected));
    if grids.len() != layers {
        let expected = format!("{layers}: one for the image and one for every crop layer");
        return error(format!("{} lists", grids.len()), &expected);
    }
    let in_unit = |v: f32| (0.0..=1.0).contains(&v);
    match grids.iter().flatten().find(|p| !in_unit(p.x) || !in_unit(p.y)) {
        Some(p) => error(format!("({}, {})", p.x, p.y), "points with x and y from 0 to 1"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_layers_have_coarser_grids() {
        let params = GeneratorParams {
            points_per_side: 9,
            crop_n_layers: 2,
            crop_n_points_downscale_factor: 2,
            ..Default::default()
        };
        let sides: Vec<usize> = params.grids().iter().map(|g| g.len().isqrt()).collect();
        assert_eq!(sides, [9, 4, 2]);
    }

    #[test]
    fn every_parameter_has_a_range() {
        type Change = fn(&mut GeneratorParams);
        let bad: [(&str, Change); 12] = [
            ("points_per_side", |p| p.points_per_side = 0),
            ("points_per_batch", |p| p.points_per_batch = 0),
            ("pred_iou_thresh", |p| p.pred_iou_thresh = 1.5),
            ("stability_score_thresh", |p| p.stability_score_thresh = f32::NAN),
            ("stability_score_offset", |p| p.stability_score_offset = -1.0),
            ("box_nms_thresh", |p| p.box_nms_thresh = -0.1),
            ("crop_n_layers", |p| p.crop_n_layers = 9),
            ("crop_nms_thresh", |p| p.crop_nms_thresh = 2.0),
            ("crop_overlap_ratio", |p| p.crop_overlap_ratio = 1.0),
            ("crop_n_points_downscale_factor", |p| p.crop_n_points_downscale_factor = 0),
            ("adaptive", |p| {
                p.adaptive = true;
                p.point_grids = Some(vec![vec![Point::new(0.5, 0.5)]]);
            }),
            ("point_grids", |p| p.point_grids = Some(vec![vec![Point::new(2.0, 0.0)]])),
        ];
        assert_eq!(GeneratorParams::default().validate(), Ok(()));
        for (name, change) in bad {
            let mut params = GeneratorParams::default();
            change(&mut params);
            assert_eq!(params.validate().map_err(|e| e.name), Err(name));
        }
    }
}
