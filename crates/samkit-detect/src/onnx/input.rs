//! From an image to a detector's input, and from there back.

use image::RgbImage;
use samkit_core::BBox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bilinear::{Align, resized};

/// How an image is fitted into the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Its sides keep their ratio; grey on both sides of it.
    Letterbox,
    /// The same, but the image lies in the top left corner.
    LetterboxCorner,
    /// It fills the input.
    Stretch,
}

/// How values are scaled and colours ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pixels {
    /// Red, green, blue from 0 to 1.
    RgbUnit,
    /// Red, green, blue from 0 to 255.
    RgbByte,
    /// Blue, green, red from 0 to 255.
    BgrByte,
    /// Red, green, blue less ImageNet's mean, over its standard deviation.
    Imagenet,
}

/// Grey around a letterboxed image, as YOLO's authors have it.
const GREY: f32 = 114.0;
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// What is done to an image before the network sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Preparation {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) resize: Resize,
    pub(super) pixels: Pixels,
}

/// Where an image lies in the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Input pixels an image pixel, across and down.
    scale: (f32, f32),
    left: f32,
    top: f32,
}

impl Placement {
    pub(super) fn image_from_input(&self, bbox: BBox) -> BBox {
        let x = |x: f32| (x - self.left) / self.scale.0;
        let y = |y: f32| (y - self.top) / self.scale.1;
        BBox::new(x(bbox.x0), y(bbox.y0), x(bbox.x1), y(bbox.y1))
    }
}

impl Preparation {
    /// The input (3, height, width), and where the image lies in it.
    pub(super) fn apply(&self, image: &RgbImage) -> (Vec<f32>, Placement) {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let ratio = (self.width as f32 / width).min(self.height as f32 / height);
        let (inner_width, inner_height, scale) = match self.resize {
            Resize::Stretch => {
                (self.width, self.height, (self.width as f32 / width, self.height as f32 / height))
            }
            // YOLOX cuts the fraction off, the others round.
            Resize::LetterboxCorner => {
                let inner = |side: f32, most: usize| ((side * ratio) as usize).clamp(1, most);
                (inner(width, self.width), inner(height, self.height), (ratio, ratio))
            }
            Resize::Letterbox => {
                let inner =
                    |side: f32, most: usize| ((side * ratio).round() as usize).clamp(1, most);
                (inner(width, self.width), inner(height, self.height), (ratio, ratio))
            }
        };
        let (left, top) = match self.resize {
            Resize::Letterbox => ((self.width - inner_width) / 2, (self.height - inner_height) / 2),
            Resize::LetterboxCorner | Resize::Stretch => (0, 0),
        };
        let inner = resized(image, inner_width, inner_height, Align::Outlines);
        let plane = self.width * self.height;
        let mut out = vec![0.0; 3 * plane];
        for (channel, plane) in out.chunks_exact_mut(plane).enumerate() {
            let source = if self.pixels == Pixels::BgrByte { 2 - channel } else { channel };
            let value = |byte: f32| match self.pixels {
                Pixels::RgbUnit => byte / 255.0,
                Pixels::RgbByte | Pixels::BgrByte => byte,
                Pixels::Imagenet => {
                    let (mean, deviation) = IMAGENET[channel];
                    (byte / 255.0 - mean) / deviation
                }
            };
            plane.fill(value(GREY));
            for (y, row) in inner.chunks_exact(inner_width * 3).enumerate() {
                let line = &mut plane[(top + y) * self.width + left..][..inner_width];
                for (out, pixel) in line.iter_mut().zip(row.as_chunks::<3>().0) {
                    *out = value(pixel[source]);
                }
            }
        }
        (out, Placement { scale, left: left as f32, top: top as f32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Preparation =
        Preparation { width: 64, height: 64, resize: Resize::Letterbox, pixels: Pixels::RgbUnit };

    fn photo() -> RgbImage {
        RgbImage::from_pixel(32, 16, image::Rgb([255, 0, 51]))
    }

    #[test]
    fn a_letterbox_is_grey_above_and_below() {
        let (values, placement) = WIDE.apply(&photo());
        assert!((values[0] - 114.0 / 255.0).abs() < 1e-6);
        let middle = 32 * 64 + 10;
        assert_eq!([values[middle], values[4096 + middle]], [1.0, 0.0]);
        let bbox = placement.image_from_input(BBox::new(0.0, 16.0, 64.0, 48.0));
        assert_eq!(bbox, BBox::new(0.0, 0.0, 32.0, 16.0));
    }

    #[test]
    fn in_the_corner_and_stretched() {
        let corner =
            Preparation { resize: Resize::LetterboxCorner, pixels: Pixels::BgrByte, ..WIDE };
        let (values, placement) = corner.apply(&photo());
        assert_eq!([values[0], values[4096], values[8192]], [51.0, 0.0, 255.0]);
        assert_eq!(values[40 * 64], 114.0);
        let bbox = placement.image_from_input(BBox::new(0.0, 0.0, 64.0, 32.0));
        assert_eq!(bbox, BBox::new(0.0, 0.0, 32.0, 16.0));
        let whole = Preparation { resize: Resize::Stretch, pixels: Pixels::Imagenet, ..WIDE };
        let (values, placement) = whole.apply(&photo());
        assert!(values[..4096].iter().all(|value| (value - (1.0 - 0.485) / 0.229).abs() < 1e-5));
        let bbox = placement.image_from_input(BBox::new(0.0, 0.0, 64.0, 64.0));
        assert_eq!(bbox, BBox::new(0.0, 0.0, 32.0, 16.0));
    }
}
