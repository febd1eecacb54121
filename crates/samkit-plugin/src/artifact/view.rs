//! Reading what the other side gives: checked once, never copied.

use image::ImageBuffer;
use samkit_core::Size;
use samkit_plugin_abi as abi;

use super::{EdgeView, Malformed, Regions, slice, text};
use crate::{Kind, Table};

/// Longest side of an image, in pixels.
pub(crate) const MAX_SIDE: i64 = 1 << 20;
const U8: abi::DataType = abi::DataType { code: abi::DTYPE_UINT, bits: 8, lanes: 1 };
const F32: abi::DataType = abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 };

/// An input or an output of the other side.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// Pixels.
    Image(Pixels<'a>),
    /// Boxes.
    Boxes(Regions<'a>),
    /// Masks.
    Masks(Regions<'a>),
    /// Edge strengths.
    EdgeMap(EdgeView<'a>),
    /// Text.
    Text(&'a str),
    /// Rows and columns.
    Table(Table),
}

/// Pixels of 8 bits.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// Width and height.
    pub size: Size,
    /// 1 (grey), 3 (RGB) or 4 (RGBA).
    pub channels: u32,
    /// Row by row, the channels of a pixel together.
    pub data: &'a [u8],
}

/// Checks `artifact` and shows what is in it. Where `image` is known, boxes, masks and edge maps have
/// to be of that size. `what` names the artifact in errors.
///
/// # Errors
/// The first thing that is not as the border wants it.
///
/// # Safety
/// As far as the artifact's pointers are not null or misaligned and its counts are possible, they
/// point to as many valid entries as the counts and shapes next to them say, and nobody writes these
/// during `'a`.
pub unsafe fn view<'a>(
    artifact: &abi::Artifact,
    image: Option<Size>,
    what: &str,
) -> Result<View<'a>, Malformed> {
    let Some(kind) = Kind::from_code(artifact.kind) else {
        let expected = format!("a number from 1 to {}", Kind::ALL.len());
        return Err(Malformed::Kind { what: what.to_owned(), found: artifact.kind, expected });
    };
    // SAFETY: all passed on to the caller.
    unsafe {
        Ok(match kind {
            Kind::Image => View::Image(pixels(&artifact.tensor, what)?),
            Kind::EdgeMap => View::EdgeMap(edges(&artifact.tensor, image, what)?),
            Kind::Boxes => View::Boxes(Regions::new(artifact, false, image, what)?),
            Kind::Masks => View::Masks(Regions::new(artifact, true, image, what)?),
            Kind::Text => View::Text(text(artifact.text, || what.to_owned())?),
            Kind::Table => {
                let text = text(artifact.text, || what.to_owned())?;
                let table = Table::from_json(text);
                View::Table(
                    table.map_err(|reason| Malformed::Table { what: what.to_owned(), reason })?,
                )
            }
        })
    }
}

/// # Safety
/// As [`view()`].
unsafe fn pixels<'a>(tensor: &abi::Tensor, what: &str) -> Result<Pixels<'a>, Malformed> {
    // SAFETY: passed on to the caller.
    let shape = unsafe { shape(tensor, what) }?;
    match *shape {
        [height, width, channels @ (1 | 3 | 4)] if is_size(width, height) => {
            // SAFETY: passed on to the caller.
            let data = unsafe { bytes(tensor, shape, what) }?;
            let size = Size::new(width as u32, height as u32);
            Ok(Pixels { size, channels: channels as u32, data })
        }
        _ => Err(wrong(tensor, shape, what, "u8 (height, width, 1, 3 or 4)".to_owned())),
    }
}

/// # Safety
/// As [`view()`].
unsafe fn edges<'a>(
    tensor: &abi::Tensor,
    image: Option<Size>,
    what: &str,
) -> Result<EdgeView<'a>, Malformed> {
    // SAFETY: passed on to the caller.
    let shape = unsafe { shape(tensor, what) }?;
    let &[height, width] = shape else {
        return Err(wrong(tensor, shape, what, "f32 (height, width)".to_owned()));
    };
    if !is_size(width, height) {
        return Err(wrong(tensor, shape, what, "f32 (height, width)".to_owned()));
    }
    let size = Size::new(width as u32, height as u32);
    if let Some(expected) = image.filter(|&image| image != size) {
        return Err(Malformed::Size { what: what.to_owned(), found: size, expected });
    }
    // SAFETY: passed on to the caller.
    let values: &[f32] = unsafe { elements(tensor, shape, F32, what) }?;
    if let Some(&bad) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        let what = format!("a strength of {what}");
        return Err(Malformed::Range { what, found: f64::from(bad), expected: "0 to 1" });
    }
    Ok(ImageBuffer::from_raw(size.width, size.height, values).expect("one value a pixel"))
}

