//! What a run is given.

use std::marker::PhantomData;

use image::RgbImage;
use samkit_core::Size;
use samkit_plugin::{EdgeImage, Kind, Region, artifact::Built};
use samkit_plugin_abi as abi;

use crate::{Description, Output};

/// One input of a run: a view of something that the program, or an earlier plugin, owns.
#[derive(Debug)]
pub struct Input<'a> {
    artifact: abi::Artifact,
    name: &'a str,
    /// The lists that `artifact` points to, where it was made here.
    _built: Option<Built<'a>>,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Input<'a> {
    /// Pixels.
    pub fn image(name: &'a str, image: &'a RgbImage) -> Self {
        Self::new(name, Built::image(name, image.dimensions().into(), 3, image))
    }

    /// Boxes in an image of `size`.
    pub fn boxes(name: &'a str, size: Size, boxes: &'a [Region]) -> Self {
        Self::new(name, Built::boxes(name, size, boxes))
    }

    /// Masks of `size`.
    pub fn masks(name: &'a str, size: Size, masks: &'a [Region]) -> Self {
        Self::new(name, Built::masks(name, size, masks))
    }

    /// Edge strengths from 0 to 1.
    pub fn edge_map(name: &'a str, map: &'a EdgeImage) -> Self {
        Self::new(name, Built::edge_map(name, map.dimensions().into(), map))
    }

    /// Text.
    pub fn text(name: &'a str, text: &'a str) -> Self {
        Self::new(name, Built::text(name, text))
    }

    /// What another plugin gave, as the input `name`.
    pub fn output(name: &'a str, output: &'a Output) -> Self {
        let mut artifact = *output.artifact();
        artifact.name = abi::Str::new(name);
        artifact.owner = abi::Owner::NONE;
        Self { artifact, name, _built: None, borrowed: PhantomData }
    }

    fn new(name: &'a str, built: Built<'a>) -> Self {
        let artifact = *built.artifact();
        Self { artifact, name, _built: Some(built), borrowed: PhantomData }
    }

    pub(crate) fn artifact(&self) -> &abi::Artifact {
        &self.artifact
    }

    /// Size of the image, where this is one.
    pub(crate) fn image_size(&self) -> Option<Size> {
        let tensor = &self.artifact.tensor;
        (self.artifact.kind == abi::KIND_IMAGE).then(|| {
            // SAFETY: images are made with three dimensions, in this crate or checked by it.
            let [height, width, _] = unsafe { *tensor.shape.cast::<[i64; 3]>() };
            Size::new(width as u32, height as u32)
        })
    }
}

/// Whether `inputs` are what the description asks for; if not, a reason for people.
pub(crate) fn check(description: &Description, inputs: &[Input<'_>]) -> Result<(), String> {
    for (index, input) in inputs.iter().enumerate() {
        let name = input.name;
        let Some(slot) = description.input(name) else {
            return Err(format!("it has no input `{name}`"));
        };
        if input.artifact.kind != slot.kind.code() {
            let found = Kind::from_code(input.artifact.kind).expect("made with a kind");
            return Err(format!("input `{name}` is {found}, expected {}", slot.kind));
        }
        if inputs[..index].iter().any(|other| other.name == name) {
            return Err(format!("input `{name}` is given twice"));
        }
    }
    let is_given = |name: &str| inputs.iter().any(|input| input.name == name);
    match description.inputs.iter().find(|slot| !slot.is_optional && !is_given(&slot.name)) {
        Some(slot) => Err(format!("input `{}` ({}) is missing", slot.name, slot.kind)),
        None => Ok(()),
    }
}
