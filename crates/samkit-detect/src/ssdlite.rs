//! SSDLite with MobileNetV2 (Sandler et al. 2018, §6.2; SSD: Liu et al. 2016), trained on COCO.
//!
//! 300×300 pixels from −1 to 1 go through MobileNetV2 and four more pairs of convolutions; at six
//! scales, from 19×19 to 1×1 positions, every position has three or six anchors, and for each of
//! these a box and a score for every one of COCO's 90 ids.

mod weights;

use std::path::Path;

use image::RgbImage;
use samkit_core::BBox;
use samkit_engine::layers::{Activation, Dense, Depthwise3x3, same_padding};

use self::weights::Weights;
use crate::{
    Candidate, DetectError,
    bilinear::{Align, resized},
};

/// Pixels a side of what the network sees.
const SIDE: usize = 300;
/// COCO's ids; not all of them are used.
const CLASSES: usize = 90;
/// Blocks that halve the resolution.
const STRIDED: [usize; 4] = [1, 3, 6, 13];
/// Channels of a pixel and its eight neighbours.
const TAPS: usize = 27;

/// The network.
pub struct SsdLite {
    stem: Dense,
    blocks: Vec<Block>,
    last: Dense,
    extra: Vec<Block>,
    heads: Vec<[Head; 2]>,
    anchors: Vec<[f32; 4]>,
}

/// Wider, through a depthwise convolution, and narrow again.
struct Block {
    expand: Option<Dense>,
    depthwise: Depthwise3x3,
    project: Dense,
    /// Whether the input is added to the output.
    is_residual: bool,
}

/// Boxes or classes of one scale.
struct Head {
    depthwise: Depthwise3x3,
    project: Dense,
}

/// An image inside the network: height, width and channels-last values.
struct Map {
    size: (usize, usize),
    values: Vec<f32>,
}

/// What the network says of its anchors.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// Top, left, bottom and right of 1917 boxes, as fractions of the image.
    pub boxes: Vec<[f32; 4]>,
    /// (boxes, 90) scores, by COCO's ids less 1.
    pub scores: Vec<f32>,
}

impl SsdLite {
    /// Reads the weights that the registry's `ssdlite-mobilenet-v2` stores.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold them.
    pub fn load(path: &Path) -> Result<Self, DetectError> {
        let weights = Weights::read(path)?;
        let relu = Activation::Relu6;
        let block = |name: &str, index: usize| {
            let expand = (index > 0).then(|| weights.dense(&format!("{name}.expand"), relu));
            let stride = if STRIDED.contains(&index) { 2 } else { 1 };
            let depthwise = weights.depthwise(&format!("{name}.depthwise"), stride)?;
            let project = weights.dense(&format!("{name}.project"), Activation::None)?;
            let expand = expand.transpose()?;
            let inputs = expand.as_ref().map_or(0, Dense::inputs);
            let is_residual = stride == 1 && inputs == project.outputs();
            Ok(Block { expand, depthwise, project, is_residual })
        };
        let extra = |index: usize| {
            let name = format!("extra.{index}");
            Ok(Block {
                expand: Some(weights.dense(&format!("{name}.reduce"), relu)?),
                depthwise: weights.depthwise(&format!("{name}.depthwise"), 2)?,
                project: weights.dense(&format!("{name}.expand"), relu)?,
                is_residual: false,
            })
        };
        let head = |name: String| {
            Ok(Head {
                depthwise: weights.depthwise(&format!("{name}.depthwise"), 1)?,
                project: weights.dense(&format!("{name}.project"), Activation::None)?,
            })
        };
        let heads = |index: usize| {
            let name = format!("heads.{index}");
            Ok([head(format!("{name}.boxes"))?, head(format!("{name}.classes"))?])
        };
        Ok(Self {
            stem: weights.dense("stem", relu)?,
            blocks: (0..17)
                .map(|index| block(&format!("blocks.{index}"), index))
                .collect::<Result<_, DetectError>>()?,
            last: weights.dense("last", relu)?,
            extra: (0..4).map(extra).collect::<Result<_, DetectError>>()?,
            heads: (0..6).map(heads).collect::<Result<_, DetectError>>()?,
            anchors: weights.get("anchors")?.1.as_chunks().0.to_vec(),
        })
    }

