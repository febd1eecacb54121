//! Giving something to the other side.

use std::marker::PhantomData;

use image::{GrayImage, RgbImage, RgbaImage};
use samkit_core::Size;
use samkit_plugin_abi as abi;

use super::{EdgeImage, Region};
use crate::{Kind, Table};

/// An artifact together with the lists that it points to; the pixels, run lengths and texts
/// themselves are borrowed for `'a`.
#[derive(Debug)]
pub struct Built<'a> {
    artifact: abi::Artifact,
    /// Boxed or in vectors, so that they stay where they are when this moves.
    _shape: Option<Box<[i64; 3]>>,
    _regions: Vec<abi::Region>,
    _values: Vec<abi::NamedValue>,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Built<'a> {
    /// Pixels of 8 bits: `data` row by row, the 1, 3 or 4 channels of a pixel together.
    ///
    /// # Panics
    /// When the number of bytes is not that of the size.
    pub fn image(name: &'a str, size: Size, channels: u32, data: &'a [u8]) -> Self {
        assert_eq!(data.len(), size.area() * channels as usize, "the bytes of {size}");
        let dtype = abi::DataType { code: abi::DTYPE_UINT, bits: 8, lanes: 1 };
        let shape = [size.height, size.width, channels].map(i64::from);
        Self::tensor(Kind::Image, name, shape, 3, dtype, data.as_ptr().cast())
    }

    /// Edge strengths from 0 to 1, row by row.
    ///
    /// # Panics
    /// When the number of values is not that of the size.
    pub fn edge_map(name: &'a str, size: Size, values: &'a [f32]) -> Self {
        assert_eq!(values.len(), size.area(), "the pixels of {size}");
        let dtype = abi::DataType { code: abi::DTYPE_FLOAT, bits: 32, lanes: 1 };
        let shape = [size.height, size.width, 1].map(i64::from);
        Self::tensor(Kind::EdgeMap, name, shape, 2, dtype, values.as_ptr().cast())
    }

    /// Boxes.
    pub fn boxes(name: &'a str, size: Size, boxes: &'a [Region]) -> Self {
        Self::regions(Kind::Boxes, name, size, boxes)
    }

    /// Masks.
    pub fn masks(name: &'a str, size: Size, masks: &'a [Region]) -> Self {
        Self::regions(Kind::Masks, name, size, masks)
    }

    /// Text.
    pub fn text(name: &'a str, text: &'a str) -> Self {
        Self::with_text(Kind::Text, name, text)
    }

    /// A table as [`Table`] serialises.
    pub fn table(name: &'a str, json: &'a str) -> Self {
        Self::with_text(Kind::Table, name, json)
    }

    /// What the other side gets, valid as long as this and what it borrows.
    pub fn artifact(&self) -> &abi::Artifact {
        &self.artifact
    }

    fn new(artifact: abi::Artifact) -> Self {
        Self {
            artifact,
            _shape: None,
            _regions: Vec::new(),
            _values: Vec::new(),
            borrowed: PhantomData,
        }
    }

    fn with_text(kind: Kind, name: &'a str, text: &'a str) -> Self {
        let mut artifact = abi::Artifact::empty(kind.code(), abi::Str::new(name));
        artifact.text = abi::Str::new(text);
        Self::new(artifact)
    }

    fn tensor(
        kind: Kind,
        name: &'a str,
        shape: [i64; 3],
        ndim: u32,
        dtype: abi::DataType,
        data: *const std::ffi::c_void,
    ) -> Self {
        let shape = Box::new(shape);
        let mut artifact = abi::Artifact::empty(kind.code(), abi::Str::new(name));
        let strides = std::ptr::null();
        artifact.tensor = abi::Tensor { data, ndim, dtype, shape: shape.as_ptr(), strides };
        Self { _shape: Some(shape), ..Self::new(artifact) }
    }

    fn regions(kind: Kind, name: &'a str, size: Size, list: &'a [Region]) -> Self {
        let (regions, values) = region_table(list);
        let mut artifact = abi::Artifact::empty(kind.code(), abi::Str::new(name));
        (artifact.width, artifact.height) = (size.width, size.height);
        (artifact.regions, artifact.region_count) = (regions.as_ptr(), regions.len());
        Self { _regions: regions, _values: values, ..Self::new(artifact) }
    }
}

