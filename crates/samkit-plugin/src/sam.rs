//! Segment Anything, as the host lends it.

use std::{marker::PhantomData, ops::Deref};

use image::{ImageBuffer, Rgb};
use samkit_core::{BBox, Point, PointLabel, PointPrompt, Size};
use samkit_plugin_abi as abi;
use serde::Serialize;

use crate::{
    RegionView, Regions, Signals, TaskError,
    artifact::{Built, MAX_SIDE, Malformed, View, low_res, slice, view},
    host::missing,
};

/// Low-res logits of one mask: 256×256, row by row, in the padded square that the network sees.
pub type LowRes = [f32; abi::LOW_RES_LEN];

/// One question: any combination of points, a box and a mask, but not nothing.
#[derive(Clone, Debug, Default)]
pub struct Prompt<'a> {
    /// Clicks, in original-image pixels.
    pub points: Vec<PointPrompt>,
    /// A box around the object, in original-image pixels.
    pub bbox: Option<BBox>,
    /// Logits of an earlier answer, to be refined.
    pub mask: Option<&'a LowRes>,
}

impl Prompt<'_> {
    /// One foreground click.
    pub fn point(x: f32, y: f32) -> Self {
        let point = PointPrompt { point: Point::new(x, y), label: PointLabel::Foreground };
        Self { points: vec![point], ..Self::default() }
    }

    /// A box.
    pub fn bbox(bbox: BBox) -> Self {
        Self { bbox: Some(bbox), ..Self::default() }
    }
}

/// Which of the decoder's masks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskOutput {
    /// One: for boxes and several points.
    Single,
    /// Three: for single points, which are ambiguous.
    Multi,
}

impl MaskOutput {
    const fn code(self) -> u32 {
        match self {
            Self::Single => abi::OUTPUT_SINGLE,
            Self::Multi => abi::OUTPUT_MULTI,
        }
    }
}

/// Segment Anything on the image of the run or on a [`Picture`], on the call's thread.
#[derive(Clone, Copy, Debug)]
pub struct Sam<'a> {
    frame: Frame<'a>,
    /// Raw pointers keep this on its thread.
    thread: PhantomData<*const ()>,
}

/// From low-res logits to the image's pixels: what any thread may do while `run` lasts.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    signals: Signals<'a>,
    table: abi::Sam,
}

impl<'a> Sam<'a> {
    pub(crate) fn new(signals: Signals<'a>, table: abi::Sam) -> Self {
        Self { frame: Frame { signals, table }, thread: PhantomData }
    }

