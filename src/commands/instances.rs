//! `samkit instances`: a mask for every thing that a detector, or a file of boxes, has.

use clap::Args;
use samkit_io::BoxFormat;
use samkit_recipe::{Kind, Link};
use samkit_task_detect::BUILT_IN;
use samkit_task_instances::{Choice, InstanceParams, Rank};

use super::{
    Outcome,
    detect::DetectorFlags,
    execute,
    options::{EngineArgs, ImageArgs, number, recipe_word, saves, whole_number},
};
use crate::{
    catalogue,
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    job::JobStep,
    tasks::{
        Task,
        boxes::{BoxesParams, BoxesTask},
        plugin::PluginTask,
    },
};

/// Cut out every thing that a detector finds, or that a file has boxes of
///
/// Boxes of the built-in detector, of one that was exported as ONNX, or out of annotation files become
/// masks with class and scores. By default every box is asked about twice: the first answer goes back in with the box.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InstancesArgs {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// What to write: masks, overlay, labels, classes, pngs, cutouts, geojson, labelme, and of all
    /// images coco, coco-polygons, results, csv, yolo [default: masks,overlay]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    #[command(flatten)]
    file: BoxFlags,
    /// The detector: ssdlite-mobilenet-v2, or the path of an ONNX file
    #[arg(long, value_name = "NAME|FILE.onnx", default_value = BUILT_IN)]
    detector: String,
    #[command(flatten)]
    boxes: DetectorFlags,
    #[command(flatten)]
    masks: InstanceFlags,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.instances.json   masks as COCO RLE, with class, scores and box
  photo.overlay.png      masks, boxes, names and scores on the image
  photo.labels.png       the number of the mask at every pixel, 16 bits (--save labels)
  photo.labelme.json     polygons for labelme (--save labelme)
and of all images, where --save names them: coco.json, results.json, the folder yolo

Examples:
  samkit instances photos
  samkit instances photos --labels cat,dog --save masks,coco,overlay
  samkit instances photos --detector yolo11n.onnx --score-threshold 0.3
  samkit instances photos --boxes annotations.json --save coco
  samkit instances photos --boxes labels --class-names cat,dog    YOLO's text files";

/// Flags that say something about a detector, and nothing where boxes are there already.
const DETECTOR_ONLY: [&str; 6] =
    ["detector", "iou_threshold", "layout", "resize", "pixels", "input_size"];

/// Boxes that are there already.
#[derive(Debug, Args)]
#[command(next_help_heading = "Box options")]
struct BoxFlags {
    /// Take boxes from this file or folder instead of a detector: COCO annotations or results, YOLO,
    /// Pascal VOC, CSV or labelme
    #[arg(long, value_name = "PATH", conflicts_with_all = DETECTOR_ONLY)]
    boxes: Option<String>,
    /// Its format: coco, coco-results, yolo, voc, csv or labelme [default: recognised]
    #[arg(long, value_parser = recipe_word::<BoxFormat>, value_name = "NAME", requires = "boxes")]
    boxes_format: Option<BoxFormat>,
    /// A COCO data set that says what image ids and categories of COCO results mean
    #[arg(long, value_name = "FILE", requires = "boxes")]
    boxes_images: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mask options")]
struct InstanceFlags {
    /// Most boxes an image that get a mask, the best first, 1 to 10000
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = InstanceParams::default().max_instances)]
    max_instances: u32,
    /// Make boxes wider and higher by this part of their sides before asking, -0.5 to 1
    #[arg(long, value_parser = number, value_name = "PART", allow_hyphen_values = true, default_value_t = InstanceParams::default().box_padding)]
    box_padding: f32,
    /// Ask once only
    #[arg(long, conflicts_with = "refine_from")]
    no_refine: bool,
    /// Which first answer goes back in: single, predicted-iou or box-agreement
    #[arg(long, value_parser = recipe_word::<Choice>, value_name = "NAME", default_value = "box-agreement")]
    refine_from: Choice,
    /// Which mask is the result: single (the one for unambiguous prompts), or of the other three
    /// the best by predicted-iou or box-agreement
    #[arg(long, value_parser = recipe_word::<Choice>, value_name = "NAME", default_value = "single")]
    choice: Choice,
    /// Cut off what lies further outside the box than this part of its sides, 0 to 1
    #[arg(long, value_parser = number, value_name = "PART", default_value_t = 0.0)]
    clip_margin: f32,
    /// Keep what lies outside the box
    #[arg(long, conflicts_with = "clip_margin")]
    no_clip: bool,
    /// What an instance's score is: box, predicted-iou or product
    #[arg(long, value_parser = recipe_word::<Rank>, value_name = "NAME", default_value = "product")]
    rank: Rank,
    /// Of two masks of a class that overlap by more than this only the better one is kept; 1 keeps
    /// both
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = InstanceParams::default().mask_nms_threshold)]
    mask_nms_threshold: f32,
    /// Remove holes and islands of fewer pixels than this; 0 is off
    #[arg(long, value_parser = whole_number, value_name = "PIXELS", default_value_t = InstanceParams::default().min_region_area)]
    min_region_area: u32,
}

impl InstanceFlags {
    fn task(&self) -> Result<Task, CliError> {
        let params = InstanceParams {
            max_instances: self.max_instances,
            box_padding: self.box_padding,
            refine: !self.no_refine,
            refine_from: self.refine_from,
            choice: self.choice,
            clip_margin: (!self.no_clip).then_some(self.clip_margin),
            rank: self.rank,
            mask_nms_threshold: self.mask_nms_threshold,
            min_region_area: self.min_region_area,
            ..InstanceParams::default()
        };
        params.validate()?;
        Ok(Task::Plugin(PluginTask::new(catalogue::instances(), serde_json::json!(params))))
    }
}

impl BoxFlags {
    fn task(&self, file: &str, wanted: &DetectorFlags) -> Result<Task, CliError> {
        Ok(Task::Boxes(BoxesTask::new(BoxesParams {
            file: Some(file.to_owned()),
            format: self.boxes_format,
            class_names: wanted.class_names()?,
            images: self.boxes_images.clone(),
            score_threshold: wanted.score_threshold(),
            labels: wanted.labels().to_vec(),
        })))
    }
}

/// What tasks that find boxes call them, and what `instances` takes them as.
const BOXES: &str = "boxes";

pub(super) fn run(
    args: &InstancesArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let task = args.masks.task()?;
    let finder = match &args.file.boxes {
        Some(file) => args.file.task(file, &args.boxes)?,
        None => args.boxes.task("detector", &args.detector, args.masks.max_instances)?,
    };
    let save = saves(&args.save, &task)?;
    let link = Link { input: BOXES.into(), step: 0, output: BOXES.into(), kind: Kind::Boxes };
    let steps = vec![
        JobStep::new(finder, Vec::new()),
        JobStep { inputs: vec![link], ..JobStep::new(task, save) },
    ];
    let job = args.images.job(&args.engine, steps, global, console)?;
    execute(&job, &args.images.report, console)
}
