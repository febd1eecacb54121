//! What a graph wants to be given.

use std::path::Path;

use tract_onnx::{
    prelude::{
        DatumExt, DatumType, InferenceFact, InferenceModel, TDim, Tensor, TractResult, TypedFact,
    },
    tract_hir::internal::Factoid,
};

use super::graph::graph_error;
use crate::DetectError;

/// Side of an input that neither the file nor the user says.
const USUAL_SIDE: usize = 640;
/// Longest side of an input: more is a slip or a damaged file, and would want all memory.
const LONGEST_SIDE: usize = 8192;

/// The image that a graph takes: F32 or F16 (1, 3, height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageInput {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) kind: DatumType,
}

impl ImageInput {
    /// Of the graph's first input; `side` is for what the file leaves open.
    pub(super) fn of(
        path: &Path,
        model: &InferenceModel,
        side: Option<u32>,
    ) -> Result<Self, DetectError> {
        let refuse = |reason: String| DetectError::Input { path: path.to_owned(), reason };
        let fact = model.input_fact(0).map_err(|error| graph_error(path, &error))?;
        let kind = fact.datum_type.concretize().unwrap_or(DatumType::F32);
        if ![DatumType::F32, DatumType::F16].contains(&kind) {
            return Err(refuse(format!("its input holds {kind:?}, expected F32")));
        }
        let dims = known_dims(fact);
        let &[batch, channels, height, width] = &dims[..] else {
            return Err(refuse(format!("its input has {} dimensions, expected 4", dims.len())));
        };
        let is = |dim: Option<usize>, wanted| dim.is_none_or(|dim| dim == wanted);
        if !is(batch, 1) || !is(channels, 3) {
            let shape = shown(&dims);
            return Err(refuse(format!("its input has shape {shape}, expected 1×3×height×width")));
        }
        let open = side.map_or(USUAL_SIDE, |side| side as usize);
        let (height, width) = (height.unwrap_or(open), width.unwrap_or(open));
        let is_good = |side: usize| (1..=LONGEST_SIDE).contains(&side);
        match is_good(height) && is_good(width) {
            true => Ok(Self { height, width, kind }),
            false => Err(refuse(format!(
                "its input has {height}×{width} pixels, expected 1 to {LONGEST_SIDE} a side"
            ))),
        }
    }

    pub(super) fn fact(&self) -> InferenceFact {
        TypedFact::dt_shape(self.kind, [1, 3, self.height, self.width]).into()
    }

    /// The tensor with these values, channel by channel and row by row.
    pub(super) fn value(&self, values: &[f32]) -> TractResult<Tensor> {
        let tensor = Tensor::from_shape(&[1, 3, self.height, self.width], values)?;
        Ok(tensor.cast_to_dt(self.kind)?.into_owned())
    }
}

/// The second input of some exports.
#[derive(Clone, Debug)]
pub(super) enum Second {
    /// Width and height of the image (RT-DETR's and D-FINE's own exports).
    ImageSize,
    /// Which pixels are image: all are (DETR).
    Mask(Tensor),
}

impl Second {
    /// Of the graph's second input, where it has one; `image` is the first.
    pub(super) fn of(
        path: &Path,
        model: &InferenceModel,
        image: ImageInput,
    ) -> Result<Option<Self>, DetectError> {
        let refuse = |reason: String| DetectError::Input { path: path.to_owned(), reason };
        let names: Vec<&str> =
            model.inputs.iter().skip(1).map(|input| &model.node(input.node).name[..]).collect();
        match names[..] {
            [] => Ok(None),
            ["orig_target_sizes"] => Ok(Some(Self::ImageSize)),
            ["pixel_mask"] => {
                let fact = model.input_fact(1).map_err(|error| graph_error(path, &error))?;
                let mask = mask(fact, image).map(|mask| Some(Self::Mask(mask)));
                mask.ok_or_else(|| refuse("its `pixel_mask` is no (1, height, width)".to_owned()))
            }
            _ => Err(refuse(format!(
                "it also wants `{}`, which samkit does not know",
                names.join("` and `")
            ))),
        }
    }

    pub(super) fn fact(&self) -> InferenceFact {
        match self {
            Self::ImageSize => i64::fact([1, 2]).into(),
            Self::Mask(mask) => TypedFact::dt_shape(mask.datum_type(), mask.shape()).into(),
        }
    }

    pub(super) fn value(&self, (width, height): (u32, u32)) -> Tensor {
        match self {
            Self::ImageSize => Tensor::from_shape(&[1, 2], &[i64::from(width), i64::from(height)])
                .expect("two values"),
            Self::Mask(mask) => mask.clone(),
        }
    }
}

/// Ones (1, height, width). Sides that the file leaves open are the image's; those that it fixes are
/// often 64, whatever the image's, and the graph resizes them.
fn mask(fact: &InferenceFact, image: ImageInput) -> Option<Tensor> {
    let &[_, height, width] = &known_dims(fact)[..] else { return None };
    let dims = [1, height.unwrap_or(image.height), width.unwrap_or(image.width)];
    if dims.iter().any(|&side| side > LONGEST_SIDE) {
        return None;
    }
    let ones = Tensor::from_shape(&dims, &vec![1i64; dims.iter().product()]).ok()?;
    let kind = fact.datum_type.concretize().unwrap_or(DatumType::I64);
    Some(ones.cast_to_dt(kind).ok()?.into_owned())
}

fn known_dims(fact: &InferenceFact) -> Vec<Option<usize>> {
    fact.shape.dims().map(|dim| dim.concretize().as_ref().and_then(length)).collect()
}

/// `None` for what differs from image to image.
pub(super) fn length(dim: &TDim) -> Option<usize> {
    dim.to_i64().ok().and_then(|dim| usize::try_from(dim).ok())
}

/// `1×84×8400`, with `?` for what is open.
pub(super) fn shown(dims: &[Option<usize>]) -> String {
    let dim = |dim: &Option<usize>| dim.map_or("?".to_owned(), |dim| dim.to_string());
    dims.iter().map(dim).collect::<Vec<_>>().join("×")
}
