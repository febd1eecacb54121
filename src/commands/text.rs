//! `samkit text`: every segment that fits a description.

use clap::Args;
use samkit_core::ParamError;
use samkit_task_text::{DEFAULT_MODEL, Looking, Outside, Prefer, TextParams};

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

/// Find every segment that fits a description
///
/// Masks for everything are made first; CLIP then says which of them fit. Nothing is found where
/// nothing fits: every mask is also compared with what it may be instead (--background).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// What to write: masks, overlay, relevance, labels, classes, pngs, cutouts, geojson, labelme, and
    /// of all images coco, coco-polygons, results, csv, yolo [default: masks,overlay]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    save: Vec<String>,
    #[command(flatten)]
    params: TextFlags,
}

const EXAMPLES: &str = "\
Files, for an image photo.jpg:
  photo.text.json            masks as COCO RLE, with the query that they fit and its share
  photo.overlay.png          masks, boxes, queries and shares on the image
  photo.text.relevance.png   how well every pixel fits, 16 bits (--save relevance)

Examples:
  samkit text desk.jpg --query 'a red mug' --query keyboard
  samkit text photos --query 'a dog' --threshold 0.7 --save masks,coco,overlay
  samkit text aerial.png --query 'swimming pool' --prefer part --points-per-side 64
  samkit text photos --query 'a dog' --clip-model models/my-clip     a folder with CLIP's three files

CLIP's weights are fetched on first use (607 MB for the default); see `samkit models list`.";

#[derive(Debug, Args)]
#[command(next_help_heading = "Text options")]
struct TextFlags {
    /// What to look for; can be given several times, at nearly the cost of once
    #[arg(short = 'Q', long = "query", value_name = "TEXT", required = true)]
    queries: Vec<String>,
    /// CLIP's weights: a name of `samkit models list`, or a folder with config.json,
    /// model.safetensors and tokenizer.json
    #[arg(long, value_name = "NAME|DIR", default_value = DEFAULT_MODEL)]
    clip_model: String,
    /// Lowest share of a query among all queries and the background, 0 to 1; higher finds less, and
    /// less that is wrong
    #[arg(long, value_parser = number, value_name = "SHARE", default_value_t = TextParams::default().threshold)]
    threshold: f32,
    /// Lowest cosine between a segment and a query, -1 to 1
    #[arg(long, value_parser = number, value_name = "COSINE", allow_hyphen_values = true, default_value_t = TextParams::default().min_similarity)]
    min_similarity: f32,
    /// Which of several masks of one thing is taken: whole, part or best
    #[arg(long, value_parser = recipe_word::<Prefer>, value_name = "NAME", default_value = "best")]
    prefer: Prefer,
    /// Most segments a query and image
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = TextParams::default().max_results)]
    max_results: u32,
    /// What a segment may be instead, in place of the default list (`samkit plugins show text`); can
    /// be given several times
    #[arg(long, value_name = "TEXT")]
    background: Option<Vec<String>>,
    /// A sentence that queries are put into, at {}; can be given several times [default: a short list]
    #[arg(long = "template", value_name = "TEXT")]
    templates: Option<Vec<String>>,
    /// Margin around a segment in the picture that CLIP gets, as a part of its longer side
    #[arg(long, value_parser = number, value_name = "PART", default_value_t = Looking::default().margin)]
    margin: f32,
    /// What becomes of pixels outside the segment, a picture each: keep, dim, blur, white, grey
    /// [default: keep,dim]
    #[arg(long, value_parser = recipe_word::<Outside>, value_delimiter = ',', value_name = "NAMES")]
    outside: Option<Vec<Outside>>,
    /// Smallest part of the image that a segment may have
    #[arg(long, value_parser = number, value_name = "PART", default_value_t = Looking::default().min_area)]
    min_area: f32,
    /// Greatest part of the image that a segment may have
    #[arg(long, value_parser = number, value_name = "PART", default_value_t = Looking::default().max_area)]
    max_area: f32,
    /// Points along each side of the grid that finds masks
    #[arg(long, value_parser = whole_number, value_name = "N", default_value_t = Looking::default().points_per_side)]
    points_per_side: u32,
}

impl TextFlags {
    fn resolve(&self) -> TextParams {
        let usual = Looking::default();
        TextParams {
            queries: self.queries.clone(),
            threshold: self.threshold,
            min_similarity: self.min_similarity,
            prefer: self.prefer,
            max_results: self.max_results,
            looking: Looking {
                model: self.clip_model.clone(),
                templates: self.templates.clone().unwrap_or(usual.templates),
                background: self.background.clone().unwrap_or(usual.background),
                margin: self.margin,
                outside: self.outside.clone().unwrap_or(usual.outside),
                min_area: self.min_area,
                max_area: self.max_area,
                points_per_side: self.points_per_side,
                ..usual
            },
            ..TextParams::default()
        }
    }
}

/// The error under the flag's name, where that is another one than the parameter's.
fn as_flag(error: ParamError) -> ParamError {
    let name = match error.name {
        "queries" => "query",
        "templates" => "template",
        name => name,
    };
    ParamError { name, ..error }
}

pub(super) fn run(
    args: &TextArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let params = args.params.resolve();
    params.validate().map_err(as_flag)?;
    let task = Task::Plugin(PluginTask::new(catalogue::text(), serde_json::json!(params)));
    let save = saves(&args.save, &task)?;
    let job = args.images.job(&args.engine, vec![JobStep::new(task, save)], global, console)?;
    if !console.has_bars() && !args.images.report.dry_run {
        let prompts = args.params.points_per_side.pow(2);
        console.say(&format!("{prompts} prompts an image, then CLIP looks at the masks"));
    }
    execute(&job, &args.images.report, console)
}
