//! COCO's scores of boxes and masks (<https://cocodataset.org/#detection-eval>), by the crate
//! `hotcoco`, whose numbers are pycocotools'.

mod read;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use hotcoco::{Annotation, COCO, COCOeval, params::IouType};

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
    /// Results of classes that the annotations do not have: they count neither as right nor as wrong.
    pub of_other_classes: usize,
    /// Results without a mask where masks are compared: their boxes stand for rectangles, as in
    /// pycocotools.
    pub without_mask: usize,
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
    /// No such file.
    #[error("there is no file {}", path.display())]
    #[diagnostic(help("{expected}"))]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
    },
    /// A data set where results are expected.
    #[error("{} is an object, as whole COCO data sets are, and results are a list", path.display())]
    #[diagnostic(help(
        "`--save results` writes what was found as results (results.json); a data set \
         (`--save coco`) can be the annotations that results are compared with"
    ))]
    NoResults {
        /// The file.
        path: PathBuf,
    },
    /// Results where a data set is expected.
    #[error("{} is a list, as COCO results are, and annotations are a whole COCO data set", path.display())]
    #[diagnostic(help(
        "expected an object with the lists `images`, `annotations` and `categories`; perhaps \
         annotations and results changed places"
    ))]
    NoDataset {
        /// The file.
        path: PathBuf,
    },
    /// Annotations that have no masks to compare with.
    #[error("no annotation in {} has a mask (`segmentation`)", path.display())]
    #[diagnostic(help("compare boxes instead (`--iou bbox`)"))]
    NoMasks {
        /// The file.
        path: PathBuf,
    },
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
    #[error("{count} of the results in {} are of images that the annotations do not have, such as {example}", path.display())]
    #[diagnostic(help("`image_id` has to be an `id` of the annotations' `images`"))]
    UnknownImages {
        /// The file of results.
        path: PathBuf,
        /// How many results.
        count: usize,
        /// One of the images' numbers.
        example: u64,
    },
    /// Results of classes that are not annotated, and no others.
    #[error("no result in {} is of a class that the annotations have", path.display())]
    #[diagnostic(help("found is `category_id` {found}; the annotations have {known}"))]
    UnknownClasses {
        /// The file of results.
        path: PathBuf,
        /// The results' classes.
        found: String,
        /// The annotations' classes.
        known: String,
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

/// Scores `results` (COCO results) against `annotations` (a COCO data set).
///
/// # Errors
/// When a file cannot be read or has another form, or the results are of other images.
pub fn score(
    annotations: &Path,
    results: &Path,
    overlap: Overlap,
) -> Result<InstanceScores, InstancesError> {
    let truth = read::annotations(annotations)?;
    let things = &truth.dataset.annotations;
    if overlap == Overlap::Masks
        && !things.is_empty()
        && things.iter().all(|thing| thing.segmentation.is_none())
    {
        return Err(InstancesError::NoMasks { path: annotations.to_owned() });
    }
    let mut found = read::results(results)?;
    check_images(&truth, &found, results)?;
    let (images, count, results_count) = (truth.dataset.images.len(), things.len(), found.len());
    let of_other_classes = drop_other_classes(&truth, &mut found, results)?;
    let without_mask = match overlap {
        Overlap::Boxes => 0,
        Overlap::Masks => found.iter().filter(|result| result.segmentation.is_none()).count(),
    };
    let compare = |error: hotcoco::Error| InstancesError::Compare {
        path: results.to_owned(),
        reason: error.to_string(),
    };
    let found = truth.load_res_anns(found).map_err(compare)?;
    let kind = match overlap {
        Overlap::Boxes => IouType::Bbox,
        Overlap::Masks => IouType::Segm,
    };
    let names: Vec<(u64, String)> =
        truth.dataset.categories.iter().map(|class| (class.id, class.name.clone())).collect();
    let mut eval = COCOeval::new(truth, found, kind);
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
        of_other_classes,
        without_mask,
    })
}

/// Refuses results of images that are not annotated: they belong to another data set.
fn check_images(truth: &COCO, found: &[Annotation], path: &Path) -> Result<(), InstancesError> {
    let known: BTreeSet<u64> = truth.dataset.images.iter().map(|image| image.id).collect();
    let mut strangers = found.iter().map(|result| result.image_id).filter(|id| !known.contains(id));
    match strangers.next() {
        None => Ok(()),
        Some(example) => {
            let (path, count) = (path.to_owned(), 1 + strangers.count());
            Err(InstancesError::UnknownImages { path, count, example })
        }
    }
}

/// Removes results of classes that the annotations do not have, and returns how many there were.
fn drop_other_classes(
    truth: &COCO,
    found: &mut Vec<Annotation>,
    path: &Path,
) -> Result<usize, InstancesError> {
    let known: BTreeSet<u64> = truth.dataset.categories.iter().map(|class| class.id).collect();
    // Without categories nothing is known of them.
    if known.is_empty() {
        return Ok(0);
    }
    let others = |found: &[Annotation]| -> BTreeSet<u64> {
        let ids = found.iter().map(|result| result.category_id);
        ids.filter(|id| !known.contains(id)).collect()
    };
    let (before, others) = (found.len(), others(found));
    found.retain(|result| !others.contains(&result.category_id));
    if found.is_empty() && before > 0 {
        let (path, found, known) = (path.to_owned(), listed(&others), listed(&known));
        return Err(InstancesError::UnknownClasses { path, found, known });
    }
    Ok(before - found.len())
}

/// The first few numbers, and how many more there are.
fn listed(ids: &BTreeSet<u64>) -> String {
    const SHOWN: usize = 10;
    let first: Vec<_> = ids.iter().take(SHOWN).map(u64::to_string).collect();
    let first = first.join(", ");
    match ids.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
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
