//! `samkit detect`: boxes around the things in images.

use clap::Args;
use samkit_core::ParamError;
use samkit_detect::{Family, Pixels, Resize};
use samkit_task_detect::{BUILT_IN, DetectParams};

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

/// Find boxes around the things in images
///
/// With the built-in detector, which knows COCO's 80 classes, or any that was exported as ONNX:
/// YOLOX, YOLOv5 to YOLO11, exports with NMS inside, DETR, RT-DETR, D-FINE.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DetectArgs {
    #[command(flatten)]
    images: ImageArgs,
    /// What to write: boxes, overlay, geojson, labelme, and of all images coco, results, csv, yolo
    /// [default: boxes,overlay]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    /// The detector: ssdlite-mobilenet-v2, or the path of an ONNX file
    #[arg(long, value_name = "NAME|FILE.onnx", default_value = BUILT_IN)]
    model: String,
    #[command(flatten)]
    detector: DetectorFlags,
    /// Most boxes an image, the best first, 1 to 10000
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = 100)]
    max_detections: u32,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.detect.json   boxes with class and score
  photo.overlay.png   boxes with names and scores on the image
and of all images, where --save names them: coco.json, results.json, the folder yolo

Examples:
  samkit detect photos
  samkit detect photos --labels cat,dog --score-threshold 0.5
  samkit detect photos --model yolo11n.onnx --save boxes,results
  samkit detect photos --model mine.onnx --class-names screw,nut,washer";

/// Which boxes a detector gives, and how an ONNX file is to be taken.
#[derive(Debug, Args)]
#[command(next_help_heading = "Detector options")]
pub(super) struct DetectorFlags {
    /// Lowest score of a box, 0 to 1
    #[arg(long, value_parser = number, value_name = "SCORE", default_value_t = DetectParams::default().score_threshold)]
    score_threshold: f32,
    /// Of two boxes of a class that overlap by more than this only the better one is taken, 0 to 1
    #[arg(long, value_parser = number, value_name = "IOU", default_value_t = DetectParams::default().iou_threshold)]
    iou_threshold: f32,
    /// Only these classes, in any case and in the singular or plural
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    labels: Vec<String>,
    /// Names of the classes of an ONNX file, or of YOLO's boxes, in their order [default: the file's
    /// own, or COCO's]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "class_names_file")]
    class_names: Option<Vec<String>>,
    /// The same as a text file with a name a line
    #[arg(long, value_name = "FILE")]
    class_names_file: Option<String>,
    /// How an ONNX file's outputs are laid out: yolox, yolov5, yolo, end-to-end, detr, rt-detr or
    /// postprocessed [default: recognised]
    #[arg(long, value_parser = recipe_word::<Family>, value_name = "NAME")]
    layout: Option<Family>,
    /// How an image is fitted into an ONNX file's input: letterbox, letterbox-corner or stretch
    /// [default: as usual for its layout]
    #[arg(long, value_parser = recipe_word::<Resize>, value_name = "NAME")]
    resize: Option<Resize>,
    /// How an ONNX file's input is scaled and ordered: rgb-unit, rgb-byte, bgr-byte or imagenet
    /// [default: as usual for its layout]
    #[arg(long, value_parser = recipe_word::<Pixels>, value_name = "NAME")]
    pixels: Option<Pixels>,
    /// Pixels a side of an ONNX file's input where the file leaves it open [default: 640]
    #[arg(long, value_parser = whole_number, value_name = "PIXELS")]
    input_size: Option<u32>,
}

impl DetectorFlags {
    /// Only these classes are wanted.
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Names of classes that have only numbers: those of a file are read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn class_names(&self) -> Result<Vec<String>, CliError> {
        let Some(file) = &self.class_names_file else {
            return Ok(self.class_names.clone().unwrap_or_default());
        };
        let text = std::fs::read_to_string(file).map_err(|error| CliError::FlagFile {
            flag: "class-names-file",
            path: file.into(),
            reason: error.to_string(),
            help: "expected a text file with the name of a class on every line".into(),
        })?;
        Ok(text.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// Lowest score of a box.
    pub(super) fn score_threshold(&self) -> f32 {
        self.score_threshold
    }

    /// Refuses what only matters for ONNX files; `flag` is the one that names the detector.
    fn check_built_in(&self, flag: &str) -> Result<(), CliError> {
        let onnx_only = [
            ("class-names", self.class_names.is_some()),
            ("class-names-file", self.class_names_file.is_some()),
            ("layout", self.layout.is_some()),
            ("resize", self.resize.is_some()),
            ("pixels", self.pixels.is_some()),
            ("input-size", self.input_size.is_some()),
        ];
        let given = onnx_only.iter().filter(|(_, is_given)| *is_given);
        let given: Vec<_> = given.map(|(name, _)| format!("`--{name}`")).collect();
        if given.is_empty() {
            return Ok(());
        }
        Err(CliError::Ignored {
            flags: given.join(", "),
            reason: format!("{BUILT_IN} is built in, and knows its classes and its input"),
            help: format!("name a detector with `--{flag} FILE.onnx`, or leave this out"),
        })
    }

    /// The task of a step that runs this detector, which `flag` names.
    ///
    /// # Errors
    /// When a value is out of range, or has no use for this detector.
    pub(super) fn task(
        &self,
        flag: &'static str,
        model: &str,
        max_detections: u32,
    ) -> Result<Task, CliError> {
        if model == BUILT_IN {
            self.check_built_in(flag)?;
        }
        let params = DetectParams {
            model: model.to_owned(),
            score_threshold: self.score_threshold,
            iou_threshold: self.iou_threshold,
            max_detections,
            labels: self.labels.clone(),
            synonyms: Default::default(),
            class_names: self.class_names.clone(),
            class_names_file: self.class_names_file.clone(),
            layout: self.layout,
            resize: self.resize,
            pixels: self.pixels,
            input_size: self.input_size,
        };
        params.validate().map_err(|error| match error.name {
            "model" => ParamError { name: flag, ..error },
            _ => error,
        })?;
        Ok(Task::Plugin(PluginTask::new(catalogue::detect(), serde_json::json!(params))))
    }
}

pub(super) fn run(
    args: &DetectArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let task = args.detector.task("model", &args.model, args.max_detections)?;
    let save = saves(&args.save, &task)?;
    let steps = vec![JobStep::new(task, save)];
    let job = args.images.job(&EngineArgs::default(), steps, global, console)?;
    execute(&job, &args.images.report, console)
}
