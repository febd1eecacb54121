//! What a file says of the pixels of a thing, and how it becomes a mask.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use samkit_core::{Rle, Size};

use super::png_values;
use crate::boxes::resolve::Unit;

impl Part {
    /// The numbers of the outline around it, if it has one.
    pub(super) fn outer(&self) -> Option<&[f64]> {
        match self {
            Self::Outline(numbers) => Some(numbers),
            Self::Rings(rings) => rings.first().map(Vec::as_slice),
            _ => None,
        }
    }
}

/// The pixels of a thing in the form that its file has them: its parts, united.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape(pub(super) Vec<Part>);

/// A part of a thing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// A closed polygon: x and y in turn, in the unit of the file.
    Outline(Vec<f64>),
    /// A polygon and its holes.
    Rings(Vec<Vec<f64>>),
    /// A mask of the whole image.
    Mask(Rle),
    /// A PNG image in base 64 with its first pixel at (`x`, `y`); pixels other than 0 are inside.
    Picture { base64: String, x: f64, y: f64 },
    /// Something that is no shape, and why.
    Bad(String),
}

impl Shape {
    /// A polygon.
    pub(crate) fn outline(numbers: Vec<f64>) -> Self {
        Self(vec![Part::Outline(numbers)])
    }

    /// The size of the whole image, if a part knows it.
    pub(super) fn stated_size(&self) -> Option<Size> {
        let size = |part: &Part| match part {
            Part::Mask(mask) => Some(mask.size()).filter(|size| size.area() > 0),
            _ => None,
        };
        self.0.iter().find_map(size)
    }

    /// The mask in an image of `size`, which the caller has checked, or why there is none.
    pub(super) fn into_mask(self, unit: Unit, size: Size, max_pixels: u64) -> Result<Rle, String> {
        let mut masks = Vec::with_capacity(self.0.len());
        for part in self.0 {
            masks.push(match part {
                Part::Outline(numbers) => Rle::from_rings(size, &[points(numbers, unit, size)?]),
                Part::Rings(rings) => {
                    let rings = rings.into_iter().map(|ring| points(ring, unit, size));
                    Rle::from_rings(size, &rings.collect::<Result<Vec<_>, _>>()?)
                }
                Part::Mask(mask) if mask.size() == size => mask,
                Part::Mask(mask) => {
                    return Err(format!("the mask is {}, but the image {size}", mask.size()));
                }
                Part::Picture { base64, x, y } => picture(&base64, x, y, size, max_pixels)?,
                Part::Bad(reason) => return Err(reason),
            });
        }
        match masks.len() {
            1 => Ok(masks.remove(0)),
            _ => Ok(Rle::united(size, masks)),
        }
    }
}

/// Corners in pixels.
fn points(numbers: Vec<f64>, unit: Unit, size: Size) -> Result<Vec<[f64; 2]>, String> {
    let (points, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("a polygon of {} numbers, expected x and y in turn", numbers.len()));
    }
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err("a number is not finite".to_owned());
    }
    Ok(match unit {
        Unit::Pixels => points.to_vec(),
        Unit::Fractions => {
            let (width, height) = (f64::from(size.width), f64::from(size.height));
            points.iter().map(|[x, y]| [x * width, y * height]).collect()
        }
    })
}

/// Base 64 with or without `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture of a part of the image.
fn picture(base64: &str, x: f64, y: f64, size: Size, max_pixels: u64) -> Result<Rle, String> {
    let bytes = BASE64.decode(base64.trim()).map_err(|_| "its picture is not base 64")?;
    let (inner, values) = png_values::read(&bytes, max_pixels)?;
    if !x.is_finite() || !y.is_finite() {
        return Err("a number is not finite".to_owned());
    }
    // labelme cuts fractions off. Numbers far outside become ones that are outside, too.
    let [x, y] = [x, y].map(|number| number.trunc().clamp(-1e9, 1e9) as i64);
    let columns = usize::try_from(inner.width).expect("the pixels fit into memory");
    let inside = |x: i64, y: i64| {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < columns).then(|| values.get(y * columns + x)).flatten()
    };
    Ok(Rle::from_rows(size, |row, pixels| {
        for (column, pixel) in (0..).zip(pixels) {
            *pixel = inside(column - x, i64::from(row) - y).is_some_and(|&value| value != 0);
        }
    }))
}
