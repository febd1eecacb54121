//! What a run works on.

use image::{ImageBuffer, Rgb};
use samkit_core::Size;
use samkit_plugin_abi as abi;

use crate::{
    EdgeView, Kind, Regions, Table, TaskError,
    artifact::{Malformed, View, slice, text, view},
};

/// What a run works on: the image, and what earlier steps found.
#[derive(Debug)]
pub struct Inputs<'a> {
    entries: Vec<(&'a str, View<'a>)>,
}

impl<'a> Inputs<'a> {
    /// Reads and checks what the host passes.
    ///
    /// # Safety
    /// `inputs` is the argument of `run`, and `'a` ends before `run` returns.
    pub(crate) unsafe fn read(inputs: *const abi::Inputs) -> Result<Self, Malformed> {
        let bad = |error| Malformed::from_read::<abi::Inputs>("the inputs", error);
        let list = || "the list of inputs".to_owned();
        let entry = |&pointer: &*const abi::Artifact| {
            let bad = |error| Malformed::from_read::<abi::Artifact>("an input", error);
            // SAFETY: the host's structs, valid during the call.
            unsafe {
                let artifact = abi::read(pointer).map_err(bad)?;
                let name = text(artifact.name, || "the name of an input".to_owned())?;
                Ok((name, view(&artifact, None, &format!("input `{name}`"))?))
            }
        };
        // SAFETY: the host's struct, valid during the call.
        let entries = unsafe {
            let inputs = abi::read(inputs).map_err(bad)?;
            slice(inputs.artifacts, inputs.artifact_count, list)?
        };
        Ok(Self { entries: entries.iter().map(entry).collect::<Result<_, Malformed>>()? })
    }

    /// The input of this name, if it was given.
    pub fn get(&self, name: &str) -> Option<&View<'a>> {
        self.entries.iter().find(|(given, _)| *given == name).map(|(_, view)| view)
    }

    /// The image, in RGB. Its pixels are the host's own.
    ///
    /// # Errors
    /// When there is none: the task's descriptor does not ask for it.
    pub fn image(&self) -> Result<ImageBuffer<Rgb<u8>, &'a [u8]>, TaskError> {
        let pixels = self.entries.iter().find_map(|(_, view)| match view {
            View::Image(pixels) if pixels.channels == 3 => Some(pixels),
            _ => None,
        });
        let pixels = pixels.ok_or_else(|| TaskError::Input("there is no RGB image".to_owned()))?;
        let Size { width, height } = pixels.size;
        let image = ImageBuffer::from_raw(width, height, pixels.data);
        Ok(image.expect("the view checked the number of bytes"))
    }

    /// The boxes of an optional input.
    ///
    /// # Errors
    /// When the input is of another kind.
    pub fn boxes(&self, name: &str) -> Result<Option<Regions<'a>>, TaskError> {
        self.pick(name, Kind::Boxes, |view| match view {
            View::Boxes(regions) => Some(*regions),
            _ => None,
        })
    }

    /// The masks of an optional input.
    ///
    /// # Errors
    /// When the input is of another kind.
    pub fn masks(&self, name: &str) -> Result<Option<Regions<'a>>, TaskError> {
        self.pick(name, Kind::Masks, |view| match view {
            View::Masks(regions) => Some(*regions),
            _ => None,
        })
    }

    /// The edge map of an optional input.
    ///
    /// # Errors
    /// When the input is of another kind.
    pub fn edge_map(&self, name: &str) -> Result<Option<EdgeView<'a>>, TaskError> {
        self.pick(name, Kind::EdgeMap, |view| match view {
            View::EdgeMap(map) => Some(map.clone()),
            _ => None,
        })
    }

    /// The text of an optional input.
    ///
    /// # Errors
    /// When the input is of another kind.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, TaskError> {
        self.pick(name, Kind::Text, |view| match view {
            View::Text(text) => Some(*text),
            _ => None,
        })
    }

    /// The table of an optional input.
    ///
    /// # Errors
    /// When the input is of another kind.
    pub fn table(&self, name: &str) -> Result<Option<Table>, TaskError> {
        self.pick(name, Kind::Table, |view| match view {
            View::Table(table) => Some(table.clone()),
            _ => None,
        })
    }

    fn pick<R>(
        &self,
        name: &str,
        kind: Kind,
        read: impl FnOnce(&View<'a>) -> Option<R>,
    ) -> Result<Option<R>, TaskError> {
        match self.get(name) {
            None => Ok(None),
            Some(view) => {
                let wrong = || TaskError::Input(format!("input `{name}` is not of kind {kind}"));
                read(view).map(Some).ok_or_else(wrong)
            }
        }
    }
}
