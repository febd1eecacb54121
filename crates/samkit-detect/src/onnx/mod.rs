//! Detectors that others exported as ONNX.

mod decode;
mod family;
mod file;
mod graph;
mod input;
mod layout;
mod names;
mod signature;

use std::path::Path;

use image::RgbImage;

pub use family::Family;
pub use input::{Pixels, Resize};

use self::{graph::Graph, input::Preparation, layout::Layout};
use crate::{Candidate, DetectError};

/// What is to be taken for what; what is not given follows from the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnnxOptions {
    /// How the outputs are laid out.
    pub family: Option<Family>,
    /// Pixels a side of the input, for graphs that leave it open; 640 where nobody says.
    pub input_size: Option<u32>,
    /// How an image is fitted into the input.
    pub resize: Option<Resize>,
    /// How the input's values are scaled and ordered.
    pub pixels: Option<Pixels>,
    /// Names of the classes, in the order of the network's.
    pub class_names: Option<Vec<String>>,
}

/// A detector out of an ONNX file.
pub struct OnnxDetector {
    graph: Graph,
    layout: Layout,
    preparation: Preparation,
    names: Vec<String>,
}

impl OnnxDetector {
    /// Reads and optimises a graph, and recognises its family.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, uses operators that the runtime does not have, or its
    /// inputs and outputs are not those of a detector.
    pub fn load(path: &Path, options: &OnnxOptions) -> Result<Self, DetectError> {
        let graph = Graph::load(path, options.input_size)?;
        let own = names::of_file(&graph.metadata);
        let given = options.class_names.clone();
        let layout = Layout::recognise(
            &graph.outputs,
            (graph.height, graph.width),
            options.family,
            (own.as_ref().map(Vec::len), given.as_ref().map(Vec::len)),
        );
        let layout = layout.map_err(|reason| DetectError::Layout {
            path: path.to_owned(),
            outputs: graph.outputs.iter().map(|dims| signature::shown(dims)).collect(),
            reason,
        })?;
        let family = layout.family;
        let preparation = Preparation {
            width: graph.width,
            height: graph.height,
            resize: options.resize.unwrap_or_else(|| family.resize()),
            pixels: options.pixels.unwrap_or_else(|| family.pixels(layout.has_background)),
        };
        let names = given.or(own).unwrap_or_else(|| names::of_coco(layout.classes));
        Ok(Self { graph, layout, preparation, names })
    }

    /// How its outputs are laid out.
    pub fn family(&self) -> Family {
        self.layout.family
    }

    /// Names of its classes; the list may be too short, or empty.
    pub fn class_names(&self) -> &[String] {
        &self.names
    }

    /// Every box with a score of at least `floor`, in pixels of the image.
    ///
    /// # Errors
    /// When the graph fails on the image.
    pub fn candidates(&self, image: &RgbImage, floor: f32) -> Result<Vec<Candidate>, DetectError> {
        let (input, placement) = self.preparation.apply(image);
        let outputs = self.graph.run(&input, image.dimensions())?;
        let size = (self.preparation.width, self.preparation.height);
        let found = decode::decode(self.layout, &outputs, size, floor);
        let mut found =
            found.ok_or_else(|| self.graph.error("its outputs are not as they were announced"))?;
        // The others speak of the input's pixels.
        if self.layout.family != Family::Postprocessed {
            for candidate in &mut found {
                candidate.bbox = placement.image_from_input(candidate.bbox);
            }
        }
        Ok(found)
    }
}
