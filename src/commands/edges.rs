//! `samkit edges`: edge maps of images.

use clap::Args;
use samkit_edges::{Border, EdgeParams, Thinning};

use super::{
    Outcome, execute,
    options::{ImageArgs, number, recipe_word, saves, whole_number},
};
use crate::{
    catalogue,
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    tasks::{Task, plugin::PluginTask},
};

/// Draw the edges of images
///
/// The zero-shot recipe of the Segment Anything paper: masks from a grid of points, the gradients
/// of their probabilities along their outlines, and edge thinning.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EdgesArgs {
    #[command(flatten)]
    images: ImageArgs,
    /// What to write: thinned, raw, binary, overlay [default: thinned,overlay, and binary with
    /// --threshold]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    #[command(flatten)]
    params: EdgeFlags,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.edges.png         thinned edges, 8 bits
  photo.edges.raw.png     edges before thinning, 16 bits
  photo.edges.binary.png  thinned edges of at least --threshold
  photo.overlay.png       thinned edges on the image

Examples:
  samkit edges photos --output out
  samkit edges 'shots/*.jpg' --points-per-side 32 --save thinned,raw
  samkit edges photo.jpg --threshold 0.2 --thinning structured-edges";

#[derive(Debug, Args)]
#[command(next_help_heading = "Edge options")]
struct EdgeFlags {
    /// Points along each side of the grid of prompts, 1 to 256
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = EdgeParams::default().points_per_side)]
    points_per_side: u32,
    /// Prompts decoded at once; does not change the result
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = EdgeParams::default().points_per_batch)]
    points_per_batch: u32,
    /// Masks whose boxes overlap by more than this IoU count once, 0 to 1
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = EdgeParams::default().box_nms_thresh)]
    box_nms_thresh: f32,
    /// Keep masks with a predicted IoU above this; 0 keeps all
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = EdgeParams::default().pred_iou_thresh)]
    pred_iou_thresh: f32,
    /// Keep masks with a stability score of at least this; 0 keeps all
    #[arg(long, value_parser = number, value_name = "SCORE", default_value_t = EdgeParams::default().stability_score_thresh)]
    stability_score_thresh: f32,
    /// Distance of the stability score's thresholds, in logits
    #[arg(long, value_parser = number, value_name = "LOGITS", default_value_t = EdgeParams::default().stability_score_offset)]
    stability_score_offset: f32,
    /// Blur the probability maps with this sigma in pixels; 0 is off
    #[arg(long, value_parser = number, value_name = "SIGMA", default_value_t = EdgeParams::default().smoothing)]
    smoothing: f32,
    /// What lies beyond the image's border: replicate or zero (draws edges along it)
    #[arg(long, default_value = "replicate", value_parser = recipe_word::<Border>)]
    border: Border,
    /// How to thin: canny, structured-edges or none
    #[arg(long, default_value = "canny", value_parser = recipe_word::<Thinning>)]
    thinning: Thinning,
    /// Also make a binary map of the edges of at least this strength, 0 to 1
    #[arg(long, value_parser = number, value_name = "STRENGTH")]
    threshold: Option<f32>,
}

impl EdgeFlags {
    fn resolve(&self) -> EdgeParams {
        EdgeParams {
            points_per_side: self.points_per_side,
            points_per_batch: self.points_per_batch,
            box_nms_thresh: self.box_nms_thresh,
            pred_iou_thresh: self.pred_iou_thresh,
            stability_score_thresh: self.stability_score_thresh,
            stability_score_offset: self.stability_score_offset,
            smoothing: self.smoothing,
            border: self.border,
            thinning: self.thinning,
            threshold: self.threshold,
        }
    }
}

pub(super) fn run(
    args: &EdgesArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let params = args.params.resolve();
    params.validate()?;
    let task = Task::Plugin(PluginTask::new(catalogue::edges(), serde_json::json!(params)));
    let save = saves(&args.save, &task)?;
    let job = args.images.job(task, save, global, console)?;
    execute(&job, &args.images.report, console)
}
