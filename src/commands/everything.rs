//! `samkit everything`: a mask for everything in an image.

use std::path::{Path, PathBuf};

use clap::Args;
use samkit_scene::{GeneratorForm, PointGrids};

use super::{
    Outcome, execute,
    options::{EngineArgs, ImageArgs, number, saves, whole_number},
};
use crate::{cli::GlobalArgs, console::Console, error::CliError, job::JobStep, tasks::Task};

/// Find a mask for everything in images
///
/// Segment Anything's automatic mask generator: a grid of points, filters for quality and
/// stability, and suppression of duplicates.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EverythingArgs {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// What to write: masks, overlay [default: both]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    #[command(flatten)]
    params: GeneratorFlags,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.masks.json    masks as COCO RLE, with box, area, scores and point
  photo.overlay.png   masks in colours on the image

Examples:
  samkit everything dog.jpg
  samkit everything photos --points-per-side 16 --min-mask-region-area 100
  samkit everything aerial.png --crop-n-layers 1 --crop-n-points-downscale-factor 2
  samkit everything dog.jpg --point-grids grid.json    where grid.json is [[[0.5, 0.5]]]";

#[derive(Debug, Args)]
#[command(next_help_heading = "Mask options")]
struct GeneratorFlags {
    /// Points along each side of the grid of prompts, 1 to 512
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = GeneratorForm::default().points_per_side)]
    points_per_side: u32,
    /// Prompts decoded at once; does not change the result
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = GeneratorForm::default().points_per_batch)]
    points_per_batch: u32,
    /// Keep masks with a predicted IoU above this; 0 keeps all
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = GeneratorForm::default().pred_iou_thresh)]
    pred_iou_thresh: f32,
    /// Keep masks with a stability score of at least this; 0 keeps all
    #[arg(long, value_parser = number, value_name = "SCORE", default_value_t = GeneratorForm::default().stability_score_thresh)]
    stability_score_thresh: f32,
    /// Distance of the stability score's thresholds, in logits
    #[arg(long, value_parser = number, value_name = "LOGITS", default_value_t = GeneratorForm::default().stability_score_offset)]
    stability_score_offset: f32,
    /// Of two masks whose boxes overlap by more than this IoU the better stays
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = GeneratorForm::default().box_nms_thresh)]
    box_nms_thresh: f32,
    /// Layers of crops that are searched too, each with four times as many; finds small things
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = GeneratorForm::default().crop_n_layers)]
    crop_n_layers: u32,
    /// As --box-nms-thresh, between masks of different crops
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = GeneratorForm::default().crop_nms_thresh)]
    crop_nms_thresh: f32,
    /// Overlap of neighbouring crops, as a share of the image's shorter side
    #[arg(long, value_parser = number, value_name = "SHARE", default_value_t = GeneratorForm::default().crop_overlap_ratio)]
    crop_overlap_ratio: f32,
    /// Points a side are divided by this in each further layer
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = GeneratorForm::default().crop_n_points_downscale_factor)]
    crop_n_points_downscale_factor: u32,
    /// JSON file with a list of [x, y] from 0 to 1 for the image and each crop layer, instead of
    /// regular grids
    #[arg(long, value_name = "FILE")]
    point_grids: Option<PathBuf>,
    /// Remove holes and islands of fewer pixels than this; 0 is off
    #[arg(long, value_parser = whole_number, value_name = "PIXELS", default_value_t = GeneratorForm::default().min_mask_region_area)]
    min_mask_region_area: u32,
    /// Skip grid points inside masks already found: about half the prompts, some masks missed
    #[arg(long, conflicts_with = "point_grids")]
    adaptive: bool,
}

impl GeneratorFlags {
    fn resolve(&self) -> Result<GeneratorForm, CliError> {
        Ok(GeneratorForm {
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
            point_grids: self.point_grids.as_deref().map(read_grids).transpose()?,
            min_mask_region_area: self.min_mask_region_area,
            adaptive: self.adaptive,
        })
    }
}

fn read_grids(path: &Path) -> Result<PointGrids, CliError> {
    let fault = |reason: String, help: &str| CliError::FlagFile {
        flag: "point-grids",
        path: path.to_owned(),
        reason,
        help: help.to_owned(),
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| fault(error.to_string(), "expected the path of a JSON file"))?;
    serde_json::from_str(&text).map_err(|error| {
        let help = "expected one list of points for the image and one for each crop layer, such \
                    as [[[0.25, 0.5], [0.75, 0.5]]]";
        fault(error.to_string(), help)
    })
}

pub(super) fn run(
    args: &EverythingArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let task = Task::Everything(args.params.resolve()?);
    let save = saves(&args.save, &task)?;
    let job = args.images.job(&args.engine, vec![JobStep::new(task, save)], global, console)?;
    execute(&job, &args.images.report, console)
}
