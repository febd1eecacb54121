//! What a Rust author writes.

use samkit_plugin_abi as abi;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Host, Inputs, Outputs, TaskError};

/// A task: from an image, and perhaps what earlier steps found in it, to results.
pub trait Task: Sized + Send + 'static {
    /// The parameters, as recipes write them. Defaults, ranges (`#[schemars(range(min = 0.0))]`) and
    /// doc comments become the task's JSON Schema; give the type
    /// `#[serde(default, deny_unknown_fields)]`.
    type Params: Default + Serialize + DeserializeOwned + JsonSchema;

    /// What the task is called, takes and gives.
    const DESCRIPTOR: Descriptor;

    /// Called once after loading; fails where the task cannot work on this machine at all.
    ///
    /// # Errors
    /// The reason, for people.
    fn init() -> Result<(), TaskError> {
        Ok(())
    }

    /// Makes the task for checked parameters; `host` lends CLIP and weights, and hears messages.
    ///
    /// # Errors
    /// [`TaskError::Param`] for a value that the schema allows and the task does not.
    fn create(params: Self::Params, host: &Host<'_>) -> Result<Self, TaskError>;

    /// Works on one image.
    ///
    /// # Errors
    /// Any; the step fails on this image and the host goes on with the next.
    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError>;
}

/// What a task is called, takes and gives.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The task's name in recipes: lower-case letters, digits, `-`, `_` and `.`, a letter first.
    pub id: &'static str,
    /// The task's name for people.
    pub name: &'static str,
    /// The plugin's version; `env!("CARGO_PKG_VERSION")` in most cases.
    pub version: &'static str,
    /// SPDX expression.
    pub license: &'static str,
    /// What the task does.
    pub description: &'static str,
    /// What it takes.
    pub inputs: &'static [Slot],
    /// What it gives.
    pub outputs: &'static [Slot],
    /// Extensions of the host that it cannot do without: [`crate::EXT_SAM`], ….
    pub extensions: &'static [&'static str],
}

/// Kinds of inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pixels of 8 bits.
    Image,
    /// Boxes with label, score and values.
    Boxes,
    /// Masks with label, score and values.
    Masks,
    /// Edge strengths from 0 to 1.
    EdgeMap,
    /// Text.
    Text,
    /// Rows and columns.
    Table,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Image, Self::Boxes, Self::Masks, Self::EdgeMap, Self::Text, Self::Table];

    /// The number that stands for it at the border.
    pub const fn code(self) -> abi::Kind {
        match self {
            Self::Image => abi::KIND_IMAGE,
            Self::Boxes => abi::KIND_BOXES,
            Self::Masks => abi::KIND_MASKS,
            Self::EdgeMap => abi::KIND_EDGE_MAP,
            Self::Text => abi::KIND_TEXT,
            Self::Table => abi::KIND_TABLE,
        }
    }

    /// The kind that a number stands for.
    pub fn from_code(code: abi::Kind) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Boxes => "boxes",
            Self::Masks => "masks",
            Self::EdgeMap => "edge map",
            Self::Text => "text",
            Self::Table => "table",
        })
    }
}

/// Something that a task takes or gives.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) description: &'static str,
    pub(crate) flags: u32,
    pub(crate) needs: &'static str,
}

impl Slot {
    /// A slot that is always filled.
    pub const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, kind, description, flags: 0, needs: "" }
    }

    /// The same, but it may stay empty.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.flags |= abi::SLOT_OPTIONAL;
        self
    }

    /// The same, written where the user does not say what to write.
    #[must_use]
    pub const fn saved_by_default(mut self) -> Self {
        self.flags |= abi::SLOT_DEFAULT;
        self
    }

    /// The same, made only where the parameter `name` is given and not null.
    #[must_use]
    pub const fn needs(mut self, name: &'static str) -> Self {
        self.flags |= abi::SLOT_OPTIONAL;
        self.needs = name;
        self
    }
}