/// `list` in the border's form: pointers into `list` and into the second vector.
fn region_table(list: &[Region]) -> (Vec<abi::Region>, Vec<abi::NamedValue>) {
    let named = |(name, value): &(String, f64)| abi::NamedValue {
        name: abi::Str::new(name),
        value: *value,
    };
    let values: Vec<_> = list.iter().flat_map(|region| &region.values).map(named).collect();
    let mut rest = values.as_slice();
    let regions = list.iter().map(|region| {
        let (own, others) = rest.split_at(region.values.len());
        rest = others;
        let runs = region.mask.as_ref().map_or(&[][..], |mask| mask.counts());
        abi::Region {
            bbox: abi::Box {
                x0: region.bbox.x0,
                y0: region.bbox.y0,
                x1: region.bbox.x1,
                y1: region.bbox.y1,
            },
            score: region.score.unwrap_or_default(),
            flags: if region.score.is_some() { abi::REGION_HAS_SCORE } else { 0 },
            label: abi::Str::new(&region.label),
            values: own.as_ptr(),
            value_count: own.len(),
            rle: if runs.is_empty() { std::ptr::null() } else { runs.as_ptr() },
            rle_count: runs.len(),
            bitmap: abi::Tensor::NONE,
        }
    });
    (regions.collect(), values)
}

/// A result that a task gives away.
#[derive(Clone, Debug)]
pub enum Output {
    /// Grey pixels.
    Gray(GrayImage),
    /// RGB pixels.
    Rgb(RgbImage),
    /// RGBA pixels.
    Rgba(RgbaImage),
    /// Edge strengths from 0 to 1, of the image's size.
    EdgeMap(EdgeImage),
    /// Boxes in an image of this size.
    Boxes(Size, Vec<Region>),
    /// Masks of this size.
    Masks(Size, Vec<Region>),
    /// Text.
    Text(String),
    /// Rows and columns.
    Table(Table),
}

impl From<GrayImage> for Output {
    fn from(image: GrayImage) -> Self {
        Self::Gray(image)
    }
}

impl From<RgbImage> for Output {
    fn from(image: RgbImage) -> Self {
        Self::Rgb(image)
    }
}

impl From<RgbaImage> for Output {
    fn from(image: RgbaImage) -> Self {
        Self::Rgba(image)
    }
}

impl From<EdgeImage> for Output {
    fn from(map: EdgeImage) -> Self {
        Self::EdgeMap(map)
    }
}

impl From<Table> for Output {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

/// Output data in a form that an artifact can point into.
struct Package {
    /// Before `data`, which it points into.
    built: Option<Built<'static>>,
    name: String,
    data: Output,
    json: String,
}

/// `data` as an artifact that owns it.
pub(crate) fn hand_over(name: &str, data: Output) -> abi::Artifact {
    let json = match &data {
        Output::Table(table) => serde_json::to_string(table).expect("tables serialise"),
        _ => String::new(),
    };
    let package = Box::new(Package { built: None, name: name.to_owned(), data, json });
    let package = Box::into_raw(package);
    // SAFETY: from a box just now. The references made here end in `release`, where `built` goes
    // first; until then nothing moves or changes what they point to.
    let (name, data, json) = unsafe { (&(*package).name, &(*package).data, &(*package).json) };
    let built = match data {
        Output::Gray(image) => Built::image(name, image.dimensions().into(), 1, image),
        Output::Rgb(image) => Built::image(name, image.dimensions().into(), 3, image),
        Output::Rgba(image) => Built::image(name, image.dimensions().into(), 4, image),
        Output::EdgeMap(map) => Built::edge_map(name, map.dimensions().into(), map),
        Output::Boxes(size, boxes) => Built::boxes(name, *size, boxes),
        Output::Masks(size, masks) => Built::masks(name, *size, masks),
        Output::Text(text) => Built::text(name, text),
        Output::Table(_) => Built::table(name, json),
    };
    let mut artifact = *built.artifact();
    artifact.owner = abi::Owner { context: package.cast(), release: Some(release) };
    // SAFETY: a field that no reference points to.
    unsafe { (*package).built = Some(built) };
    artifact
}

/// # Safety
/// `context` comes from [`hand_over`] and is released once.
unsafe extern "C" fn release(context: *mut std::ffi::c_void) {
    // SAFETY: as the caller vouches. Dropping vectors and strings does not panic.
    drop(unsafe { Box::from_raw(context.cast::<Package>()) });
}
