//! Inputs to try a plugin with.

use image::{Rgb, RgbImage};
use samkit_core::{BBox, Mask, Rle, Size};
use samkit_plugin::{EdgeImage, Kind, Region};

use crate::{Description, Input};

/// One of everything, for an image of some size.
pub(super) struct Sample {
    pub(super) size: Size,
    image: RgbImage,
    boxes: Vec<Region>,
    masks: Vec<Region>,
    edges: EdgeImage,
    words: String,
}

impl Sample {
    /// A picture with bright and dark blocks, a few regions in it, and some words.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let size = Size::new(width, height);
        let image = RgbImage::from_fn(width, height, |x, y| {
            let is_bright = (x / 16 + y / 16) % 2 == 0;
            Rgb([if is_bright { 230 } else { 20 }, (x % 256) as u8, (y % 256) as u8])
        });
        let bbox = BBox::new(0.0, 0.0, width as f32, height as f32);
        let half = Mask::from_fn(size, |x, _| 2 * x <= width);
        let masks = vec![Region::from_mask(Rle::from_mask(&half)).labelled("half").scored(0.5)];
        let edges = EdgeImage::from_fn(width, height, |x, _| image::Luma([(x % 2) as f32]));
        let boxes = vec![Region::from_bbox(bbox).labelled("all").scored(0.5)];
        Self { size, image, boxes, masks, edges, words: "a dog".to_owned() }
    }

    /// The same without any region or word.
    pub(super) fn emptied(mut self) -> Self {
        self.boxes.clear();
        self.masks.clear();
        self.words.clear();
        self
    }

    /// What the description asks for, with or without what may be left out.
    pub(super) fn inputs<'a>(
        &'a self,
        description: &'a Description,
        with_optional: bool,
    ) -> Vec<Input<'a>> {
        let wanted = description.inputs.iter().filter(|slot| with_optional || !slot.is_optional);
        let input = |name: &'a str, kind| match kind {
            Kind::Image => Some(Input::image(name, &self.image)),
            Kind::Boxes => Some(Input::boxes(name, self.size, &self.boxes)),
            Kind::Masks => Some(Input::masks(name, self.size, &self.masks)),
            Kind::EdgeMap => Some(Input::edge_map(name, &self.edges)),
            Kind::Text => Some(Input::text(name, &self.words)),
            Kind::Table => None,
        };
        wanted.filter_map(|slot| input(&slot.name, slot.kind)).collect()
    }
}
