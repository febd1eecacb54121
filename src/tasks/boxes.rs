//! Boxes out of annotation files, as a step that others take them from.

mod labels;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use samkit_core::ParamError;
use samkit_io::{BoxFile, BoxFormat, BoxOptions, GivenBox, InputImage, Matched};
use samkit_plugin_host::Region;
use samkit_recipe::ProductInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::labels::{Wanted, counted_boxes};
use super::{
    Artifact, Content, Form, Found, Named, Subject, TaskError, Things, Yield, dataset, product,
};
use crate::console::counted;

pub(crate) const NAME: &str = "boxes";
pub(crate) const BOXES: &str = "boxes";
const OVERLAY: &str = "overlay";

/// Names of a list that a message shows.
const SHOWN: usize = 5;

/// Parameters of the task `boxes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BoxesParams {
    /// The file with the boxes, or a folder of files: COCO annotations or results, YOLO, Pascal VOC, CSV
    /// or labelme.
    #[schemars(extend("format" = "path"))]
    pub(crate) file: Option<String>,
    /// Its format: `coco`, `coco-results`, `yolo`, `voc`, `csv` or `labelme`; recognised where it is not
    /// given.
    pub(crate) format: Option<BoxFormat>,
    /// Names of the classes 0, 1, … where the file has only numbers.
    pub(crate) class_names: Vec<String>,
    /// A COCO data set that says what the image ids and categories of COCO results mean.
    #[schemars(extend("format" = "path"))]
    pub(crate) images: Option<String>,
    /// Lowest score of a box that is taken, 0 to 1; boxes without a score always are.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) score_threshold: f32,
    /// Only boxes with these labels, in any case and in the singular or plural; all where the list is
    /// empty.
    pub(crate) labels: Vec<String>,
}

/// The task: its parameters, and the file once it is read.
#[derive(Clone, Debug)]
pub(crate) struct BoxesTask {
    params: BoxesParams,
    loaded: Arc<OnceLock<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    matched: Matched,
    /// The images' places in the run.
    places: HashMap<PathBuf, usize>,
    wanted: Wanted,
}

pub(crate) fn products() -> Vec<ProductInfo> {
    let mut products =
        vec![product(OVERLAY, "overlay.png", false, "boxes with names on the image")];
    products.extend(dataset::products(false));
    products
}

impl BoxesTask {
    pub(crate) fn new(params: BoxesParams) -> Self {
        Self { params, loaded: Arc::default() }
    }