/// The values of a u8 tensor that has to be of `expected` shape.
///
/// # Safety
/// As [`view()`].
pub(super) unsafe fn bytes<'a>(
    tensor: &abi::Tensor,
    expected: &[i64],
    what: &str,
) -> Result<&'a [u8], Malformed> {
    // SAFETY: passed on to the caller.
    unsafe { elements(tensor, expected, U8, what) }
}

/// The values of the low-res logits that a host lends.
///
/// # Safety
/// As [`view()`].
pub(crate) unsafe fn low_res<'a>(
    tensor: &abi::Tensor,
) -> Result<&'a [f32; abi::LOW_RES_LEN], Malformed> {
    let side = abi::LOW_RES_SIDE as i64;
    // SAFETY: passed on to the caller.
    let values = unsafe { elements(tensor, &[side, side], F32, "low-res logits") }?;
    Ok(values.try_into().expect("elements() gives as many as the shape says"))
}

/// # Safety
/// As [`view()`].
unsafe fn elements<'a, T>(
    tensor: &abi::Tensor,
    expected: &[i64],
    dtype: abi::DataType,
    what: &str,
) -> Result<&'a [T], Malformed> {
    // SAFETY: passed on to the caller.
    let found = unsafe { shape(tensor, what) }?;
    // SAFETY: passed on to the caller; strides have as many entries as the shape.
    if found != expected || tensor.dtype != dtype || !unsafe { is_dense(tensor, found, what) }? {
        return Err(wrong(tensor, found, what, format!("{} {expected:?}", type_name(dtype))));
    }
    let count = expected.iter().product::<i64>() as usize;
    // SAFETY: passed on to the caller.
    unsafe { slice(tensor.data.cast(), count, || what.to_owned()) }
}

/// # Safety
/// As [`view()`].
unsafe fn shape<'a>(tensor: &abi::Tensor, what: &str) -> Result<&'a [i64], Malformed> {
    let part = || format!("the shape of {what}");
    if tensor.ndim > 8 {
        return Err(Malformed::TooMany { what: part(), count: tensor.ndim as usize });
    }
    // SAFETY: passed on to the caller.
    unsafe { slice(tensor.shape, tensor.ndim as usize, part) }
}

/// # Safety
/// As [`view()`].
unsafe fn is_dense(tensor: &abi::Tensor, shape: &[i64], what: &str) -> Result<bool, Malformed> {
    if tensor.strides.is_null() {
        return Ok(true);
    }
    // SAFETY: passed on to the caller.
    let strides = unsafe { slice(tensor.strides, shape.len(), || format!("strides of {what}")) }?;
    let mut next = 1;
    Ok(shape.iter().zip(strides).rev().all(|(&length, &stride)| {
        let expected = next;
        next *= length;
        stride == expected || length == 1
    }))
}

fn is_size(width: i64, height: i64) -> bool {
    (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height)
}

fn wrong(tensor: &abi::Tensor, shape: &[i64], what: &str, expected: String) -> Malformed {
    let gaps = if tensor.strides.is_null() { "" } else { " with strides" };
    let found = format!("{} {shape:?}{gaps}", type_name(tensor.dtype));
    Malformed::Tensor { what: what.to_owned(), found, expected }
}

fn type_name(dtype: abi::DataType) -> String {
    let abi::DataType { code, bits, lanes } = dtype;
    match code {
        abi::DTYPE_UINT if lanes == 1 => format!("u{bits}"),
        abi::DTYPE_FLOAT if lanes == 1 => format!("f{bits}"),
        _ => format!("type {code}:{bits}:{lanes}"),
    }
}