    /// What also works on other threads.
    pub fn frame(&self) -> Frame<'a> {
        self.frame
    }

    /// Answers prompts, in order. The image is encoded on first use.
    ///
    /// # Errors
    /// When a prompt is empty or not finite, or the network fails.
    pub fn predict(
        &self,
        prompts: &[Prompt<'_>],
        output: MaskOutput,
    ) -> Result<Predictions<'a>, TaskError> {
        self.answers(prompts, output.code())
    }

    /// As [`Sam::predict`], for those who want masks of the image: logits of the padding around it
    /// need not be computed, and are 0 where they are not. Not for logits that go back in as a mask.
    ///
    /// # Errors
    /// As [`Sam::predict`].
    pub fn predict_inside(
        &self,
        prompts: &[Prompt<'_>],
        output: MaskOutput,
    ) -> Result<Predictions<'a>, TaskError> {
        self.answers(prompts, output.code() | abi::OUTPUT_INSIDE)
    }

    fn answers(&self, prompts: &[Prompt<'_>], output: u32) -> Result<Predictions<'a>, TaskError> {
        const SERVICE: &str = "samkit.sam/1 predict";
        let Frame { signals, table } = self.frame;
        let predict = table.predict.ok_or_else(|| missing(SERVICE))?;
        let points: Vec<Vec<abi::Point>> =
            prompts.iter().map(|prompt| prompt.points.iter().map(point).collect()).collect();
        let boxes: Vec<Option<abi::Box>> =
            prompts.iter().map(|prompt| prompt.bbox.map(abi_box)).collect();
        let lists = prompts.iter().zip(&points).zip(&boxes);
        let prompts: Vec<abi::Prompt> = lists
            .map(|((prompt, points), bbox)| abi::Prompt {
                points: points.as_ptr(),
                point_count: points.len(),
                bbox: bbox.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
                mask: prompt.mask.map_or(std::ptr::null(), |mask| mask.as_ptr()),
            })
            .collect();
        let mut found = abi::Predictions { masks: std::ptr::null(), mask_count: 0, handle: 0 };
        // SAFETY: the host's function with its own context, on the call thread; lists and result
        // are valid during the call.
        let status = unsafe {
            predict(signals.context(), prompts.as_ptr(), prompts.len(), output, &mut found)
        };
        signals.check(SERVICE, status)?;
        let lent = Lent { frame: self.frame, handle: found.handle, thread: PhantomData };
        // SAFETY: the host's list, valid until it is released.
        let masks = unsafe {
            slice(found.masks, found.mask_count, || "the list of predicted masks".to_owned())
        }?;
        for mask in masks {
            // SAFETY: as above.
            unsafe { low_res(&mask.logits) }?;
        }
        Ok(Predictions { masks, _lent: lent })
    }

    /// Masks for everything in the image, with run lengths; the score is the predicted IoU. `params`
    /// are those of the task `everything`. The host reports the progress.
    ///
    /// # Errors
    /// When a parameter is not allowed, the network fails, or the host wants the task to stop.
    pub fn automatic_masks(
        &self,
        params: &impl Serialize,
    ) -> Result<AutomaticMasks<'a>, TaskError> {
        const SERVICE: &str = "samkit.sam/1 automatic_masks";
        let Frame { signals, table } = self.frame;
        let automatic_masks = table.automatic_masks.ok_or_else(|| missing(SERVICE))?;
        let params =
            serde_json::to_string(params).map_err(|error| TaskError::Param(error.to_string()))?;
        let mut found = abi::Regions { regions: std::ptr::null(), region_count: 0, handle: 0 };
        // SAFETY: the host's function with its own context, on the call thread.
        let status =
            unsafe { automatic_masks(signals.context(), abi::Str::new(&params), &mut found) };
        signals.check(SERVICE, status)?;
        let lent = Lent { frame: self.frame, handle: found.handle, thread: PhantomData };
        let size = self.frame.image_size();
        let mut artifact = abi::Artifact::empty(abi::KIND_MASKS, abi::Str::EMPTY);
        (artifact.width, artifact.height) = (size.width, size.height);
        (artifact.regions, artifact.region_count) = (found.regions, found.region_count);
        // SAFETY: the host's list, valid until it is released.
        let View::Masks(regions) = unsafe { view(&artifact, Some(size), "the masks") }? else {
            unreachable!("an artifact of masks is viewed as masks");
        };
        Ok(AutomaticMasks { regions, _lent: lent })
    }

    /// Shows Segment Anything a picture of the task's own, such as a part of the image or its mirror
    /// image. The host copies the pixels, and encodes the picture on first use; it holds at most
    /// [`abi::MAX_PICTURES`] at once. Pictures are opened by the image's `Sam`, not by another
    /// picture's.
    ///
    /// # Errors
    /// When the picture has no pixels or a side of more than 1,048,576, when [`abi::MAX_PICTURES`] are
    /// open already, when this is a picture's own `Sam`, when the host is older than this function, or
    /// when it fails.
    pub fn picture<Pixels: Deref<Target = [u8]>>(
        &self,
        pixels: &ImageBuffer<Rgb<u8>, Pixels>,
    ) -> Result<Picture<'a>, TaskError> {
        const SERVICE: &str = "samkit.sam/1 open_picture";
        let refused = |reason: String| TaskError::Service { service: SERVICE, reason };
        let Frame { signals, table } = self.frame;
        if signals.is_of_picture() {
            let reason = "pictures are opened by the image's `Sam`, and this one is a picture's";
            return Err(refused(reason.to_owned()));
        }
        let open = table.open_picture.ok_or_else(|| missing(SERVICE))?;
        let size = Size::from(pixels.dimensions());
        if size.area() == 0 {
            return Err(refused("the picture has no pixels".to_owned()));
        }
        if i64::from(size.width.max(size.height)) > MAX_SIDE {
            let reason = format!("the picture is {size}, expected sides of at most {MAX_SIDE}");
            return Err(refused(reason));
        }
        // The container may be longer than the picture.
        let built = Built::image("", size, 3, &pixels.as_raw()[..3 * size.area()]);
        let (context, sam) = (std::ptr::null_mut(), std::ptr::null());
        let mut opened = abi::Picture { context, sam, handle: 0 };
        // SAFETY: the host's function with its own context, on the call thread; pixels and result
        // are valid during the call.
        let status = unsafe { open(signals.context(), &built.artifact().tensor, &mut opened) };
        signals.check(SERVICE, status)?;
        let lent = Lent { frame: self.frame, handle: opened.handle, thread: PhantomData };
        // SAFETY: the host's struct, valid until the picture is released.
        let table = unsafe { abi::read(opened.sam) };
        let table = table.map_err(|e| Malformed::from_read::<abi::Sam>("the picture", e))?;
        Ok(Picture { sam: Sam::new(signals.of_picture(opened.context), table), _lent: lent })
    }
}

