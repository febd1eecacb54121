//! An ONNX file as a graph that runs.

use std::path::{Path, PathBuf};

use tract_onnx::{
    Onnx,
    pb::ModelProto,
    prelude::{
        DatumExt, DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt,
        IntoTensor, SimplePlan, TDim, Tensor, TractResult, TypedFact, TypedModel, TypedOp, tvec,
    },
    tract_hir::internal::Factoid,
};

use super::decode::Output;
use crate::DetectError;

/// Side of an input that neither the file nor the user says.
const USUAL_SIDE: usize = 640;

/// A graph that takes one image, and perhaps something that is known beforehand.
pub(super) struct Graph {
    path: PathBuf,
    plan: SimplePlan<TypedFact, Box<dyn TypedOp>, TypedModel>,
    second: Option<Second>,
    /// Of the input.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Shapes of the outputs; `None` for what differs from image to image.
    pub(super) outputs: Vec<Vec<Option<usize>>>,
    /// The texts that the file carries beside the graph.
    pub(super) metadata: Vec<(String, String)>,
}

/// The second input of some exports.
#[derive(Clone, Debug)]
enum Second {
    /// Width and height of the image (RT-DETR's and D-FINE's own exports).
    ImageSize,
    /// Which pixels are image: all are (DETR).
    Mask(Tensor),
}

impl Graph {
    /// Reads, checks and optimises; `side` is for inputs that the file leaves open.
    pub(super) fn load(path: &Path, side: Option<u32>) -> Result<Self, DetectError> {
        let onnx = tract_onnx::onnx();
        let proto = read(path, &onnx)?;
        let failed =
            |error: tract_onnx::prelude::TractError| graph_error(path, &error.root_cause());
        let folder = path.parent().and_then(Path::to_str);
        let mut model = onnx.parse(&proto, folder).map_err(failed)?.model;
        let (height, width) = image_input(path, &model, side)?;
        let second = second_input(path, &model)?;
        let image = f32::fact([1, 3, height, width]);
        let outputs = |model: &TypedModel| -> TractResult<Vec<Vec<Option<usize>>>> {
            let shape = |index| {
                let fact = model.output_fact(index)?;
                Ok(fact.shape.iter().map(length).collect())
            };
            (0..model.outputs.len()).map(shape).collect()
        };
        let optimised = model
            .set_input_fact(0, image.into())
            .and_then(|()| {
                second.iter().try_for_each(|second| model.set_input_fact(1, second.fact()))
            })
            .and_then(|()| model.into_optimized())
            .and_then(|model| Ok((outputs(&model)?, SimplePlan::new(model)?)));
        let (outputs, plan) = optimised.map_err(failed)?;
        let texts = proto.metadata_props.into_iter().map(|entry| (entry.key, entry.value));
        let (path, metadata) = (path.to_owned(), texts.collect());
        Ok(Self { path, plan, second, height, width, outputs, metadata })
    }

    /// The outputs for an input (3, height, width) made of an image of this size.
    pub(super) fn run(&self, input: &[f32], image: (u32, u32)) -> Result<Vec<Output>, DetectError> {
        let shape = [1, 3, self.height, self.width];
        let mut inputs = tvec!(Tensor::from_shape(&shape, input).expect("the input's size").into());
        inputs.extend(self.second.as_ref().map(|second| second.value(image).into()));
        let failed =
            |error: tract_onnx::prelude::TractError| graph_error(&self.path, &error.root_cause());
        let outputs = self.plan.run(inputs).map_err(failed)?;
        let read = |output: &tract_onnx::prelude::TValue| {
            let tensor = output.cast_to::<f32>()?.into_owned().into_tensor();
            Ok(Output { dims: output.shape().to_vec(), values: tensor.as_slice::<f32>()?.to_vec() })
        };
        outputs.iter().map(read).collect::<TractResult<_>>().map_err(failed)
    }

    /// The graph does not do what was expected of it.
    pub(super) fn error(&self, reason: &str) -> DetectError {
        graph_error(&self.path, &reason)
    }
}

impl Second {
    fn fact(&self) -> InferenceFact {
        match self {
            Self::ImageSize => i64::fact([1, 2]).into(),
            Self::Mask(mask) => TypedFact::dt_shape(mask.datum_type(), mask.shape()).into(),
        }
    }

    fn value(&self, (width, height): (u32, u32)) -> Tensor {
        match self {
            Self::ImageSize => Tensor::from_shape(&[1, 2], &[i64::from(width), i64::from(height)])
                .expect("two values"),
            Self::Mask(mask) => mask.clone(),
        }
    }
}

