//! Results on their way from one step to a later one.

use std::sync::Arc;

use samkit_core::Size;
use samkit_plugin_host::{Input, Output, Region};

/// A result and what its task calls it.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) what: Found,
}

/// A result that later steps can take.
#[derive(Debug)]
pub(crate) enum Found {
    Boxes(Size, Vec<Region>),
    Masks(Size, Vec<Region>),
    /// In the memory of the plugin that gave it.
    Output(Output),
}

/// A result that a step is given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// What the taking task calls it.
    pub(crate) input: String,
    /// What the giving task calls it.
    pub(crate) output: String,
    /// All that the giving step found.
    pub(crate) found: Arc<Vec<Named>>,
}

impl Given {
    /// The result as a plugin takes it; `None` where the giving step did not make it this time.
    pub(crate) fn input(&self) -> Option<Input<'_>> {
        let named = self.found.iter().find(|named| named.name == self.output)?;
        Some(match &named.what {
            Found::Boxes(size, boxes) => Input::boxes(&self.input, *size, boxes),
            Found::Masks(size, masks) => Input::masks(&self.input, *size, masks),
            Found::Output(output) => Input::output(&self.input, output),
        })
    }
}