    /// Every anchor's box and best class, in pixels of the image.
    pub fn candidates(&self, image: &RgbImage) -> Vec<Candidate> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let Raw { boxes, scores } = self.raw(image);
        let mut candidates = Vec::new();
        for ([top, left, bottom, right], scores) in boxes.iter().zip(scores.chunks_exact(CLASSES)) {
            let bbox = BBox::new(left * width, top * height, right * width, bottom * height);
            let all = scores.iter().enumerate();
            candidates.extend(all.map(|(class, &score)| Candidate { bbox, class, score }));
        }
        candidates
    }

    /// What the network says of its anchors.
    pub fn raw(&self, image: &RgbImage) -> Raw {
        let mut pixels = resized(image, SIDE, SIDE, Align::FirstPixels);
        pixels.iter_mut().for_each(|value| *value = *value * (2.0 / 255.0) - 1.0);
        let mut map = self.stem(&pixels);
        let mut maps = Vec::with_capacity(6);
        for (index, block) in self.blocks.iter().enumerate() {
            let (after, wide) = block.forward(map);
            map = after;
            // The first scale looks at the widened features of the last block with 19×19 positions.
            if index == STRIDED[3] {
                maps.push(wide);
            }
        }
        maps.push(Map { values: self.last.forward(&map.values), size: map.size });
        for block in &self.extra {
            let before = maps.last().expect("two are there");
            let before = Map { values: before.values.clone(), size: before.size };
            maps.push(block.forward(before).0);
        }
        let (mut codes, mut scores) = (Vec::new(), Vec::new());
        for (map, [boxes, classes]) in maps.iter().zip(&self.heads) {
            codes.extend_from_slice(boxes.forward(map).as_chunks::<4>().0);
            for logits in classes.forward(map).chunks_exact(CLASSES + 1) {
                // The first is the background.
                scores.extend(logits[1..].iter().map(|&logit| 1.0 / (1.0 + (-logit).exp())));
            }
        }
        let boxes = codes.iter().zip(&self.anchors).map(|(code, anchor)| decoded(*code, *anchor));
        Raw { boxes: boxes.collect(), scores }
    }

    /// The first convolution, as a product with every pixel's neighbourhood.
    fn stem(&self, pixels: &[f32]) -> Map {
        let (side, before) = same_padding(SIDE, 2);
        let mut taps = vec![0.0; side * side * TAPS];
        for (index, taps) in taps.chunks_exact_mut(TAPS).enumerate() {
            for (tap, out) in taps.chunks_exact_mut(3).enumerate() {
                let y = (index / side * 2 + tap / 3).wrapping_sub(before);
                let x = (index % side * 2 + tap % 3).wrapping_sub(before);
                if y < SIDE && x < SIDE {
                    out.copy_from_slice(&pixels[(y * SIDE + x) * 3..][..3]);
                }
            }
        }
        Map { size: (side, side), values: self.stem.forward(&taps) }
    }
}

impl Block {
    /// The output, and the widened features.
    fn forward(&self, map: Map) -> (Map, Map) {
        let size = map.size;
        let wide = match &self.expand {
            Some(expand) => expand.forward(&map.values),
            None => map.values.clone(),
        };
        let (narrow, after) = self.depthwise.forward(&wide, size);
        let mut values = self.project.forward(&narrow);
        if self.is_residual {
            values.iter_mut().zip(&map.values).for_each(|(value, before)| *value += before);
        }
        (Map { size: after, values }, Map { size, values: wide })
    }
}

impl Head {
    fn forward(&self, map: &Map) -> Vec<f32> {
        self.project.forward(&self.depthwise.forward(&map.values, map.size).0)
    }
}

/// A box from its code relative to an anchor: offsets in tenths of the anchor's sides, logarithms of
/// the sides in fifths (the API's `faster_rcnn_box_coder`).
fn decoded([dy, dx, dh, dw]: [f32; 4], [top, left, bottom, right]: [f32; 4]) -> [f32; 4] {
    let (height, width) = (bottom - top, right - left);
    let y = dy * 0.1 * height + top + height * 0.5;
    let x = dx * 0.1 * width + left + width * 0.5;
    let (half_height, half_width) =
        ((dh * 0.2).exp() * height * 0.5, (dw * 0.2).exp() * width * 0.5);
    [y - half_height, x - half_width, y + half_height, x + half_width]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_zeros_is_the_anchor() {
        let anchor = [0.1, 0.2, 0.5, 0.4];
        for (got, expected) in decoded([0.0; 4], anchor).iter().zip(anchor) {
            assert!((got - expected).abs() < 1e-6);
        }
        let moved = decoded([10.0, 0.0, 0.0, 5.0 * 2f32.ln()], [0.0, 0.0, 0.2, 0.2]);
        for (got, expected) in moved.iter().zip([0.2, -0.1, 0.4, 0.3]) {
            assert!((got - expected).abs() < 1e-6, "{moved:?}");
        }
    }
}
