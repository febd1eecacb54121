//! `samkit everything`: a mask for everything in an image.

use std::path::{Path, PathBuf};

use clap::Args;
use samkit_scene::{GeneratorForm, PointGrids};

use super::{
    Outcome, execute,
    options::{EngineArgs, ImageArgs, number, recipe_word, saves, whole_number},
};
use crate::{
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    job::JobStep,
    tasks::{
        Task,
        everything::{EverythingForm, OverlapForm, Preset},
    },
};

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
    /// What to write, see below [default: masks,overlay]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    #[command(flatten)]
    params: MaskFlags,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.masks.json       masks as COCO RLE, with box, area, scores and point
  photo.overlay.png      masks in colours on the image
  photo.labels.png       the number of the mask at every pixel, 16 bits, and photo.labels.color.png
  photo.masks/001.png    a picture for every mask (pngs)
  photo.cutouts/001.png  what it shows, the rest transparent (cutouts)
  photo.geojson          polygons in pixels; photo.labelme.json for labelme
  photo.logits.npz       what the network said, for NumPy (logits)
and of all images coco.json, coco-polygons.json, results.json, objects.csv, yolo/.

Examples:
  samkit everything dog.jpg
  samkit everything photos --preset fast --save coco,labels
  samkit everything photos --overlap none --min-area 200 --save labels,yolo
  samkit everything photos --save coco --resume        go on where the run was stopped
  samkit everything aerial.png --crop-n-layers 1 --crop-n-points-downscale-factor 2
  samkit everything dog.jpg --point-grids grid.json    where grid.json is [[[0.5, 0.5]]]";

#[derive(Debug, Args)]
#[command(next_help_heading = "Mask options")]
struct MaskFlags {
    /// Where options that are not given have their values from: fast (large things, several times as
    /// fast), default (the reference's) or fine (crops are searched too: small things, several times as
    /// slow)
    #[arg(long, default_value = "default", value_parser = recipe_word::<Preset>)]
    preset: Preset,
    /// Points along each side of the grid of prompts, 1 to 512 [default: 32; fast: 16]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    points_per_side: Option<u32>,
    /// Prompts decoded at once; does not change the result [default: 64]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    points_per_batch: Option<u32>,
    /// Keep masks with a predicted IoU above this; 0 keeps all [default: 0.88; fine: 0.86]
    #[arg(long, value_parser = number, value_name = "IOU")]
    pred_iou_thresh: Option<f32>,
    /// Keep masks with a stability score of at least this; 0 keeps all [default: 0.95; fine: 0.92]
    #[arg(long, value_parser = number, value_name = "SCORE")]
    stability_score_thresh: Option<f32>,
    /// Distance of the stability score's thresholds, in logits [default: 1]
    #[arg(long, value_parser = number, value_name = "LOGITS")]
    stability_score_offset: Option<f32>,
    /// Of two masks whose boxes overlap by more than this IoU the better stays [default: 0.7]
    #[arg(long, value_parser = number, value_name = "IOU")]
    box_nms_thresh: Option<f32>,
    /// Layers of crops that are searched too, each with four times as many; finds small things
    /// [default: 0; fine: 1]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    crop_n_layers: Option<u32>,
    /// As --box-nms-thresh, between masks of different crops [default: 0.7]
    #[arg(long, value_parser = number, value_name = "IOU")]
    crop_nms_thresh: Option<f32>,
    /// Overlap of neighbouring crops, as a share of the image's shorter side [default: 0.341]
    #[arg(long, value_parser = number, value_name = "SHARE")]
    crop_overlap_ratio: Option<f32>,
    /// Points a side are divided by this in each further layer [default: 1; fine: 2]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    crop_n_points_downscale_factor: Option<u32>,
    /// JSON file with a list of [x, y] from 0 to 1 for the image and each crop layer, instead of
    /// regular grids
    #[arg(long, value_name = "FILE")]
    point_grids: Option<PathBuf>,
    /// Remove holes and islands of fewer pixels than this; 0 is off [default: 0; fine: 100]
    #[arg(long, value_parser = whole_number, value_name = "PIXELS")]
    min_mask_region_area: Option<u32>,
    /// Skip grid points inside masks already found: about half the prompts, some masks missed
    /// [default: no; fast: yes]
    #[arg(long, conflicts_with = "point_grids")]
    adaptive: bool,
    /// Keep masks of at least so many pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    min_area: u64,
    /// Keep masks of at most so many pixels
    #[arg(long, value_name = "PIXELS")]
    max_area: Option<u64>,
    /// Keep so many masks an image: those with the highest predicted IoU
    #[arg(long, value_parser = whole_number, value_name = "N")]
    max_masks: Option<u32>,
    /// Drop masks that touch the image's border
    #[arg(long)]
    drop_border: bool,
    /// Keep masks that lie in this box, in pixels
    #[arg(long, value_parser = number, value_name = "X0,Y0,X1,Y1", value_delimiter = ',')]
    inside: Option<Vec<f32>>,
    /// Which masks may share pixels: allowed (any), nested (masks lie within each other or apart) or none
    /// (every pixel belongs to one mask, the smallest)
    #[arg(long, default_value = "allowed", value_parser = recipe_word::<OverlapForm>)]
    overlap: OverlapForm,
}

impl MaskFlags {
    fn resolve(&self) -> Result<EverythingForm, CliError> {
        let usual = EverythingForm::of(self.preset).generator;
        let grids = self.point_grids.as_deref().map(read_grids).transpose()?;
        let generator = GeneratorForm {
            points_per_side: self.points_per_side.unwrap_or(usual.points_per_side),
            points_per_batch: self.points_per_batch.unwrap_or(usual.points_per_batch),
            pred_iou_thresh: self.pred_iou_thresh.unwrap_or(usual.pred_iou_thresh),
            stability_score_thresh: self
                .stability_score_thresh
                .unwrap_or(usual.stability_score_thresh),
            stability_score_offset: self
                .stability_score_offset
                .unwrap_or(usual.stability_score_offset),
            box_nms_thresh: self.box_nms_thresh.unwrap_or(usual.box_nms_thresh),
            crop_n_layers: self.crop_n_layers.unwrap_or(usual.crop_n_layers),
            crop_nms_thresh: self.crop_nms_thresh.unwrap_or(usual.crop_nms_thresh),
            crop_overlap_ratio: self.crop_overlap_ratio.unwrap_or(usual.crop_overlap_ratio),
            crop_n_points_downscale_factor: self
                .crop_n_points_downscale_factor
                .unwrap_or(usual.crop_n_points_downscale_factor),
            // Points that are named are all asked.
            adaptive: self.adaptive || (usual.adaptive && grids.is_none()),
            point_grids: grids,
            min_mask_region_area: self.min_mask_region_area.unwrap_or(usual.min_mask_region_area),
        };
        Ok(EverythingForm {
            preset: self.preset,
            generator,
            min_area: self.min_area,
            max_area: self.max_area,
            max_masks: self.max_masks,
            drop_border: self.drop_border,
            inside: self.inside.as_deref().map(four).transpose()?,
            overlap: self.overlap,
        })
    }
}

fn four(values: &[f32]) -> Result<[f32; 4], CliError> {
    values.try_into().map_err(|_| CliError::Flag {
        flag: "inside".into(),
        found: format!("{} numbers", values.len()),
        expected: "x0,y0,x1,y1".into(),
    })
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
