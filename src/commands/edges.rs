//! `samkit edges`: edge maps of images.

use clap::Args;
use samkit_edges::{Border, Combination, EdgeParams, Preset, Thinning, Views};

use super::{
    Outcome, execute,
    options::{EngineArgs, ImageArgs, number, recipe_word, saves, whole_number},
};
use crate::{
    catalogue,
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    job::JobStep,
    tasks::{Task, plugin::PluginTask},
};

/// Draw the edges of images
///
/// After the zero-shot recipe of the Segment Anything paper: masks from a grid of points, the gradients
/// of their probabilities along their outlines, and edge thinning. An edge is the stronger the more
/// masks agree on it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EdgesArgs {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// What to write: thinned, raw, binary, svg, geojson, overlay [default: thinned,overlay, and
    /// binary with --threshold]
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
  photo.edges.svg         their lines as a drawing, and photo.edges.geojson in pixels
  photo.overlay.png       thinned edges on the image

Examples:
  samkit edges photos --output out
  samkit edges 'shots/*.jpg' --points-per-side 32 --save thinned,raw
  samkit edges photo.jpg --threshold 0.5 --threshold-low 0.3 --save binary,svg
  samkit edges photos --preset fine
  samkit edges photos --preset paper";

#[derive(Debug, Args)]
#[command(next_help_heading = "Edge options")]
struct EdgeFlags {
    /// Where options that are not given have their values from: paper (the published recipe), default
    /// (better edges from the same grid) or fine (better still, in six times the time)
    #[arg(long, default_value = "default", value_parser = recipe_word::<Preset>)]
    preset: Preset,
    /// Points along each side of the grid of prompts, 1 to 256 [default: 16]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    points_per_side: Option<u32>,
    /// Prompts decoded at once; memory for speed [default: 64]
    #[arg(long, value_parser = whole_number, value_name = "N")]
    points_per_batch: Option<u32>,
    /// Masks whose boxes overlap by more than this IoU count once, 0 to 1 [default: 0.7]
    #[arg(long, value_parser = number, value_name = "IOU")]
    box_nms_thresh: Option<f32>,
    /// Keep masks with a predicted IoU above this; 0 keeps all [default: 0]
    #[arg(long, value_parser = number, value_name = "IOU")]
    pred_iou_thresh: Option<f32>,
    /// Keep masks with a stability score of at least this; 0 keeps all [default: 0]
    #[arg(long, value_parser = number, value_name = "SCORE")]
    stability_score_thresh: Option<f32>,
    /// Distance of the stability score's thresholds, in logits [default: 1]
    #[arg(long, value_parser = number, value_name = "LOGITS")]
    stability_score_offset: Option<f32>,
    /// Blur the probability maps with this sigma in pixels; 0 is off [default: 0]
    #[arg(long, value_parser = number, value_name = "SIGMA")]
    smoothing: Option<f32>,
    /// What lies beyond the image's border: replicate or zero (draws edges along it)
    /// [default: replicate]
    #[arg(long, value_parser = recipe_word::<Border>)]
    border: Option<Border>,
    /// What many masks make of a pixel: strongest, or votes (also how many have an edge there)
    /// [default: votes; paper: strongest]
    #[arg(long, value_parser = recipe_word::<Combination>)]
    combination: Option<Combination>,
    /// What the grid is laid on: image; mirror, the image and its mirror image; or corners, both and the
    /// image's four corners [default: image; fine: corners]
    #[arg(long, value_parser = recipe_word::<Views>)]
    views: Option<Views>,
    /// How to thin: canny, structured-edges, structured-edges-open (edges that run into the image's sides
    /// stay) or none [default: structured-edges-open; paper: structured-edges]
    #[arg(long, value_parser = recipe_word::<Thinning>)]
    thinning: Option<Thinning>,
    /// Also make a binary map of the edges of at least this strength, 0 to 1
    #[arg(long, value_parser = number, value_name = "STRENGTH")]
    threshold: Option<f32>,
    /// Keep weaker edges in the binary map, of at least this, where they lead to stronger ones
    #[arg(long, value_parser = number, value_name = "STRENGTH", requires = "threshold")]
    threshold_low: Option<f32>,
}

impl EdgeFlags {
    fn resolve(&self) -> EdgeParams {
        let preset = EdgeParams::of(self.preset);
        EdgeParams {
            preset: self.preset,
            points_per_side: self.points_per_side.unwrap_or(preset.points_per_side),
            points_per_batch: self.points_per_batch.unwrap_or(preset.points_per_batch),
            box_nms_thresh: self.box_nms_thresh.unwrap_or(preset.box_nms_thresh),
            pred_iou_thresh: self.pred_iou_thresh.unwrap_or(preset.pred_iou_thresh),
            stability_score_thresh: self
                .stability_score_thresh
                .unwrap_or(preset.stability_score_thresh),
            stability_score_offset: self
                .stability_score_offset
                .unwrap_or(preset.stability_score_offset),
            smoothing: self.smoothing.unwrap_or(preset.smoothing),
            border: self.border.unwrap_or(preset.border),
            combination: self.combination.unwrap_or(preset.combination),
            views: self.views.unwrap_or(preset.views),
            thinning: self.thinning.unwrap_or(preset.thinning),
            threshold: self.threshold,
            threshold_low: self.threshold_low,
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
    let job = args.images.job(&args.engine, vec![JobStep::new(task, save)], global, console)?;
    execute(&job, &args.images.report, console)
}
