//! Looking at an image more than once: whole, mirrored, and at its corners.

use std::ops::Deref;

use image::{ImageBuffer, Rgb, RgbImage};
use rayon::prelude::*;
use samkit_core::Size;

use crate::{EdgeImage, Views};

/// A corner's share of the image's sides, as a fraction: less of the image, seen larger.
const CORNER: (u32, u32) = (5, 8);
/// What a corner counts against the whole image.
const CORNER_WEIGHT: f32 = 0.5;
/// In a picture, masks are known at this many places along its longer side.
const LOW_RES_SIDE: f32 = 256.0;
/// Such places next to a side where the picture was cut out in which edges do not count: masks of things
/// that go on outside often stop a little short of it.
const MARGIN: f32 = 3.0;
/// Such places after these in which they count more and more, so that there is no seam.
const SEAM: f32 = 5.0;

/// A part of the image, as it is or mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    whole: Size,
    left: u32,
    top: u32,
    size: Size,
    is_mirrored: bool,
    weight: f32,
}

impl View {
    /// The views of an image of this size, itself first.
    pub(crate) fn all(views: Views, whole: Size) -> Vec<Self> {
        let image = Self { whole, left: 0, top: 0, size: whole, is_mirrored: false, weight: 1.0 };
        let mirror = Self { is_mirrored: true, ..image };
        match views {
            Views::Image => vec![image],
            Views::Mirror => vec![image, mirror],
            Views::Corners => [image, mirror].into_iter().chain(image.corners()).collect(),
        }
    }

    /// Parts of the image that together cover it; none where they would be all of it.
    fn corners(self) -> Vec<Self> {
        let part = |length: u32| {
            let length = u64::from(length) * u64::from(CORNER.0);
            length.div_ceil(u64::from(CORNER.1)) as u32
        };
        let (width, height) = (part(self.whole.width), part(self.whole.height));
        // Where most of a part would not count, the axis is not cut: in long, narrow images.
        let narrowest = 4.0 * (MARGIN + SEAM) * width.max(height) as f32 / LOW_RES_SIDE;
        let cut = |part: u32, whole: u32| if part as f32 > narrowest { part } else { whole };
        let size = Size::new(cut(width, self.whole.width), cut(height, self.whole.height));
        let (right, bottom) = (self.whole.width - size.width, self.whole.height - size.height);
        let mut places = vec![(0, 0), (right, 0), (0, bottom), (right, bottom)];
        places.sort_unstable();
        places.dedup();
        let corner = |(left, top)| Self { left, top, size, weight: CORNER_WEIGHT, ..self };
        places.into_iter().map(corner).filter(|corner| corner.size != corner.whole).collect()
    }

    /// What is to be seen, unless that is the image itself.
    pub(crate) fn picture<Pixels: Deref<Target = [u8]>>(
        &self,
        image: &ImageBuffer<Rgb<u8>, Pixels>,
    ) -> Option<RgbImage> {
        assert_eq!(
            image.dimensions(),
            (self.whole.width, self.whole.height),
            "a view of the image"
        );
        if self.size == self.whole && !self.is_mirrored {
            return None;
        }
        let picture = RgbImage::from_fn(self.size.width, self.size.height, |x, y| {
            image[(self.left + self.seen(x), self.top + y)]
        });
        Some(picture)
    }

    /// A column of the part that is shown, in the picture; and the other way round.
    fn seen(&self, x: u32) -> u32 {
        if self.is_mirrored { self.size.width - 1 - x } else { x }
    }

    /// How much strengths count along an axis.
    fn fading(&self, start: u32, length: u32, whole: u32) -> Vec<f32> {
        let place = self.size.width.max(self.size.height) as f32 / LOW_RES_SIDE;
        let from = |is_cut: bool, distance: u32| match is_cut {
            true => ((distance as f32 / place - MARGIN) / SEAM).clamp(0.0, 1.0),
            false => 1.0,
        };
        let (is_cut_before, is_cut_after) = (start > 0, start + length < whole);
        (0..length)
            .map(|at| from(is_cut_before, at).min(from(is_cut_after, length - 1 - at)))
            .collect()
    }
}