    pub(crate) fn params(&self) -> &BoxesParams {
        &self.params
    }

    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("score_threshold", self.params.score_threshold, 0.0..=1.0)?;
        match self.params.file {
            Some(_) => Ok(()),
            None => Err(ParamError::new("file", "not given", "a file or folder with boxes")),
        }
    }

    /// Reads the file and finds the images that its entries belong to. Returns what the user should
    /// know: entries without an image and images without an entry.
    ///
    /// # Errors
    /// When the file cannot be read, or none of its entries is of any of the images.
    pub(crate) fn start(&self, images: &[InputImage]) -> Result<Vec<String>, TaskError> {
        let path = Path::new(self.params.file.as_deref().unwrap_or_default());
        let options = BoxOptions {
            format: self.params.format,
            class_names: self.params.class_names.clone(),
            images: self.params.images.as_ref().map(PathBuf::from),
        };
        let file = BoxFile::read(path, &options)?;
        let format = file.format();
        if !self.params.class_names.is_empty() && names_its_classes(format) {
            return Err(TaskError::NamedBoxes { path: path.to_owned(), format });
        }
        let matched = file.matched(images);
        let mut notes = notes(path, &file, &matched, images);
        let fits_nothing = matched.without_entry().len() == images.len();
        if fits_nothing && !(matched.unmatched().is_empty() && matched.ambiguous().is_empty()) {
            let help = notes.join("\n");
            return Err(TaskError::NoBoxes { path: path.to_owned(), help });
        }
        let places = images.iter().enumerate();
        let places = places.map(|(place, image)| (image.path.clone(), place)).collect();
        let (wanted, unknown) = Wanted::of(&self.params.labels, &matched, images.len());
        notes.extend(unknown.into_iter().map(|note| format!("{}: {note}", path.display())));
        // A second start finds the same.
        let _ = self.loaded.set(Loaded { matched, places, wanted });
        Ok(notes)
    }

    pub(super) fn run(&self, subject: &Subject<'_>) -> Yield {
        let loaded = self.loaded.get().expect("the run started it");
        let image = subject.scene.image();
        let size = image.dimensions().into();
        let place = loaded.places[&subject.input.path];
        let found = loaded.matched.boxes(place, size);
        let mut notes = Vec::new();
        notes.extend(found.unusable.map(|unusable| unusable.to_string()));
        notes.extend(found.stated_size.map(|stated| {
            format!(
                "the file says that the image is {stated}, but it is {size}: are the boxes its?"
            )
        }));
        let count = found.boxes.len();
        let mut boxes = found.boxes;
        boxes.retain(|given| loaded.wanted.has(&given.label));
        let labelled = boxes.len();
        boxes.retain(|given| self.is_good(given));
        let regions: Vec<Region> = boxes.into_iter().map(region).collect();
        // Images without an entry were named when the run began.
        if regions.is_empty() && loaded.matched.has_entry(place) {
            notes.push(self.why_none(count, labelled, &loaded.wanted));
        }
        let instances: Things = Arc::new(regions.iter().cloned().map(dataset::of_region).collect());
        let mut artifacts = dataset::artifacts(&instances, |name| subject.wants(name));
        if subject.wants(OVERLAY) {
            let content = Content::Of(instances.clone(), Form::NamedOverlay);
            artifacts.push(Artifact { suffix: "overlay.png".into(), content });
        }
        let numbers = [(BOXES.to_owned(), regions.len() as f64)].into();
        let instances = subject.keeps_instances().then_some(instances);
        let found = vec![Named { name: BOXES.into(), what: Found::Boxes(size, regions) }];
        let notes = notes.into_iter().map(|note| format!("`{NAME}`: {note}")).collect();
        Yield { artifacts, numbers, found, instances, notes, ..Yield::default() }
    }

    /// Why none of an image's boxes is taken, of which so many have a wanted label.
    fn why_none(&self, count: usize, labelled: usize, wanted: &Wanted) -> String {
        if count == 0 {
            return "no boxes for this image".to_owned();
        }
        if labelled == 0 {
            let labels = self.params.labels.join("` or `");
            return format!("of {} none is labelled `{labels}`", counted_boxes(count));
        }
        let of = if wanted.is_all() { "" } else { " with these labels" };
        let threshold = self.params.score_threshold;
        format!("of {}{of} none has a score of {threshold} or more", counted_boxes(labelled))
    }

    fn is_good(&self, given: &GivenBox) -> bool {
        given.score.is_none_or(|score| score >= self.params.score_threshold)
    }
}

/// Whether every box of a format comes with the name of its class.
fn names_its_classes(format: BoxFormat) -> bool {
    matches!(format, BoxFormat::Voc | BoxFormat::Csv | BoxFormat::Labelme)
}

fn region(given: GivenBox) -> Region {
    let mut region = Region::from_bbox(given.bbox).labelled(given.label);
    region.score = given.score;
    match given.category_id {
        Some(id) => region.with_value(dataset::CATEGORY_ID, f64::from(id)),
        None => region,
    }
}

/// What a file and a run's images do not have in common.
fn notes(path: &Path, file: &BoxFile, matched: &Matched, images: &[InputImage]) -> Vec<String> {
    let path = path.display();
    let mut notes = Vec::new();
    let mut say = |names: Vec<String>, what: &str| {
        if !names.is_empty() {
            notes.push(format!("{path}: {what} ({}): {}", names.len(), listed(&names, SHOWN)));
        }
    };
    let without = matched.without_entry();
    let names = without.iter().map(|&place| images[place].name()).collect();
    say(names, "images without an entry");
    say(matched.unmatched().to_vec(), "entries of none of the images");
    let unclear = matched.ambiguous().iter().map(ToString::to_string).collect();
    say(unclear, "entries that fit several images");
    if file.crowd_count() > 0 {
        let count = counted(file.crowd_count(), "crowd");
        notes.push(format!("{path}: {count} (`iscrowd`) left out"));
    }
    if file.skipped_shape_count() > 0 {
        let count = counted(file.skipped_shape_count(), "shape");
        notes.push(format!("{path}: {count} neither rectangle nor polygon left out"));
    }
    notes
}

/// The first few names, and how many more there are.
fn listed(names: &[String], shown: usize) -> String {
    let first = names[..names.len().min(shown)].join(", ");
    match names.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
