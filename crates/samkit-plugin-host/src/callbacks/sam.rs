//! The extension `samkit.sam/1`.

use std::{ffi::c_void, sync::Arc};

use image::RgbImage;
use samkit_core::{BBox, LowResLogits, Point, PointLabel, PointPrompt, Prompt};
use samkit_plugin::{
    MaskOutput, Region,
    artifact::{Built, Malformed, slice, text},
};
use samkit_plugin_abi::{self as abi, MAX_PICTURES};

use super::{
    advance,
    arguments::{self, Refusal, check_place, limited, rgb, room},
};
use crate::{
    Extent, SamService, ServiceError,
    call::{Call, Door, Lent, OpenPicture, Rule},
    context::Context,
};

/// More prompts than anybody asks at once.
const MAX_PROMPTS: usize = 1 << 16;
static LOW_RES_SHAPE: [i64; 2] = [abi::LOW_RES_SIDE as i64; 2];

/// The table for this call's image, valid until the call ends; null where there is no such service.
pub(super) fn extension(call: &Call) -> *const abi::Sam {
    let Some(sam) = call.services.sam() else { return std::ptr::null() };
    let table = table(sam);
    let mut state = call.state();
    std::ptr::from_ref(&**state.sam.get_or_insert_with(|| Box::new(table)))
}

fn table(sam: &dyn SamService) -> abi::Sam {
    let (image, input) = (sam.image_size(), sam.input_size());
    abi::Sam {
        header: abi::Header::of::<abi::Sam>(),
        image_width: image.width,
        image_height: image.height,
        input_width: input.width,
        input_height: input.height,
        predict: Some(predict),
        upsample: Some(upsample),
        mask: Some(mask),
        measure: Some(measure),
        automatic_masks: Some(automatic_masks),
        release: Some(release),
        open_picture: Some(open_picture),
    }
}

/// The program's service for the image of the run.
fn of_run(call: &Call) -> Result<&dyn SamService, Refusal> {
    call.services.sam().filter(|_| call.is_run).ok_or(Refusal::Unsupported)
}

/// Runs `work` with the service that the context stands for: the run's, or a picture's.
///
/// # Safety
/// As [`arguments::serve`].
unsafe fn serve(
    context: *mut c_void,
    function: &'static str,
    rule: Rule,
    work: impl FnOnce(&Call, &dyn SamService) -> Result<(), Refusal>,
) -> abi::Status {
    // SAFETY: passed on to the caller.
    let place = unsafe { Context::read(context) }.and_then(|context| context.picture);
    let work = |call: &Call| match place {
        None => work(call, of_run(call)?),
        Some(place) => {
            let closed = || Refusal::Argument("the picture is not open".to_owned());
            work(call, &*call.picture(place).ok_or_else(closed)?.service)
        }
    };
    // SAFETY: passed on to the caller.
    unsafe { arguments::serve(context, function, rule, work) }
}

unsafe extern "C" fn predict(
    context: *mut c_void,
    prompts: *const abi::Prompt,
    prompt_count: usize,
    output: u32,
    predictions: *mut abi::Predictions,
) -> abi::Status {
    let work = |call: &Call, sam: &dyn SamService| {
        // SAFETY: the plugin's list, valid during the call.
        let prompts = unsafe { read_prompts(prompts, prompt_count) }?;
        let extent = match output & abi::OUTPUT_INSIDE {
            0 => Extent::Square,
            _ => Extent::Image,
        };
        let output = match output & !abi::OUTPUT_INSIDE {
            abi::OUTPUT_SINGLE => MaskOutput::Single,
            abi::OUTPUT_MULTI => MaskOutput::Multi,
            _ => return Err(Refusal::Argument(format!("{output} is no kind of output"))),
        };
        check_place(predictions)?;
        let answers = sam.predict(&prompts, output, extent)?;
        let (mut masks, mut logits) = (Vec::new(), Vec::new());
        for (prompt, answer) in (0_u32..).zip(answers) {
            for mask in answer {
                masks.push(abi::PredictedMask {
                    logits: low_res_tensor(&mask.logits),
                    predicted_iou: mask.predicted_iou,
                    prompt,
                });
                logits.push(mask.logits);
            }
        }
        let (list, mask_count) = (masks.as_ptr(), masks.len());
        let handle = call.lend(Lent::Predictions { _masks: masks, _logits: logits });
        // SAFETY: the plugin's place for the answers. They stay where they are until released.
        unsafe { predictions.write(abi::Predictions { masks: list, mask_count, handle }) };
        Ok(())
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "sam.predict", Rule::CallThread, work) }
}

