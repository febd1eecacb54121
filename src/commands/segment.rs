//! `samkit segment`: the object that points, a box or a mask point out.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use samkit_core::{BBox, LowResLogits, Point, PointLabel, PointPrompt, Prompt, Size};

use super::{
    Outcome, execute,
    options::{EngineArgs, ImageArgs},
};
use crate::{
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    job::{Job, JobStep},
    tasks::{
        Task,
        segment::{Answer, LOGITS, SegmentParams},
    },
};

/// Cut out the object under points or in a box
///
/// Coordinates are pixels of the image, from its top left corner. One point gives the best of
/// three masks by predicted IoU; a box or several points give the single mask.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SegmentArgs {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    prompt: PromptFlags,
    /// Write all three masks with their scores
    #[arg(long, help_heading = "Prompt options", conflicts_with = "refine")]
    multimask: bool,
    /// Ask twice: the best mask of the first pass goes back in with the same prompt
    #[arg(long, help_heading = "Prompt options")]
    refine: bool,
    /// Also write the mask's 256×256 logits, for --mask
    #[arg(long, help_heading = "Prompt options")]
    save_logits: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Prompt options")]
#[group(required = true, multiple = true)]
struct PromptFlags {
    /// A point on the object, or with label 0 off it; can be given several times
    #[arg(long, value_name = "X,Y[,0|1]", allow_hyphen_values = true)]
    point: Vec<TypedPoint>,
    /// A box around the object
    #[arg(long = "box", value_name = "X0,Y0,X1,Y1", allow_hyphen_values = true)]
    bbox: Option<TypedBox>,
    /// Logits of an earlier answer, as --save-logits wrote them
    #[arg(long, value_name = "FILE.npy")]
    mask: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.mask.png       255 on the object, 0 elsewhere (photo.mask.0.png, … with --multimask)
  photo.overlay.png    the mask on the image
  photo.segment.json   prompt, scores, area, box and COCO RLE
  photo.logits.npy     with --save-logits

Examples:
  samkit segment dog.jpg --point 320,240
  samkit segment dog.jpg --point 320,240 --point 100,80,0
  samkit segment dog.jpg --box 60,40,500,420 --refine
  samkit segment dog.jpg --point 320,240 --multimask --save-logits
  samkit segment dog.jpg --point 310,200 --mask samkit-out/dog.logits.1.npy";

/// `x,y` or `x,y,label`.
#[derive(Clone, Copy, Debug)]
struct TypedPoint(PointPrompt);

impl FromStr for TypedPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected x,y or x,y,label with label 0 or 1, such as 320,240,1".to_owned();
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        let (x, y, label) = match parts[..] {
            [x, y] => (x, y, "1"),
            [x, y, label] => (x, y, label),
            _ => return Err(expected()),
        };
        let label = match label {
            "0" => PointLabel::Background,
            "1" => PointLabel::Foreground,
            _ => return Err(expected()),
        };
        let [x, y] = [number(x)?, number(y)?];
        Ok(Self(PointPrompt { point: Point::new(x, y), label }))
    }
}

/// `x0,y0,x1,y1`, not inverted.
#[derive(Clone, Copy, Debug)]
struct TypedBox(BBox);

impl FromStr for TypedBox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let corners: Vec<_> =
            text.split(',').map(|part| number(part.trim())).collect::<Result<_, _>>()?;
        let [x0, y0, x1, y1] = corners[..] else {
            return Err("expected x0,y0,x1,y1: left, top, right, bottom".into());
        };
        if x0 >= x1 || y0 >= y1 {
            return Err(format!(
                "the box is inverted or empty: expected x0 < x1 and y0 < y1, found x {x0} to {x1} \
                 and y {y0} to {y1}"
            ));
        }
        Ok(Self(BBox::new(x0, y0, x1, y1)))
    }
}

fn number(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{text}` is not a finite number")),
    }
}

impl PromptFlags {
    fn resolve(&self) -> Result<Prompt, CliError> {
        Ok(Prompt {
            points: self.point.iter().map(|typed| typed.0).collect(),
            bbox: self.bbox.map(|typed| typed.0),
            mask: self.mask.as_deref().map(read_logits).transpose()?,
        })
    }
}

fn read_logits(path: &Path) -> Result<LowResLogits, CliError> {
    samkit_io::read_logits(path).map_err(|error| CliError::FlagFile {
        flag: "mask",
        path: path.to_owned(),
        reason: crate::error::one_line(&error),
        help: "expected 256×256 logits as `samkit segment --save-logits` writes them".into(),
    })
}

impl SegmentArgs {
    fn resolve(&self) -> Result<SegmentParams, CliError> {
        let prompt = self.prompt.resolve()?;
        let ambiguous = prompt.points.len() == 1 && prompt.bbox.is_none() && prompt.mask.is_none();
        let answer = match (self.multimask, self.refine) {
            (true, _) => Answer::All,
            (_, true) => Answer::Refined,
            _ if ambiguous => Answer::Best,
            _ => Answer::Single,
        };
        Ok(SegmentParams { prompt, answer })
    }
}

pub(super) fn run(
    args: &SegmentArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let params = args.resolve()?;
    let task = Task::Segment(params.clone());
    let mut save = task.default_saves();
    if args.save_logits {
        save.push(LOGITS.to_owned());
    }
    let job = args.images.job(&args.engine, vec![JobStep::new(task, save)], global, console)?;
    check_only_image(&job, &params)?;
    execute(&job, &args.images.report, console)
}

/// With one image, a prompt that does not fit it makes the whole request wrong; among several,
/// only the images that it does not fit fail.
fn check_only_image(job: &Job, params: &SegmentParams) -> Result<(), CliError> {
    let [only] = &job.images[..] else {
        return Ok(());
    };
    // What cannot be read is reported where all images are.
    if let Ok(loaded) = samkit_io::read_image(&only.path, &Default::default()) {
        let (width, height) = loaded.image.dimensions();
        params.check(Size::new(width, height))?;
    }
    Ok(())
}