/// A view with what it counts, column by column and row by row.
struct Weighed<'v> {
    view: &'v View,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl<'v> Weighed<'v> {
    fn new(view: &'v View) -> Self {
        let across = view.fading(view.left, view.size.width, view.whole.width);
        let down = view.fading(view.top, view.size.height, view.whole.height);
        Self { view, across, down }
    }

    /// What the view counts at a pixel of the image.
    fn weight(&self, x: u32, y: u32) -> f32 {
        let at = |fading: &[f32], position: u32, start: u32| {
            position.checked_sub(start).and_then(|index| fading.get(index as usize).copied())
        };
        let across = at(&self.across, x, self.view.left).unwrap_or(0.0);
        self.view.weight * at(&self.down, y, self.view.top).unwrap_or(0.0).min(across)
    }
}

/// Strengths in the image: the mean of those in its views, by weight. `found` gives the strengths in
/// the picture of a view.
pub(crate) fn mean<E>(
    views: &[View],
    mut found: impl FnMut(&View) -> Result<EdgeImage, E>,
) -> Result<EdgeImage, E> {
    if let [view] = views {
        return found(view);
    }
    let views: Vec<Weighed<'_>> = views.iter().map(Weighed::new).collect();
    let Size { width, height } = views[0].view.whole;
    let mut mean = EdgeImage::new(width, height);
    for weighed in &views {
        let view = weighed.view;
        let found = found(view)?;
        let rows = mean.par_chunks_exact_mut(width as usize).skip(view.top as usize);
        rows.zip(0..view.size.height).for_each(|(mean, row)| {
            for seen in 0..view.size.width {
                let (x, y) = (view.left + view.seen(seen), view.top + row);
                // Summed up for every pixel: large images have no memory to spare for a map of weights.
                let total: f32 = views.iter().map(|view| view.weight(x, y)).sum();
                mean[x as usize] += weighed.weight(x, y) / total * found[(seen, row)][0];
            }
        });
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use image::Luma;

    use super::*;

    const WHOLE: Size = Size::new(40, 17);

    /// What is found is what is to be seen.
    fn seen(views: Views, image: &RgbImage) -> EdgeImage {
        let found = |view: &View| {
            let picture = view.picture(image);
            let picture = picture.as_ref().unwrap_or(image);
            assert_eq!(Size::from(picture.dimensions()), view.size);
            Ok::<_, Infallible>(EdgeImage::from_fn(picture.width(), picture.height(), |x, y| {
                Luma([f32::from(picture[(x, y)][0])])
            }))
        };
        let Ok(map) = mean(&View::all(views, image.dimensions().into()), found);
        map
    }

    #[test]
    fn every_view_comes_back_to_its_place() {
        for (width, height) in [(40, 17), (3, 9), (1, 1)] {
            let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5 + y) as u8; 3]));
            for views in [Views::Image, Views::Mirror, Views::Corners] {
                let map = seen(views, &image);
                for (x, y, value) in map.enumerate_pixels() {
                    let expected = f32::from(image[(x, y)][0]);
                    assert!((value[0] - expected).abs() < 1e-3, "{views:?} of {width}×{height}");
                }
            }
        }
    }

    #[test]
    fn corners_cover_the_image_and_overlap() {
        let views = View::all(Views::Corners, WHOLE);
        let places: Vec<_> = views.iter().map(|v| (v.left, v.top, v.size, v.weight)).collect();
        let corner = Size::new(25, 11);
        assert_eq!(places[..2], [(0, 0, WHOLE, 1.0), (0, 0, WHOLE, 1.0)]);
        let corners = [(0, 0), (0, 6), (15, 0), (15, 6)].map(|(x, y)| (x, y, corner, 0.5));
        assert_eq!(places[2..], corners);
    }

    #[test]
    fn long_narrow_images_are_cut_across_only() {
        let places = |width, height| -> Vec<_> {
            let views = View::all(Views::Corners, Size::new(width, height));
            views[2..].iter().map(|view| (view.left, view.top, view.size)).collect()
        };
        let half = Size::new(1250, 20);
        assert_eq!(places(2000, 20), [(0, 0, half), (750, 0, half)]);
        assert_eq!(places(1, 1), []);
        assert_eq!(places(480, 320).len(), 4);
    }

    #[test]
    fn edges_fade_out_where_the_image_goes_on() {
        let whole = Size::new(640, 400);
        let corner = View::all(Views::Corners, whole)[2];
        let across = corner.fading(corner.left, corner.size.width, whole.width);
        assert_eq!((across[0], across[360], across[395], across[399]), (1.0, 1.0, 0.0, 0.0));
        assert!(across.windows(2).all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] < 0.2));
        let down = View::all(Views::Corners, whole)[3].fading(150, 250, whole.height);
        assert_eq!((down[0], down[20], down[249]), (0.0, 1.0, 1.0));
    }
}