unsafe extern "C" fn upsample(
    context: *mut c_void,
    logits: *const f32,
    out: *mut f32,
    out_len: usize,
) -> abi::Status {
    let work = |_: &Call, sam: &dyn SamService| {
        // SAFETY: the plugin's values, and its room that nobody else uses, valid during the call.
        let (logits, out) =
            unsafe { (low_res(logits)?, room(out, out_len, sam.image_size().area())?) };
        Ok(sam.upsample(logits, out)?)
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "sam.upsample", Rule::AnyThread, work) }
}

unsafe extern "C" fn mask(
    context: *mut c_void,
    logits: *const f32,
    out: *mut u8,
    out_len: usize,
) -> abi::Status {
    let work = |_: &Call, sam: &dyn SamService| {
        // SAFETY: as in `upsample`.
        let (logits, out) =
            unsafe { (low_res(logits)?, room(out, out_len, sam.image_size().area())?) };
        Ok(sam.mask(logits, out)?)
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "sam.mask", Rule::AnyThread, work) }
}

unsafe extern "C" fn measure(
    context: *mut c_void,
    logits: *const f32,
    stability_offset: f32,
    measure: *mut abi::Measure,
) -> abi::Status {
    let work = |_: &Call, sam: &dyn SamService| {
        check_place(measure)?;
        // SAFETY: the plugin's values, valid during the call.
        let found = sam.measure(unsafe { low_res(logits) }?, stability_offset)?;
        let BBox { x0, y0, x1, y1 } = found.bbox;
        let bbox = abi::Box { x0, y0, x1, y1 };
        let stability_score = found.stability_score;
        let found = abi::Measure { area: found.area, bbox, stability_score, reserved: 0 };
        // SAFETY: the plugin's place for the answer.
        unsafe { measure.write(found) };
        Ok(())
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "sam.measure", Rule::AnyThread, work) }
}

