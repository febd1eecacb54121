//! An ONNX file as a graph that runs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use tract_onnx::prelude::{
    InferenceModelExt, IntoTensor, SimplePlan, TValue, TractError, TractResult, TypedFact,
    TypedModel, TypedOp, tvec,
};

use super::{
    decode::Output,
    file,
    signature::{ImageInput, Second, length},
};
use crate::DetectError;

/// A graph that takes one image, and perhaps something that is known beforehand.
pub(super) struct Graph {
    path: PathBuf,
    plan: SimplePlan<TypedFact, Box<dyn TypedOp>, TypedModel>,
    image: ImageInput,
    second: Option<Second>,
    /// Of the input.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Shapes of the outputs; `None` for what differs from image to image.
    pub(super) outputs: Vec<Vec<Option<usize>>>,
    /// The texts that the file carries beside the graph.
    pub(super) metadata: Vec<(String, String)>,
}

impl Graph {
    /// Reads, checks and optimises; `side` is for inputs that the file leaves open.
    pub(super) fn load(path: &Path, side: Option<u32>) -> Result<Self, DetectError> {
        guarded(path, || Self::load_unguarded(path, side))
    }

    fn load_unguarded(path: &Path, side: Option<u32>) -> Result<Self, DetectError> {
        let onnx = tract_onnx::onnx();
        let proto = file::read(path, &onnx)?;
        let failed = |error: TractError| graph_error(path, &error.root_cause());
        let folder = path.parent().and_then(Path::to_str);
        let parsed = onnx.parse(&proto, folder).map_err(failed)?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            return Err(graph_error(path, &format!("nothing in it makes `{name}`")));
        }
        let model = parsed.model;
        let image = ImageInput::of(path, &model, side)?;
        let second = Second::of(path, &model, image)?;
        let model = model.with_input_fact(0, image.fact()).and_then(|model| match &second {
            Some(second) => model.with_input_fact(1, second.fact()),
            None => Ok(model),
        });
        let optimised = model
            // Some graphs run as they are but cannot be rearranged, such as those with NMS whose number
            // of boxes is open.
            .and_then(|model| model.clone().into_optimized().or_else(|_| model.into_typed()))
            .and_then(|model| Ok((output_shapes(&model)?, SimplePlan::new(model)?)));
        let (outputs, plan) = optimised.map_err(failed)?;
        let texts = proto.metadata_props.into_iter().map(|entry| (entry.key, entry.value));
        let (path, metadata) = (path.to_owned(), texts.collect());
        let ImageInput { height, width, .. } = image;
        Ok(Self { path, plan, image, second, height, width, outputs, metadata })
    }

    /// The outputs for an input (3, height, width) made of an image of this size.
    pub(super) fn run(&self, input: &[f32], image: (u32, u32)) -> Result<Vec<Output>, DetectError> {
        let run = || -> TractResult<Vec<Output>> {
            let mut inputs = tvec!(self.image.value(input)?.into());
            inputs.extend(self.second.as_ref().map(|second| second.value(image).into()));
            self.plan.run(inputs)?.iter().map(output).collect()
        };
        guarded(&self.path, || run().map_err(|error| graph_error(&self.path, &error.root_cause())))
    }

    /// The graph does not do what was expected of it.
    pub(super) fn error(&self, reason: &str) -> DetectError {
        graph_error(&self.path, &reason)
    }
}

/// Graphs of damaged files make the runtime panic here and there, and no file may end the program.
fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, DetectError>,
) -> Result<T, DetectError> {
    // What a panic leaves half done is dropped with it: a run has its own state.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(graph_error(path, &"the runtime gave up on its graph")))
}

fn output_shapes(model: &TypedModel) -> TractResult<Vec<Vec<Option<usize>>>> {
    let shape = |index| Ok(model.output_fact(index)?.shape.iter().map(length).collect());
    (0..model.outputs.len()).map(shape).collect()
}

fn output(value: &TValue) -> TractResult<Output> {
    let tensor = value.cast_to::<f32>()?.into_owned().into_tensor();
    Ok(Output { dims: value.shape().to_vec(), values: tensor.as_slice::<f32>()?.to_vec() })
}

/// Only the first line: the runtime's messages go on with its own internals.
pub(super) fn graph_error(path: &Path, error: &dyn std::fmt::Display) -> DetectError {
    let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
    DetectError::Graph { path: path.to_owned(), reason }
}
