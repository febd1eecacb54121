//! Boxes and masks with what is known of them.

use samkit_core::{BBox, Mask, MaskRecord, Rle, Size};
use samkit_plugin_abi as abi;

use super::{Malformed, slice, text, view::bytes};

/// One box or one mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The box, or the box around the mask, in original-image pixels.
    pub bbox: BBox,
    /// Its class or description; may be empty.
    pub label: String,
    /// How good or how likely it is.
    pub score: Option<f32>,
    /// Further numbers by their names; finite.
    pub values: Vec<(String, f64)>,
    /// The mask, of the image's size; none in a list of boxes.
    pub mask: Option<Rle>,
}

impl Region {
    /// A box.
    pub fn from_bbox(bbox: BBox) -> Self {
        Self { bbox, label: String::new(), score: None, values: Vec::new(), mask: None }
    }

    /// A mask.
    pub fn from_mask(mask: Rle) -> Self {
        let mut region = Self::from_bbox(mask.bbox());
        region.mask = Some(mask);
        region
    }

    /// The same with a label.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same with a score.
    #[must_use]
    pub fn scored(mut self, score: f32) -> Self {
        self.score = Some(score);
        self
    }

    /// The same with one more number.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: f64) -> Self {
        self.values.push((name.into(), value));
        self
    }
}

impl From<MaskRecord> for Region {
    /// The score is the predicted IoU; the box is the mask's, and not the record's, which leaves out
    /// its last pixels; the rest of the record becomes values.
    fn from(record: MaskRecord) -> Self {
        let mut region = Self::from_mask(record.segmentation).scored(record.predicted_iou);
        if record.stability_score.is_finite() {
            region = region.with_value("stability_score", f64::from(record.stability_score));
        }
        let (point, crop) = (record.point, record.crop);
        let places = [
            ("point_x", point.x),
            ("point_y", point.y),
            ("crop_x0", crop.x0),
            ("crop_y0", crop.y0),
            ("crop_x1", crop.x1),
            ("crop_y1", crop.y1),
        ];
        places
            .into_iter()
            .fold(region, |region, (name, value)| region.with_value(name, f64::from(value)))
    }
}

/// Boxes or masks of the other side, checked, and not copied.
#[derive(Clone, Copy, Debug)]
pub struct Regions<'a> {
    size: Size,
    regions: &'a [abi::Region],
}

impl<'a> Regions<'a> {
    /// Checks every region of `artifact`.
    ///
    /// # Safety
    /// As [`super::view()`].
    pub(super) unsafe fn new(
        artifact: &abi::Artifact,
        masks: bool,
        image: Option<Size>,
        what: &str,
    ) -> Result<Self, Malformed> {
        let size = Size::new(artifact.width, artifact.height);
        if let Some(expected) = image.filter(|&image| image != size) {
            return Err(Malformed::Size { what: what.to_owned(), found: size, expected });
        }
        let list = || format!("the list of regions of {what}");
        // SAFETY: passed on to the caller.
        let regions = unsafe { slice(artifact.regions, artifact.region_count, list) }?;
        for (index, region) in regions.iter().enumerate() {
            // SAFETY: likewise.
            unsafe { check(region, size, masks, &|| format!("{what}, region {index}")) }?;
        }
        Ok(Self { size, regions })
    }

    /// Size of the image that they lie in.
    pub fn size(&self) -> Size {
        self.size
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RegionView<'a>> + use<'a> {
        let size = self.size;
        self.regions.iter().map(move |region| RegionView { size, region })
    }
}

// SAFETY: what the pointers lead to is only read, and nobody writes it during `'a`.
unsafe impl Send for Regions<'_> {}
// SAFETY: as above.
unsafe impl Sync for Regions<'_> {}

/// One box or mask of the other side.
#[derive(Clone, Copy, Debug)]
pub struct RegionView<'a> {
    size: Size,
    region: &'a abi::Region,
}

impl<'a> RegionView<'a> {
    /// The box, or the box around the mask.
    pub fn bbox(&self) -> BBox {
        let abi::Box { x0, y0, x1, y1 } = self.region.bbox;
        BBox::new(x0, y0, x1, y1)
    }

    /// How good or how likely it is.
    pub fn score(&self) -> Option<f32> {
        (self.region.flags & abi::REGION_HAS_SCORE != 0).then_some(self.region.score)
    }

