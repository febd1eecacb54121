//! The detector as a task behind the plugin border.

use std::path::Path;

use miette::Diagnostic;
use samkit_core::{coco_id, coco_name};
use samkit_detect::{Candidate, DetectError, OnnxDetector, SsdLite, select};
use samkit_plugin::{
    Descriptor, Host, Inputs, Kind, LogLevel, Output, Outputs, Region, Slot, Task, TaskError,
    declare_plugin, image::RgbImage,
};

use crate::{
    DetectParams,
    params::BUILT_IN,
    vocabulary::{Unknown, classes},
};

/// The task `detect`.
pub struct Detect {
    params: DetectParams,
    detector: Detector,
    /// Classes that `labels` stand for; all where it is empty.
    wanted: Vec<String>,
}

enum Detector {
    BuiltIn(Box<SsdLite>),
    Onnx(Box<OnnxDetector>),
}

impl Task for Detect {
    type Params = DetectParams;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "detect",
        name: "Boxes of things",
        version: env!("CARGO_PKG_VERSION"),
        license: env!("CARGO_PKG_LICENSE"),
        description: "boxes around things, with class and score: the built-in detector or an ONNX file",
        inputs: &[Slot::new("image", Kind::Image, "the image")],
        outputs: &[Slot::new("boxes", Kind::Boxes, "boxes with class and score").saved_by_default()],
        extensions: &[],
    };

    fn create(params: DetectParams, host: &Host<'_>) -> Result<Self, TaskError> {
        params.validate()?;
        if cfg!(feature = "export") {
            // A shared library has threads of its own; fails where an earlier instance set them up.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(host.threads()).build_global();
        }
        let detector = match params.is_built_in() {
            true => {
                SsdLite::load(&host.weights_path(BUILT_IN)?).map(Box::new).map(Detector::BuiltIn)
            }
            false => {
                let names = params.class_names_file.as_deref().map(names_file).transpose()?;
                let options = params.options(names);
                OnnxDetector::load(Path::new(&params.model), &options)
                    .map(Box::new)
                    .map(Detector::Onnx)
            }
        };
        let detector = detector.map_err(|error| failed(&error))?;
        let wanted = wanted(&params, &detector)?;
        Ok(Self { params, detector, wanted })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        host.step(0, 1)?;
        let image = inputs.image()?;
        let (width, height) = image.dimensions();
        let image = RgbImage::from_raw(width, height, image.as_raw().to_vec())
            .expect("as many bytes as the image has");
        let (candidates, has_duplicates) = match &self.detector {
            Detector::BuiltIn(network) => (network.candidates(&image), true),
            Detector::Onnx(network) => {
                let found = network.candidates(&image, self.params.score_threshold);
                (found.map_err(|error| failed(&error))?, network.family().has_duplicates())
            }
        };
        let mut wanted = candidates;
        wanted.retain(|candidate| self.is_wanted(candidate.class));
        let found =
            select(&wanted, image.dimensions().into(), &self.params.selection(has_duplicates));
        if found.is_empty() {
            let threshold = self.params.score_threshold;
            let of = if self.wanted.is_empty() { "" } else { " of the wanted classes" };
            host.log(LogLevel::Warn, &format!("no box{of} has a score of {threshold} or more"));
        }
        host.record("boxes", found.len() as f64);
        let regions = found.iter().map(|candidate| self.region(candidate)).collect();
        outputs.put("boxes", Output::Boxes(image.dimensions().into(), regions))?;
        host.step(1, 1)
    }
}

impl Detect {
    /// The class's name; a made-up one where the detector has none.
    fn label(&self, class: usize) -> String {
        let known = match &self.detector {
            Detector::BuiltIn(_) => coco_name(class as u32 + 1),
            Detector::Onnx(network) => {
                network.class_names().get(class).map(String::as_str).filter(|name| !name.is_empty())
            }
        };
        known.map_or_else(|| format!("class {class}"), str::to_owned)
    }

    fn is_wanted(&self, class: usize) -> bool {
        let is_known = match &self.detector {
            // Ids that COCO never used.
            Detector::BuiltIn(_) => coco_name(class as u32 + 1).is_some(),
            Detector::Onnx(_) => true,
        };
        is_known && (self.wanted.is_empty() || self.wanted.contains(&self.label(class)))
    }

    fn region(&self, found: &Candidate) -> Region {
        let label = self.label(found.class);
        let id = coco_id(&label).unwrap_or(found.class as u32 + 1);
        Region::from_bbox(found.bbox)
            .labelled(label)
            .scored(found.score)
            .with_value("category_id", f64::from(id))
    }
}

/// The classes that `labels` stand for, as far as the detector's are known by name. Names that stand
/// for none are mistakes.
fn wanted(params: &DetectParams, detector: &Detector) -> Result<Vec<String>, TaskError> {
    let known: Vec<String> = match detector {
        Detector::BuiltIn(_) => (1..=90).filter_map(coco_name).map(str::to_owned).collect(),
        Detector::Onnx(network) => network.class_names().to_vec(),
    };
    if known.is_empty() {
        return Ok(params.labels.clone());
    }
    classes(&params.labels, &params.synonyms, &known).map_err(|Unknown { name, nearest }| {
        let nearest = match nearest.as_slice() {
            [] => String::new(),
            near => format!("did you mean `{}`? ", near.join("` or `")),
        };
        let known: Vec<_> = known.iter().filter(|name| !name.is_empty()).cloned().collect();
        let wrong = format!("`labels` has `{name}`, which is no class of {}", params.model);
        TaskError::Param(wrong).helped(format!(
            "{nearest}choose of its {} classes: {}\nin a recipe, `synonyms` gives classes other names",
            known.len(),
            known.join(", ")
        ))
    })
}

/// Names of classes, one a line.
fn names_file(path: &str) -> Result<Vec<String>, TaskError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        TaskError::Param(format!("`class_names_file`: cannot read {path}: {error}"))
    })?;
    Ok(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// The error with its cause and what to do about it: only text crosses the border.
fn failed(error: &DetectError) -> TaskError {
    let cause =
        std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let failed = TaskError::failed(format!("{error}{cause}"));
    match error.help() {
        Some(help) => failed.helped(help),
        None => failed,
    }
}

declare_plugin!(Detect);