/// The file's graph, made of known operators.
fn read(path: &Path, onnx: &Onnx) -> Result<ModelProto, DetectError> {
    let bytes = std::fs::read(path)
        .map_err(|source| DetectError::Read { path: path.to_owned(), source })?;
    let damaged = || DetectError::NotOnnx { path: path.to_owned() };
    let proto = onnx.proto_model_for_read(&mut &bytes[..]).map_err(|_| damaged())?;
    let graph =
        proto.graph.as_ref().filter(|graph| !graph.node.is_empty() && !graph.input.is_empty());
    let nodes = &graph.ok_or_else(damaged)?.node;
    let is_unknown = |name: &&String| !onnx.op_register.0.contains_key(*name);
    let mut unknown: Vec<String> =
        nodes.iter().map(|node| &node.op_type).filter(is_unknown).cloned().collect();
    unknown.sort();
    unknown.dedup();
    match unknown.is_empty() {
        true => Ok(proto),
        false => Err(DetectError::Operators { path: path.to_owned(), operators: unknown }),
    }
}

/// Height and width of the image that the graph takes.
fn image_input(
    path: &Path,
    model: &InferenceModel,
    side: Option<u32>,
) -> Result<(usize, usize), DetectError> {
    let refuse = |reason: String| DetectError::Input { path: path.to_owned(), reason };
    let fact = model.input_fact(0).map_err(|error| graph_error(path, &error))?;
    if let Some(kind) = fact.datum_type.concretize().filter(|&kind| kind != DatumType::F32) {
        return Err(refuse(format!("its input holds {kind:?}, expected F32")));
    }
    let dims = known_dims(fact);
    let &[_, channels, height, width] = &dims[..] else {
        return Err(refuse(format!("its input has {} dimensions, expected 4", dims.len())));
    };
    if channels.is_some_and(|channels| channels != 3) {
        return Err(refuse(format!("its input has shape {}, expected N×3×H×W", shown(&dims))));
    }
    let open = side.map_or(USUAL_SIDE, |side| side as usize);
    let (height, width) = (height.unwrap_or(open), width.unwrap_or(open));
    match height > 0 && width > 0 {
        true => Ok((height, width)),
        false => Err(refuse(format!("its input has shape {}", shown(&dims)))),
    }
}

/// What the graph wants beside the image.
fn second_input(path: &Path, model: &InferenceModel) -> Result<Option<Second>, DetectError> {
    let refuse = |reason: String| DetectError::Input { path: path.to_owned(), reason };
    if model.inputs.len() > 2 {
        return Err(refuse(format!("it has {} inputs", model.inputs.len())));
    }
    let Some(input) = model.inputs.get(1) else { return Ok(None) };
    let fact = model.input_fact(1).map_err(|error| graph_error(path, &error))?;
    match model.node(input.node).name.as_str() {
        "orig_target_sizes" => Ok(Some(Second::ImageSize)),
        "pixel_mask" => {
            // Exports leave the batch open, and often the sides, which are 64 then.
            let dims: Vec<usize> = known_dims(fact)
                .into_iter()
                .enumerate()
                .map(|(axis, dim)| dim.unwrap_or(if axis == 0 { 1 } else { 64 }))
                .collect();
            let ones = vec![1i64; dims.iter().product()];
            Ok(Some(Second::Mask(Tensor::from_shape(&dims, &ones).expect("that many ones"))))
        }
        name => Err(refuse(format!("it also wants `{name}`, which samkit does not know"))),
    }
}

fn known_dims(fact: &InferenceFact) -> Vec<Option<usize>> {
    fact.shape.dims().map(|dim| dim.concretize().as_ref().and_then(length)).collect()
}

fn length(dim: &TDim) -> Option<usize> {
    dim.to_i64().ok().and_then(|dim| usize::try_from(dim).ok())
}

/// Only the first line: the runtime's messages go on with its own internals.
fn graph_error(path: &Path, error: &dyn std::fmt::Display) -> DetectError {
    let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
    DetectError::Graph { path: path.to_owned(), reason }
}

/// `1×84×8400`, with `?` for what is open.
pub(super) fn shown(dims: &[Option<usize>]) -> String {
    let dim = |dim: &Option<usize>| dim.map_or("?".to_owned(), |dim| dim.to_string());
    dims.iter().map(dim).collect::<Vec<_>>().join("×")
}
