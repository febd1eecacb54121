//! Which detector, and which of its boxes.

use std::collections::BTreeMap;

use samkit_core::ParamError;
use samkit_detect::{Family, OnnxOptions, Pixels, Resize, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Id of the detector that comes with samkit.
pub const BUILT_IN: &str = "ssdlite-mobilenet-v2";

/// Parameters of the task `detect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectParams {
    /// The detector: `ssdlite-mobilenet-v2`, or the path of an ONNX file.
    #[schemars(extend("x-path" = ".onnx"))]
    pub model: String,
    /// Lowest score of a box, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score_threshold: f32,
    /// Of two boxes of a class that overlap by a greater IoU than this, only the better one is taken,
    /// 0 to 1; 1 takes both. Detectors without duplicates (DETR, exports with NMS inside) skip this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub iou_threshold: f32,
    /// Most boxes an image, the best first, 1 to 10000.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_detections: u32,
    /// Only boxes of these classes, in any case and in the singular or plural; all where the list is
    /// empty.
    pub labels: Vec<String>,
    /// What `labels` may also call a class: name → class.
    pub synonyms: BTreeMap<String, String>,
    /// Names of an ONNX file's classes, in its order; from the file itself, or COCO's, where they are
    /// not given.
    pub class_names: Option<Vec<String>>,
    /// A text file with the names of an ONNX file's classes, one a line.
    #[schemars(extend("format" = "path"))]
    pub class_names_file: Option<String>,
    /// How an ONNX file's outputs are laid out: `yolox`, `yolov5`, `yolo`, `end-to-end`, `detr`,
    /// `rt-detr` or `postprocessed`; recognised where it is not given.
    pub layout: Option<Family>,
    /// How an image is fitted into an ONNX file's input: `letterbox`, `letterbox-corner` or `stretch`;
    /// as usual in the family where it is not given.
    pub resize: Option<Resize>,
    /// How an ONNX file's input is scaled and ordered: `rgb-unit`, `rgb-byte`, `bgr-byte` or
    /// `imagenet`; as usual in the family where it is not given.
    pub pixels: Option<Pixels>,
    /// Pixels a side of an ONNX file's input where the file leaves it open, 32 to 4096; 640 where it
    /// is not given.
    #[schemars(range(min = 32, max = 4096))]
    pub input_size: Option<u32>,
}

impl Default for DetectParams {
    fn default() -> Self {
        Self {
            model: BUILT_IN.to_owned(),
            score_threshold: 0.4,
            iou_threshold: 0.5,
            max_detections: 100,
            labels: Vec::new(),
            synonyms: BTreeMap::new(),
            class_names: None,
            class_names_file: None,
            layout: None,
            resize: None,
            pixels: None,
            input_size: None,
        }
    }
}

impl DetectParams {
    /// Whether the detector is the one that comes with samkit.
    pub fn is_built_in(&self) -> bool {
        self.model == BUILT_IN
    }

    /// Which candidates are taken.
    pub(crate) fn selection(&self, has_duplicates: bool) -> Selection {
        Selection {
            score_threshold: self.score_threshold,
            iou_threshold: has_duplicates.then_some(self.iou_threshold),
            max_detections: self.max_detections as usize,
        }
    }

    /// Checks every parameter.
    ///
    /// # Errors
    /// The first that is out of range or has an unknown value.
    pub fn validate(&self) -> Result<(), ParamError> {
        ParamError::check_range("score_threshold", self.score_threshold, 0.0..=1.0)?;
        ParamError::check_range("iou_threshold", self.iou_threshold, 0.0..=1.0)?;
        ParamError::check_range("max_detections", self.max_detections, 1..=10_000)?;
        if let Some(side) = self.input_size {
            ParamError::check_range("input_size", side, 32..=4096)?;
        }
        if !self.is_built_in() && !self.model.ends_with(".onnx") {
            let expected = format!("`{BUILT_IN}` or a path that ends with .onnx");
            return Err(ParamError::new("model", format!("`{}`", self.model), expected));
        }
        Ok(())
    }

    /// What is to be taken for what in an ONNX file; `file_names` are those of `class_names_file`.
    pub(crate) fn options(&self, file_names: Option<Vec<String>>) -> OnnxOptions {
        OnnxOptions {
            family: self.layout,
            input_size: self.input_size,
            resize: self.resize,
            pixels: self.pixels,
            class_names: self.class_names.clone().or(file_names),
        }
    }
}