    /// Its class or description; may be empty.
    pub fn label(&self) -> &'a str {
        // SAFETY: `Regions::new` checked this text.
        unsafe { text(self.region.label, String::new) }.unwrap_or_default()
    }

    /// Further numbers by their names.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        // SAFETY: `Regions::new` checked this list and the texts in it.
        let values = unsafe { slice(self.region.values, self.region.value_count, String::new) };
        values.unwrap_or_default().iter().map(|value| {
            // SAFETY: as above.
            (unsafe { text(value.name, String::new) }.unwrap_or_default(), value.value)
        })
    }

    /// The mask's COCO run lengths, where it comes with them.
    pub fn runs(&self) -> Option<&'a [u32]> {
        let Self { region, .. } = self;
        if region.rle.is_null() {
            return None;
        }
        // SAFETY: `Regions::new` checked this list.
        unsafe { slice(region.rle, region.rle_count, String::new) }.ok()
    }

    /// The mask's pixels row by row, 0 outside, where it comes with them.
    pub fn bitmap(&self) -> Option<&'a [u8]> {
        if self.region.bitmap.data.is_null() {
            return None;
        }
        // SAFETY: `Regions::new` checked this tensor.
        unsafe { slice(self.region.bitmap.data.cast(), self.size.area(), String::new) }.ok()
    }

    /// The mask as run lengths of one's own; `None` for a box.
    pub fn mask(&self) -> Option<Rle> {
        if let Some(runs) = self.runs() {
            return Rle::from_counts(self.size, runs.to_vec()).ok();
        }
        let pixels = self.bitmap()?.iter().map(|&pixel| pixel != 0).collect();
        Some(Rle::from_mask(&Mask::from_pixels(self.size, pixels)?))
    }

    /// A copy that owns everything.
    pub fn to_region(&self) -> Region {
        Region {
            bbox: self.bbox(),
            label: self.label().to_owned(),
            score: self.score(),
            values: self.values().map(|(name, value)| (name.to_owned(), value)).collect(),
            mask: self.mask(),
        }
    }
}

// SAFETY: as `Regions`.
unsafe impl Send for RegionView<'_> {}
// SAFETY: as above.
unsafe impl Sync for RegionView<'_> {}

/// # Safety
/// As [`super::view()`].
unsafe fn check(
    region: &abi::Region,
    size: Size,
    masks: bool,
    what: &dyn Fn() -> String,
) -> Result<(), Malformed> {
    let finite = |value: f64, part: &dyn Fn() -> String| match value.is_finite() {
        true => Ok(()),
        false => Err(Malformed::NotFinite { what: part(), found: value }),
    };
    let abi::Box { x0, y0, x1, y1 } = region.bbox;
    for side in [x0, y0, x1, y1] {
        finite(f64::from(side), &|| format!("a side of the box of {}", what()))?;
    }
    if x1 < x0 || y1 < y0 {
        return Err(Malformed::BoxOrder { what: format!("the box of {}", what()) });
    }
    if region.flags & abi::REGION_HAS_SCORE != 0 {
        finite(f64::from(region.score), &|| format!("the score of {}", what()))?;
    }
    // SAFETY: passed on to the caller, here and below.
    unsafe { text(region.label, || format!("the label of {}", what())) }?;
    let list = || format!("the list of values of {}", what());
    // SAFETY: as above.
    for value in unsafe { slice(region.values, region.value_count, list) }? {
        // SAFETY: as above.
        let name = unsafe { text(value.name, || format!("the name of a value of {}", what())) }?;
        finite(value.value, &|| format!("`{name}` of {}", what()))?;
    }
    match masks {
        // SAFETY: as above.
        true => unsafe { check_mask(region, size, what) },
        false => Ok(()),
    }
}

/// # Safety
/// As [`super::view()`].
unsafe fn check_mask(
    region: &abi::Region,
    size: Size,
    what: &dyn Fn() -> String,
) -> Result<(), Malformed> {
    let part = || format!("the mask of {}", what());
    if !region.rle.is_null() {
        // SAFETY: passed on to the caller.
        let runs = unsafe { slice(region.rle, region.rle_count, part) }?;
        let found = runs.iter().map(|&run| u64::from(run)).sum::<u64>();
        let expected = u64::from(size.width) * u64::from(size.height);
        if found != expected || u32::try_from(expected).is_err() {
            let reason = samkit_core::RleError::WrongTotal { size, expected, found };
            return Err(Malformed::Runs { what: part(), reason });
        }
        return Ok(());
    }
    if region.bitmap.data.is_null() {
        return Err(Malformed::NoMask { what: what() });
    }
    let shape = [i64::from(size.height), i64::from(size.width)];
    // SAFETY: passed on to the caller.
    unsafe { bytes(&region.bitmap, &shape, &part()) }.map(|_| ())
}
