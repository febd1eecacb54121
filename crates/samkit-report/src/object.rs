//! Things in an image, as the page draws and lists them.

use std::cmp::Reverse;

use samkit_core::BBox;
use samkit_io::Instance;
use serde::{Deserialize, Serialize};

use crate::path::{box_path, mask_path};

/// A thing. What people read is in original-image pixels, what is drawn in the picture's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Its place in the step's result, from 1: its number in label maps.
    number: usize,
    pub(crate) label: String,
    pub(crate) score: Option<f64>,
    /// Pixels of the mask, or of the box where there is no mask.
    area: u64,
    /// Left, top, right and bottom, in whole pixels.
    #[serde(rename = "box")]
    bbox: [i64; 4],
    /// Whether `path` is a mask's and not the box's.
    mask: bool,
    path: String,
}

impl Object {
    /// The things of an image of `image` pixels for a picture of `picture` pixels, the largest first:
    /// they are drawn in this order, so that small ones stay on top and can be reached, and colours are
    /// given out by it, as in the overlays that are written to files.
    pub(crate) fn all(instances: &[Instance], image: (u32, u32), picture: (u32, u32)) -> Vec<Self> {
        let mut objects: Vec<_> =
            (1..).zip(instances).map(|(n, thing)| Self::new(n, thing, image, picture)).collect();
        objects.sort_by_key(|object| Reverse(object.area));
        objects
    }

    fn new(number: usize, thing: &Instance, image: (u32, u32), picture: (u32, u32)) -> Self {
        let BBox { x0, y0, x1, y1 } = thing.bbox;
        let path = match &thing.mask {
            Some(mask) => mask_path(mask, picture),
            None => {
                let across = picture.0 as f32 / image.0.max(1) as f32;
                let down = picture.1 as f32 / image.1.max(1) as f32;
                box_path(BBox::new(x0 * across, y0 * down, x1 * across, y1 * down))
            }
        };
        Self {
            number,
            label: thing.label.clone(),
            score: thing.score.and_then(|score| rounded(f64::from(score))),
            area: match &thing.mask {
                Some(mask) => mask.area(),
                None => thing.bbox.area().round() as u64,
            },
            bbox: [x0, y0, x1, y1].map(|side| side.round() as i64),
            mask: thing.mask.is_some(),
            path,
        }
    }
}

/// A number with four decimals at most; `None` for what JSON cannot say.
pub(crate) fn rounded(number: f64) -> Option<f64> {
    number.is_finite().then(|| (number * 1e4).round() / 1e4)
}
