//! COCO's scores of boxes and masks (<https://cocodataset.org/#detection-eval>), by the crate
//! `hotcoco`, whose numbers are pycocotools'.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use hotcoco::{COCO, COCOeval, params::IouType};

/// What overlaps are measured of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Boxes.
    Boxes,
    /// Masks.
    Masks,
}

/// Scores of results against annotations.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceScores {
    /// COCO's twelve numbers by their names (`AP`, `AP50`, …, `ARl`), in pycocotools' order. −1 where
    /// nothing was annotated that counts.
    pub summary: Vec<(String, f64)>,
    /// Every annotated class, in the order of its number.
    pub classes: Vec<ClassScores>,
    /// Images that have annotations.
    pub images: usize,
    /// Annotated things.
    pub annotations: usize,
    /// Results.
    pub results: usize,
}

/// Scores of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassScores {
    /// Its name.
    pub name: String,
    /// Mean over the ten IoU thresholds from 0.5 to 0.95.
    pub ap: f64,
    /// At IoU 0.5.
    pub ap50: f64,
    /// At IoU 0.75.
    pub ap75: f64,
    /// Average recall with 100 results an image.
    pub ar: f64,
}

/// Why results cannot be scored.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum InstancesError {
    /// A file cannot be read, or is not what it should be.
    #[error("cannot read {}: {reason}", path.display())]
    #[diagnostic(help("{expected}"))]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where it is known.
        reason: String,
        /// What the file should hold.
        expected: &'static str,
    },
    /// Results of images that are not annotated.
    #[error("{count} results in {} are of images that the annotations do not have, such as {example}", path.display())]
    #[diagnostic(help("`image_id` has to be an `id` of the annotations' `images`"))]
    UnknownImages {
        /// The file of results.
        path: PathBuf,
        /// How many results.
        count: usize,
        /// One of the images' numbers.
        example: u64,
    },
    /// Overlaps cannot be measured.
    #[error("cannot compare {} with the annotations: {reason}", path.display())]
    #[diagnostic(help(
        "results need `bbox` (x, y, width, height) for boxes and `segmentation` for masks"
    ))]
    Compare {
        /// The file of results.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

const DATASET: &str =
    "expected COCO annotations: an object with the lists `images`, `annotations` and `categories`";
const RESULTS: &str = "expected COCO results: a list of objects with `image_id`, `category_id`, \
    `score`, and `bbox` or `segmentation`";

/// Scores `results` (COCO results) against `annotations` (a COCO data set).
///
/// # Errors
/// When a file cannot be read or has another form, or the results are of other images.
pub fn score(
    annotations: &Path,
    results: &Path,
    overlap: Overlap,
) -> Result<InstanceScores, InstancesError> {
    let read = |path: &Path, expected| {
        let path = path.to_owned();
        move |error: hotcoco::Error| InstancesError::Read {
            path,
            reason: error.to_string(),
            expected,
        }
    };
    let truth = COCO::new(annotations).map_err(read(annotations, DATASET))?;
    let known: BTreeSet<u64> = truth.dataset.images.iter().map(|image| image.id).collect();
    let found = truth.load_res(results).map_err(read(results, RESULTS))?;
    let strangers: Vec<u64> = found
        .dataset
        .annotations
        .iter()
        .map(|result| result.image_id)
        .filter(|id| !known.contains(id))
        .collect();
    if let Some(&example) = strangers.first() {
        let (path, count) = (results.to_owned(), strangers.len());
        return Err(InstancesError::UnknownImages { path, count, example });
    }
    let (images, count) = (known.len(), truth.dataset.annotations.len());
    let results_count = found.dataset.annotations.len();
    let kind = match overlap {
        Overlap::Boxes => IouType::Bbox,
        Overlap::Masks => IouType::Segm,
    };
    let names: Vec<(u64, String)> =
        truth.dataset.categories.iter().map(|class| (class.id, class.name.clone())).collect();
    let mut eval = COCOeval::new(truth, found, kind);
    let compare = |error: hotcoco::Error| InstancesError::Compare {
        path: results.to_owned(),
        reason: error.to_string(),
    };
    eval.evaluate().map_err(compare)?;
    eval.accumulate();
    // `run` would print; these lines are for nobody, but making them computes the numbers.
    drop(eval.summarize_lines());
    let stats = eval.stats().unwrap_or_default();
    let keys = eval.metric_keys().into_iter().map(str::to_owned);
    let summary = keys.zip(stats.iter().copied()).collect();
    Ok(InstanceScores {
        summary,
        classes: classes(&eval, &names),
        images,
        annotations: count,
        results: results_count,
    })
}

/// Places of IoU 0.5 and 0.75 among the thresholds.
const AT_50: usize = 0;
const AT_75: usize = 5;

fn classes(eval: &COCOeval, names: &[(u64, String)]) -> Vec<ClassScores> {
    let Some(found) = eval.accumulated() else { return Vec::new() };
    let shape = found.shape;
    // All sizes, and the most results an image.
    let most = shape.m - 1;
    let precision = |class: usize, thresholds: std::ops::Range<usize>| {
        let at = |threshold| {
            (0..shape.r).map(move |recall| found.precision_idx(threshold, recall, class, 0, most))
        };
        mean(thresholds.flat_map(at).map(|index| found.precision[index]))
    };
    let class = |(class, id): (usize, &u64)| {
        let recalls = (0..shape.t).map(|t| found.recall[found.recall_idx(t, class, 0, most)]);
        let name = names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
        ClassScores {
            name: name.unwrap_or_else(|| id.to_string()),
            ap: precision(class, 0..shape.t),
            ap50: precision(class, AT_50..AT_50 + 1),
            ap75: precision(class, AT_75..AT_75 + 1),
            ar: mean(recalls),
        }
    };
    let all = found.cat_ids.iter().enumerate().map(class);
    all.filter(|scores| scores.ap >= 0.0).collect()
}

/// Of what was annotated: −1 stands for nothing, and is the mean of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let known: Vec<f64> = values.filter(|value| *value >= 0.0).collect();
    if known.is_empty() { -1.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
}