/// A picture of the task's own that Segment Anything was shown. Dropping this closes it.
///
/// ```compile_fail,E0505
/// # use samkit_plugin::{Frame, Picture};
/// fn closed_too_early(picture: Picture<'_>) {
///     let frame: Frame<'_> = picture.sam().frame();
///     drop(picture);
///     frame.image_size();
/// }
/// ```
#[derive(Debug)]
pub struct Picture<'a> {
    sam: Sam<'a>,
    _lent: Lent<'a>,
}

impl Picture<'_> {
    /// Segment Anything on this picture.
    pub fn sam(&self) -> Sam<'_> {
        self.sam
    }
}

impl Frame<'_> {
    /// Size of the image or picture.
    pub fn image_size(&self) -> Size {
        Size::new(self.table.image_width, self.table.image_height)
    }

    /// Size of the image inside the network's padded square.
    pub fn input_size(&self) -> Size {
        Size::new(self.table.input_width, self.table.input_height)
    }

    /// Logits at the image's size, row by row.
    ///
    /// # Errors
    /// When the host fails.
    pub fn upsample(&self, logits: &LowRes) -> Result<Vec<f32>, TaskError> {
        const SERVICE: &str = "samkit.sam/1 upsample";
        let upsample = self.table.upsample.ok_or_else(|| missing(SERVICE))?;
        let mut out = vec![0.0_f32; self.image_size().area()];
        // SAFETY: the host's function with its own context; it reads the logits and writes as much
        // as `out` holds.
        let status = unsafe {
            upsample(self.signals.context(), logits.as_ptr(), out.as_mut_ptr(), out.len())
        };
        self.signals.check(SERVICE, status).map(|()| out)
    }

    /// The mask at the image's size, row by row: 1 where upsampled logits exceed 0, else 0.
    ///
    /// # Errors
    /// When the host fails.
    pub fn mask(&self, logits: &LowRes) -> Result<Vec<u8>, TaskError> {
        const SERVICE: &str = "samkit.sam/1 mask";
        let mask = self.table.mask.ok_or_else(|| missing(SERVICE))?;
        let mut out = vec![0_u8; self.image_size().area()];
        // SAFETY: as in `upsample`.
        let status =
            unsafe { mask(self.signals.context(), logits.as_ptr(), out.as_mut_ptr(), out.len()) };
        self.signals.check(SERVICE, status).map(|()| out)
    }

    /// Area, box and stability of the mask at the image's size, without keeping its pixels.
    ///
    /// # Errors
    /// When the host fails.
    pub fn measure(&self, logits: &LowRes, stability_offset: f32) -> Result<Measure, TaskError> {
        const SERVICE: &str = "samkit.sam/1 measure";
        let measure = self.table.measure.ok_or_else(|| missing(SERVICE))?;
        let bbox = abi::Box { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 };
        let mut found = abi::Measure { area: 0, bbox, stability_score: 0.0, reserved: 0 };
        // SAFETY: the host's function with its own context; it reads the logits and writes `found`.
        let status = unsafe {
            measure(self.signals.context(), logits.as_ptr(), stability_offset, &mut found)
        };
        self.signals.check(SERVICE, status)?;
        let abi::Box { x0, y0, x1, y1 } = found.bbox;
        let bbox = BBox::new(x0, y0, x1, y1);
        Ok(Measure { area: found.area, bbox, stability_score: found.stability_score })
    }
}

