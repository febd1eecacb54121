//! Strings, tensors, and what goes in and out of a task.

use core::ffi::c_void;

use crate::{Header, Versioned};

/// Result of a function: `OK`, or why not.
pub type Status = u32;
/// All is well.
pub const OK: Status = 0;
/// It did not work; there is a text that says why.
pub const FAILED: Status = 1;
/// Stopped because the host asked for it.
pub const CANCELLED: Status = 2;
/// The parameters are not what the task's schema asks for.
pub const INVALID_PARAMS: Status = 3;
/// An argument or an input is not what the function takes.
pub const INVALID_INPUT: Status = 4;
/// A panic or exception was caught at the border.
pub const PANICKED: Status = 5;
/// The other side does not have this function or extension.
pub const UNSUPPORTED: Status = 6;
/// Called from a thread or at a time where the function may not be called.
pub const WRONG_CALL: Status = 7;

/// UTF-8 text by its first byte and its number of bytes; not terminated. Empty text may have a null
/// pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// The first byte.
    pub data: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl Str {
    /// No text.
    pub const EMPTY: Self = Self { data: core::ptr::null(), len: 0 };

    /// The text of `text`, which it must not outlive.
    pub const fn new(text: &str) -> Self {
        Self { data: text.as_ptr(), len: text.len() }
    }
}

/// Element type of a tensor, coded as in DLPack.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataType {
    /// `DTYPE_UINT` or `DTYPE_FLOAT`.
    pub code: u8,
    /// Bits of one element.
    pub bits: u8,
    /// Vector lanes of one element: 1.
    pub lanes: u16,
}

/// Unsigned integers.
pub const DTYPE_UINT: u8 = 1;
/// IEEE floating point.
pub const DTYPE_FLOAT: u8 = 2;

/// A view of an array in main memory, shaped like DLPack's `DLTensor`. Whoever made it owns the data
/// and both lists.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// The first element, aligned for its type; null when there is no tensor.
    pub data: *const c_void,
    /// Number of dimensions.
    pub ndim: u32,
    /// Element type.
    pub dtype: DataType,
    /// Length of each dimension.
    pub shape: *const i64,
    /// Elements from one entry to the next, for each dimension; null means row-major without gaps,
    /// which is what every tensor of this version is.
    pub strides: *const i64,
}

impl Tensor {
    /// No tensor.
    pub const NONE: Self = Self {
        data: core::ptr::null(),
        ndim: 0,
        dtype: DataType { code: 0, bits: 0, lanes: 0 },
        shape: core::ptr::null(),
        strides: core::ptr::null(),
    };
}

/// A box by its corners in original-image pixels: x to the right, y down, (0, 0) the image's top left
/// corner, (width, height) its bottom right one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Box {
    /// Left side.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right side, not left of `x0`.
    pub x1: f32,
    /// Bottom, not above `y0`.
    pub y1: f32,
}

/// A number with a name, e.g. `stability_score`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NamedValue {
    /// What it is.
    pub name: Str,
    /// The number; finite.
    pub value: f64,
}

/// The region has a score.
pub const REGION_HAS_SCORE: u32 = 1;

/// One box or one mask. A mask has run lengths, a bitmap, or both (then the run lengths count); a box
/// has neither.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// The box, or the box around the mask.
    pub bbox: Box,
    /// How good or how likely it is; read only where `flags` say so; finite.
    pub score: f32,
    /// `REGION_HAS_SCORE` or 0.
    pub flags: u32,
    /// Its class or description; may be empty.
    pub label: Str,
    /// Further numbers.
    pub values: *const NamedValue,
    /// How many.
    pub value_count: usize,
    /// COCO run lengths: column by column, background first, adding up to the image's pixels; or
    /// null.
    pub rle: *const u32,
    /// How many.
    pub rle_count: usize,
    /// u8 (height, width): 0 outside the mask, anything else inside; or no tensor.
    pub bitmap: Tensor,
}

/// What kind of thing an artifact is.
pub type Kind = u32;
/// Pixels: u8 (height, width, channels) with 1 (grey), 3 (RGB) or 4 (RGBA) channels. As an input:
/// RGB.
pub const KIND_IMAGE: Kind = 1;
/// Boxes with label, score and values.
pub const KIND_BOXES: Kind = 2;
/// Masks with label, score and values.
pub const KIND_MASKS: Kind = 3;
/// Edge strengths: f32 (height, width) from 0 to 1, of the image's size.
pub const KIND_EDGE_MAP: Kind = 4;
/// UTF-8 text.
pub const KIND_TEXT: Kind = 5;
/// A table as JSON text: `{"columns": ["label", …], "rows": [["cat", 1.5, …], …]}`.
pub const KIND_TABLE: Kind = 6;

/// What owns the data behind an artifact.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Passed to `release`.
    pub context: *mut c_void,
    /// Frees all that the artifact points to; null when there is nothing to free. The receiver calls
    /// it exactly once, on any thread, at any later time, even after the instance was destroyed.
    pub release: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

impl Owner {
    /// Nothing to free.
    pub const NONE: Self = Self { context: core::ptr::null_mut(), release: None };
}

/// An input or an output: its kind, its name, and the fields that this kind uses; the others are
/// zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// Magic, version and size.
    pub header: Header,
    /// `KIND_IMAGE`, ….
    pub kind: Kind,
    /// Zero.
    pub reserved: u32,
    /// Name of the slot in the descriptor that it belongs to.
    pub name: Str,
    /// Image, edge map: the values.
    pub tensor: Tensor,
    /// Boxes, masks: width of the image in pixels.
    pub width: u32,
    /// Boxes, masks: height of the image in pixels.
    pub height: u32,
    /// Boxes, masks: the regions.
    pub regions: *const Region,
    /// How many.
    pub region_count: usize,
    /// Text, table: the text.
    pub text: Str,
    /// Outputs: what frees them. Inputs: nothing.
    pub owner: Owner,
}

impl Artifact {
    /// An artifact of `kind` named `name`, with nothing in it.
    pub const fn empty(kind: Kind, name: Str) -> Self {
        Self {
            header: Header::of::<Self>(),
            kind,
            reserved: 0,
            name,
            tensor: Tensor::NONE,
            width: 0,
            height: 0,
            regions: core::ptr::null(),
            region_count: 0,
            text: Str::EMPTY,
            owner: Owner::NONE,
        }
    }
}

// SAFETY: `repr(C)`, a header first, and pointers, numbers and an `Option` of a function after it.
unsafe impl Versioned for Artifact {
    const NAME: &'static str = "SamkitArtifact";
    const MIN_SIZE: usize = size_of::<Self>();
}
