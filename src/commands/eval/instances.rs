//! `samkit eval instances`: COCO's scores of boxes and masks.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use samkit_eval::instances::{ClassScores, InstanceScores, Overlap, score};
use serde_json::{Value, json};

use crate::{
    cli::GlobalArgs,
    commands::Outcome,
    console::{Console, counted},
    error::CliError,
    print::print_text,
    report::{self, table::aligned},
};

/// Score boxes or masks as COCO does
///
/// Average precision (AP) and recall (AR) of results against annotations, with the numbers of
/// pycocotools: ten IoU thresholds from 0.5 to 0.95, things of all sizes and of three, at most 1, 10 and
/// 100 results an image, crowds neither right nor wrong.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EvalInstancesArgs {
    /// The truth: a COCO data set
    #[arg(long, value_name = "FILE")]
    gt: PathBuf,
    /// What was found: COCO results, as `--save results` writes them
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
    /// What overlaps are measured of
    #[arg(long, value_name = "KIND", default_value = "segm")]
    iou: Kind,
    /// Also list every class
    #[arg(long)]
    per_class: bool,
    /// Print everything as JSON on stdout, instead of tables
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit instances val2017 --output out --save results
  samkit eval instances --gt instances_val2017.json --results out/results.json
  samkit eval instances --gt truth.json --results boxes.json --iou bbox --per-class

Exit codes: 0 scored, 2 a file cannot be read or does not fit the other.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Boxes
    Bbox,
    /// Masks
    Segm,
}

pub(super) fn run(
    args: &EvalInstancesArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    if let Some(threads) = global.threads {
        crate::job::start_threads(threads.get())?;
    }
    let overlap = match args.iou {
        Kind::Bbox => Overlap::Boxes,
        Kind::Segm => Overlap::Masks,
    };
    let scores = score(&args.gt, &args.results, overlap)?;
    let remarks = remarks(&scores, args);
    remarks.iter().for_each(|remark| console.say(remark));
    if args.json {
        report::print_json(&json(&scores, &remarks));
    } else if !console.quiet {
        print_text(&table(&scores, args.per_class));
    }
    Ok(Outcome::Done)
}

/// What the user should know of results that do not count as they may be meant to.
fn remarks(scores: &InstanceScores, args: &EvalInstancesArgs) -> Vec<String> {
    let (path, all) = (args.results.display(), scores.results);
    let mut remarks = Vec::new();
    if scores.of_other_classes > 0 {
        remarks.push(format!(
            "{path}: results of classes that the annotations do not have: {} of {all}; they do not count",
            scores.of_other_classes
        ));
    }
    if scores.without_mask > 0 {
        remarks.push(format!(
            "{path}: results without a mask (`segmentation`): {} of {all}; their boxes are taken for \
             masks; `--iou bbox` compares boxes",
            scores.without_mask
        ));
    }
    remarks
}

fn json(scores: &InstanceScores, remarks: &[String]) -> Value {
    let number = |value: f64| if value < 0.0 { Value::Null } else { json!(value) };
    let summary = scores.summary.iter().map(|(name, value)| (name.clone(), number(*value)));
    let class = |class: &ClassScores| {
        json!({
            "name": class.name,
            "AP": number(class.ap),
            "AP50": number(class.ap50),
            "AP75": number(class.ap75),
            "AR100": number(class.ar),
        })
    };
    json!({
        "images": scores.images,
        "annotations": scores.annotations,
        "results": scores.results,
        "summary": summary.collect::<serde_json::Map<_, _>>(),
        "classes": scores.classes.iter().map(class).collect::<Vec<_>>(),
        "warnings": remarks,
    })
}

/// What the twelve numbers are.
const MEANINGS: [(&str, &str); 12] = [
    ("AP", "IoU 0.50 to 0.95"),
    ("AP50", "IoU 0.50"),
    ("AP75", "IoU 0.75"),
    ("APs", "small, below 32² pixels"),
    ("APm", "medium, 32² to 96²"),
    ("APl", "large, above 96²"),
    ("AR1", "recall, 1 result an image"),
    ("AR10", "recall, 10 results"),
    ("AR100", "recall, 100 results"),
    ("ARs", "recall, small"),
    ("ARm", "recall, medium"),
    ("ARl", "recall, large"),
];

fn table(scores: &InstanceScores, per_class: bool) -> String {
    let number = |value: f64| if value < 0.0 { "–".into() } else { format!("{value:.4}") };
    let mut rows = vec![["score".to_owned(), "value".into(), "of".into()]];
    for (name, value) in &scores.summary {
        let meaning = MEANINGS.iter().find(|(known, _)| known == name);
        let meaning = meaning.map_or(String::new(), |(_, meaning)| (*meaning).to_owned());
        rows.push([name.clone(), number(*value), meaning]);
    }
    let mut text = aligned(&rows);
    if per_class {
        let head = ["class", "AP", "AP50", "AP75", "AR100"].map(str::to_owned);
        let row = |class: &ClassScores| {
            let [ap, ap50, ap75, ar] = [class.ap, class.ap50, class.ap75, class.ar].map(number);
            [class.name.clone(), ap, ap50, ap75, ar]
        };
        let rows: Vec<_> = std::iter::once(head).chain(scores.classes.iter().map(row)).collect();
        text += "\n";
        text += &aligned(&rows);
    }
    let InstanceScores { images, annotations, results, .. } = scores;
    let [results, annotations, images] =
        [(results, "result"), (annotations, "annotation"), (images, "image")]
            .map(|(count, what)| counted(*count, what));
    text + &format!("\n{results} against {annotations} of {images}\n")
}
