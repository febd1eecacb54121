//! Services without a network: masks are discs around what was asked for.

use std::{ops::ControlFlow, path::PathBuf};

use image::RgbImage;
use samkit_core::{BBox, LowResLogits, Mask, MaskRecord, Point, Prompt, Rle, Size};
use samkit_plugin::{LogLevel, MaskOutput, Measure};

use crate::{
    ClipService, Extent, HostServices, ModelService, PredictedMask, SamService, ServiceError,
};

const LOW_RES: usize = 256;

/// Lends everything; where `is_broken`, all that computes something fails.
pub(super) struct StandIn {
    pub(super) size: Size,
    pub(super) is_broken: bool,
}

impl Default for StandIn {
    fn default() -> Self {
        Self::new(Size::new(64, 48))
    }
}

impl StandIn {
    pub(super) fn new(size: Size) -> Self {
        Self { size, is_broken: false }
    }

    pub(super) fn working(&self) -> Result<(), ServiceError> {
        match self.is_broken {
            true => Err(ServiceError::Failed("this service always fails".into())),
            false => Ok(()),
        }
    }

    /// Low-res positions in an image pixel's length.
    fn scale(&self) -> f32 {
        LOW_RES as f32 / self.size.width.max(self.size.height) as f32
    }

    /// Logits of a disc around a point in the image.
    fn disc(&self, centre: Point, radius: f32) -> LowResLogits {
        let (x, y) = (centre.x * self.scale(), centre.y * self.scale());
        let value = |index: usize| {
            let (dx, dy) = ((index % LOW_RES) as f32 - x, (index / LOW_RES) as f32 - y);
            (radius - dx.hypot(dy)) / 4.0
        };
        LowResLogits::new((0..LOW_RES * LOW_RES).map(value).collect()).expect("256×256")
    }

    fn at(&self, logits: &[f32], x: u32, y: u32) -> f32 {
        let place = |v: u32| ((v as f32 * self.scale()) as usize).min(LOW_RES - 1);
        logits[place(y) * LOW_RES + place(x)]
    }

    fn pixels(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let Size { width, height } = self.size;
        (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
    }

    fn mask_of(&self, logits: &[f32]) -> Mask {
        Mask::from_fn(self.size, |x, y| self.at(logits, x, y) > 0.0)
    }
}

impl HostServices for StandIn {
    fn log(&self, _level: LogLevel, _text: &str) {}

    fn progress(&self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn sam(&self) -> Option<&dyn SamService> {
        Some(self)
    }

    fn clip(&self) -> Option<&dyn ClipService> {
        Some(self)
    }

    fn models(&self) -> Option<&dyn ModelService> {
        Some(self)
    }
}

impl SamService for StandIn {
    fn image_size(&self) -> Size {
        self.size
    }

    fn input_size(&self) -> Size {
        let side = |v: u32| ((v as f32 * self.scale() * 4.0).round() as u32).max(1);
        Size::new(side(self.size.width), side(self.size.height))
    }

    fn predict(
        &self,
        prompts: &[Prompt],
        output: MaskOutput,
        _extent: Extent,
    ) -> Result<Vec<Vec<PredictedMask>>, ServiceError> {
        self.working()?;
        let masks: u8 = if output == MaskOutput::Single { 1 } else { 3 };
        let answer = |prompt: &Prompt| {
            let middle = |b: &BBox| Point::new((b.x0 + b.x1) / 2.0, (b.y0 + b.y1) / 2.0);
            let point = prompt.points.first().map(|p| p.point);
            let centre = point.or(prompt.bbox.as_ref().map(middle)).unwrap_or(Point::new(0.0, 0.0));
            let mask = |mask: u8| PredictedMask {
                predicted_iou: 0.9 - 0.1 * f32::from(mask),
                logits: self.disc(centre, 16.0 * (1.0 + f32::from(mask))),
            };
            (0..masks).map(mask).collect()
        };
        Ok(prompts.iter().map(answer).collect())
    }

    fn upsample(&self, logits: &[f32], out: &mut [f32]) -> Result<(), ServiceError> {
        self.working()?;
        out.iter_mut().zip(self.pixels()).for_each(|(out, (x, y))| *out = self.at(logits, x, y));
        Ok(())
    }

    fn mask(&self, logits: &[f32], out: &mut [u8]) -> Result<(), ServiceError> {
        self.working()?;
        let pixels = out.iter_mut().zip(self.pixels());
        pixels.for_each(|(out, (x, y))| *out = u8::from(self.at(logits, x, y) > 0.0));
        Ok(())
    }

    fn measure(&self, logits: &[f32], stability_offset: f32) -> Result<Measure, ServiceError> {
        self.working()?;
        // On the logits, which are fewer than a large image's pixels: a task may ask for hundreds.
        let length = |pixels: u32| ((pixels as f32 * self.scale()).ceil() as u32).max(1);
        let part = Size::new(length(self.size.width), length(self.size.height));
        let at = |x: u32, y: u32| logits[y as usize * LOW_RES + x as usize];
        let mask = Mask::from_fn(part, |x, y| at(x, y) > 0.0);
        let above = |t: f32| Mask::from_fn(part, |x, y| at(x, y) > t).area() as f32;
        let stability_score = above(stability_offset) / above(-stability_offset);
        let area = (mask.area() as f32 / self.scale().powi(2)).round() as u64;
        let BBox { x0, y0, x1, y1 } = mask.inclusive_bbox();
        let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|v| (v / self.scale()).round());
        Ok(Measure { area, bbox: BBox::new(x0, y0, x1, y1), stability_score })
    }

    fn automatic_masks(
        &self,
        _params: &str,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<MaskRecord>, ServiceError> {
        self.working()?;
        let (width, height) = (self.size.width as f32, self.size.height as f32);
        let mut records = Vec::new();
        for index in 0..4_u8 {
            if progress(u64::from(index), 4).is_break() {
                return Err(ServiceError::Cancelled);
            }
            let point = Point::new(width * f32::from(index) / 4.0, height / 2.0);
            let segmentation = Rle::from_mask(&self.mask_of(self.disc(point, 24.0).values()));
            records.push(MaskRecord {
                area: segmentation.area(),
                bbox: segmentation.inclusive_bbox(),
                segmentation,
                predicted_iou: 0.9,
                point,
                stability_score: 0.95,
                crop: BBox::new(0.0, 0.0, width, height),
                logits: None,
            });
        }
        Ok(records)
    }

    fn picture(&self, image: RgbImage) -> Result<Box<dyn SamService + Send>, ServiceError> {
        // Opening works also where the network does not: nothing is computed yet.
        Ok(Box::new(Self { size: image.dimensions().into(), ..*self }))
    }
}

impl ModelService for StandIn {
    fn weights_path(&self, id: &str) -> Result<PathBuf, ServiceError> {
        Err(ServiceError::Failed(format!("there are no weights `{id}` in this test").into()))
    }
}
