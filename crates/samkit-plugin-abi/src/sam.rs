//! The extension `samkit.sam/1`: Segment Anything on the image of the run, and on pictures of the
//! plugin's own.

use core::{ffi::c_void, mem::offset_of};

use crate::{Box, Header, Region, Status, Str, Tensor, Versioned};

/// Extension: Segment Anything. A [`Sam`].
pub const EXT_SAM: &str = "samkit.sam/1";

/// Side of the low-res logits.
pub const LOW_RES_SIDE: usize = 256;
/// Number of values of one mask's low-res logits: 256×256, row by row, in the padded square that the
/// network sees.
pub const LOW_RES_LEN: usize = 65_536;

/// The point is not part of the object.
pub const POINT_BACKGROUND: u32 = 0;
/// The point is part of the object.
pub const POINT_FOREGROUND: u32 = 1;

/// The most pictures that may be open at once.
pub const MAX_PICTURES: usize = 16;

/// A click.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Column, in original-image pixels.
    pub x: f32,
    /// Row, in original-image pixels.
    pub y: f32,
    /// `POINT_FOREGROUND` or `POINT_BACKGROUND`.
    pub label: u32,
}

/// One question: any combination of points, a box and a mask, but not nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Prompt {
    /// Clicks.
    pub points: *const Point,
    /// How many.
    pub point_count: usize,
    /// A box around the object, or null.
    pub bbox: *const Box,
    /// `LOW_RES_LEN` logits of an earlier answer, or null.
    pub mask: *const f32,
}

/// One mask for every prompt: for boxes and several points.
pub const OUTPUT_SINGLE: u32 = 0;
/// Three masks for every prompt: for single points, which are ambiguous.
pub const OUTPUT_MULTI: u32 = 1;

/// May be added to either: logits of the padding around the image need not be computed, and are 0
/// where they are not, which saves time. Those of the image's pixels are the same.
pub const OUTPUT_INSIDE: u32 = 2;

/// One mask of an answer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PredictedMask {
    /// f32 (256, 256): low-res logits.
    pub logits: Tensor,
    /// The network's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
    /// Which prompt it answers, from 0.
    pub prompt: u32,
}

/// Answers, which the host owns until they are released.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Predictions {
    /// In the order of the prompts.
    pub masks: *const PredictedMask,
    /// How many.
    pub mask_count: usize,
    /// For `release`.
    pub handle: u64,
}

/// Automatic masks, which the host owns until they are released.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Regions {
    /// Masks with run lengths; the score is the predicted IoU; the values are `stability_score`
    /// (left out where it is not a number), `point_x`, `point_y`, `crop_x0`, `crop_y0`, `crop_x1`
    /// and `crop_y1`.
    pub regions: *const Region,
    /// How many.
    pub region_count: usize,
    /// For `release`.
    pub handle: u64,
}

/// What is known of a mask at the image's size without keeping its pixels.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Pixels with logits above 0.
    pub area: u64,
    /// First and last columns and rows with such pixels, as indices; zeros when there are none.
    pub bbox: Box,
    /// IoU between the masks at threshold + offset and threshold − offset; not a number when both
    /// are empty.
    pub stability_score: f32,
    /// Zero.
    pub reserved: u32,
}

/// A picture of the plugin's own that Segment Anything was shown, open until it is released or `run`
/// returns. Predictions and regions outlive their picture: they have handles of their own, which are
/// released with the host's context then.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// First argument of the functions in `sam`, in place of the host's context. Not to be used once the
    /// picture is released: then it means nothing, or a picture that was opened later.
    pub context: *mut c_void,
    /// The picture's sizes, and the functions; without `open_picture`. Valid until the picture is
    /// released.
    pub sam: *const Sam,
    /// For `release`.
    pub handle: u64,
}

/// Segment Anything on the image of the run, or on a picture of the plugin's own. The image is encoded
/// on first use and shared with other steps. `context` is the host's, or the picture's. Only during
/// `run`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sam {
    /// Magic, version and size.
    pub header: Header,
    /// Width of the image in pixels.
    pub image_width: u32,
    /// Height of the image in pixels.
    pub image_height: u32,
    /// Width of the image inside the network's padded square.
    pub input_width: u32,
    /// Height of the image inside the network's padded square.
    pub input_height: u32,
    /// Answers `prompt_count` prompts; `output` is `OUTPUT_SINGLE` or `OUTPUT_MULTI`, with
    /// `OUTPUT_INSIDE` added or not. Writes `predictions`, to be released. Call thread.
    pub predict: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            prompts: *const Prompt,
            prompt_count: usize,
            output: u32,
            predictions: *mut Predictions,
        ) -> Status,
    >,
    /// Brings low-res logits (`LOW_RES_LEN` values) to the image's size: writes `out_len` = width ×
    /// height values to `out`, row by row. Any thread.
    pub upsample: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            logits: *const f32,
            out: *mut f32,
            out_len: usize,
        ) -> Status,
    >,
    /// The mask at the image's size, where upsampled logits exceed 0: writes `out_len` = width ×
    /// height bytes to `out`, row by row, 1 inside and 0 outside. Any thread.
    pub mask: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            logits: *const f32,
            out: *mut u8,
            out_len: usize,
        ) -> Status,
    >,
    /// Area, box and stability of the mask at the image's size. Any thread.
    pub measure: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            logits: *const f32,
            stability_offset: f32,
            measure: *mut Measure,
        ) -> Status,
    >,
    /// Masks for everything in the image. `params` is a JSON object with the parameters of the task
    /// `everything`. Reports progress by itself. Writes `regions`, to be released. Call thread.
    pub automatic_masks: Option<
        unsafe extern "C" fn(context: *mut c_void, params: Str, regions: *mut Regions) -> Status,
    >,
    /// Frees predictions or regions early, or closes a picture; what is not released goes when `run`
    /// returns. Call thread.
    pub release: Option<unsafe extern "C" fn(context: *mut c_void, handle: u64) -> Status>,
    /// Shows Segment Anything a picture of the plugin's own: u8 (height, width, 3), which is copied
    /// before the function returns. It is encoded on first use. Writes `picture`, to be released.
    /// `FAILED` when `MAX_PICTURES` are open; one that was released counts until other
    /// threads have left its functions. `context` is the host's. Since minor version 2. Call thread.
    pub open_picture: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            pixels: *const Tensor,
            picture: *mut Picture,
        ) -> Status,
    >,
}

// SAFETY: `repr(C)`, a header first, and numbers and `Option`s of functions after it.
unsafe impl Versioned for Sam {
    const NAME: &'static str = "SamkitSam";
    const MIN_SIZE: usize = offset_of!(Self, open_picture);
}