unsafe extern "C" fn automatic_masks(
    context: *mut c_void,
    params: abi::Str,
    regions: *mut abi::Regions,
) -> abi::Status {
    let work = |call: &Call, sam: &dyn SamService| {
        // SAFETY: the plugin's text, valid during the call.
        let params = unsafe { text(params, || "the parameters".to_owned()) }?;
        check_place(regions)?;
        let records = sam.automatic_masks(params, &|done, total| advance(call, done, total))?;
        let found: Box<[Region]> = records.into_iter().map(Region::from).collect();
        // SAFETY: the regions are kept beside what is built on them, and dropped after it.
        let list: &'static [Region] = unsafe { &*std::ptr::from_ref(&*found) };
        let built = Built::masks("", sam.image_size(), list);
        let table = built.artifact();
        let (list, region_count) = (table.regions, table.region_count);
        let handle = call.lend(Lent::Regions { _built: built, _regions: found });
        // SAFETY: the plugin's place for the answer. It stays where it is until released.
        unsafe { regions.write(abi::Regions { regions: list, region_count, handle }) };
        Ok(())
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { serve(context, "sam.automatic_masks", Rule::CallThread, work) }
}

unsafe extern "C" fn release(context: *mut c_void, handle: u64) -> abi::Status {
    let work = |call: &Call| call.release(handle);
    // SAFETY: the plugin passes the host's context.
    unsafe { Door::enter(context, "sam.release", Rule::CallThread, abi::WRONG_CALL, work) }
}

unsafe extern "C" fn open_picture(
    context: *mut c_void,
    pixels: *const abi::Tensor,
    picture: *mut abi::Picture,
) -> abi::Status {
    let work = |call: &Call| {
        // SAFETY: the plugin passes the host's context.
        let Some(Context { door, picture: None }) = (unsafe { Context::read(context) }) else {
            let reason = "the context is that of a picture, expected the host's";
            return Err(Refusal::Argument(reason.to_owned()));
        };
        let sam = of_run(call)?;
        // SAFETY: the plugin's image, valid during the call.
        let pixels = unsafe {
            match slice(pixels, 1, || "the picture".to_owned())? {
                [tensor] => rgb(tensor, "the picture")?,
                _ => unreachable!("one was asked for"),
            }
        };
        check_place(picture)?;
        let Some(place) = call.free_place() else {
            let reason = format!("{MAX_PICTURES} pictures are open already, which is the most");
            return Err(ServiceError::Failed(reason.into()).into());
        };
        let image = RgbImage::from_raw(pixels.size.width, pixels.size.height, pixels.data.to_vec());
        let service = sam.picture(image.expect("the view checked the number of bytes"))?;
        let table = abi::Sam { open_picture: None, ..table(&*service) };
        let opened = Arc::new(OpenPicture { service, table });
        let sam = &raw const opened.table;
        let handle = call.open_picture(place, opened);
        let context = door.contexts().picture(place);
        // SAFETY: the plugin's place for the picture. The table stays where it is until released.
        unsafe { picture.write(abi::Picture { context, sam, handle }) };
        Ok(())
    };
    // SAFETY: the plugin passes the host's context.
    unsafe { arguments::serve(context, "sam.open_picture", Rule::CallThread, work) }
}

fn low_res_tensor(logits: &LowResLogits) -> abi::Tensor {
    abi::Tensor {
        data: logits.values().as_ptr().cast(),
        ndim: 2,
        dtype: abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 },
        shape: LOW_RES_SHAPE.as_ptr(),
        strides: std::ptr::null(),
    }
}

/// # Safety
/// The list and what it points to are the plugin's, and valid during the call.
unsafe fn read_prompts(
    prompts: *const abi::Prompt,
    count: usize,
) -> Result<Vec<Prompt>, Malformed> {
    // SAFETY: passed on to the caller, here and below.
    let prompts = unsafe { limited(prompts, count, MAX_PROMPTS, "the list of prompts") }?;
    let prompt = |prompt: &abi::Prompt| {
        // SAFETY: as above.
        let (points, bbox) = unsafe {
            let (points, what) = (prompt.points, "the points of a prompt");
            let points = limited(points, prompt.point_count, MAX_PROMPTS, what)?;
            let count = usize::from(!prompt.bbox.is_null());
            (points, slice(prompt.bbox, count, || "the box of a prompt".to_owned())?)
        };
        let mask = match prompt.mask.is_null() {
            true => None,
            // SAFETY: as above.
            false => LowResLogits::new(unsafe { low_res(prompt.mask) }?.to_vec()),
        };
        let points = points.iter().map(point).collect::<Result<_, _>>()?;
        let bbox = bbox.first().map(|b| BBox::new(b.x0, b.y0, b.x1, b.y1));
        Ok(Prompt { points, bbox, mask })
    };
    prompts.iter().map(prompt).collect()
}

fn point(point: &abi::Point) -> Result<PointPrompt, Malformed> {
    let label = match point.label {
        abi::POINT_BACKGROUND => PointLabel::Background,
        abi::POINT_FOREGROUND => PointLabel::Foreground,
        found => {
            let (what, found) = ("the label of a point".to_owned(), f64::from(found));
            return Err(Malformed::Range { what, found, expected: "0 or 1" });
        }
    };
    Ok(PointPrompt { point: Point::new(point.x, point.y), label })
}

/// # Safety
/// As [`slice()`].
unsafe fn low_res<'a>(logits: *const f32) -> Result<&'a [f32], Malformed> {
    // SAFETY: passed on to the caller.
    unsafe { slice(logits, abi::LOW_RES_LEN, || "the low-res logits".to_owned()) }
}