/// What is known of a mask without its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Pixels with logits above 0.
    pub area: u64,
    /// First and last columns and rows with such pixels, as indices.
    pub bbox: BBox,
    /// IoU between the masks at threshold + offset and threshold − offset; NaN when both are empty.
    pub stability_score: f32,
}

/// Something that the host frees once it is no longer needed.
#[derive(Debug)]
struct Lent<'a> {
    frame: Frame<'a>,
    handle: u64,
    /// Raw pointers keep this, and its drop, on its thread.
    thread: PhantomData<*const ()>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(release) = self.frame.table.release {
            // SAFETY: the host's function with its own context and handle, once.
            unsafe { release(self.frame.signals.context(), self.handle) };
        }
    }
}

/// Answers to prompts. The logits are the host's own; dropping this frees them.
#[derive(Debug)]
pub struct Predictions<'a> {
    masks: &'a [abi::PredictedMask],
    _lent: Lent<'a>,
}

/// One mask of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Predicted<'p> {
    /// Which prompt it answers, from 0.
    pub prompt: usize,
    /// The network's own estimate of the mask's IoU with the truth.
    pub predicted_iou: f32,
    /// Low-res logits.
    pub logits: &'p LowRes,
}

impl Predictions<'_> {
    /// All masks, in the order of the prompts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Predicted<'_>> {
        self.masks.iter().map(|mask| Predicted {
            prompt: mask.prompt as usize,
            predicted_iou: mask.predicted_iou,
            // SAFETY: checked in `predict`, and the host's until `self` is dropped.
            logits: unsafe { low_res(&mask.logits) }.expect("checked in predict"),
        })
    }
}

/// Automatic masks. The run lengths are the host's own; dropping this frees them.
#[derive(Debug)]
pub struct AutomaticMasks<'a> {
    regions: Regions<'a>,
    _lent: Lent<'a>,
}

impl AutomaticMasks<'_> {
    /// One mask after the other, with run lengths, score (predicted IoU) and values
    /// (`stability_score`, `point_x`, `point_y`, `crop_x0`, …).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RegionView<'_>> {
        self.regions.iter()
    }
}

fn point(prompt: &PointPrompt) -> abi::Point {
    let label = match prompt.label {
        PointLabel::Background => abi::POINT_BACKGROUND,
        PointLabel::Foreground => abi::POINT_FOREGROUND,
    };
    abi::Point { x: prompt.point.x, y: prompt.point.y, label }
}

fn abi_box(bbox: BBox) -> abi::Box {
    abi::Box { x0: bbox.x0, y0: bbox.y0, x1: bbox.x1, y1: bbox.y1 }
}
