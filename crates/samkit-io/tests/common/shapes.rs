//! Masks that are hard to write as polygons.

use std::path::Path;

use samkit_core::{BBox, Mask, Rle, Size};
use samkit_io::{AnnotatedImage, Instance};

pub(crate) const SIZE: Size = Size::new(160, 120);

/// Names, numbers of classes, and masks: with holes, in parts, touching at corners, at the border, thin,
/// tiny.
pub(crate) fn shapes() -> Vec<(&'static str, u32, Rle)> {
    let near = |x: u32, y: u32, center: (f32, f32)| {
        (x as f32 + 0.5 - center.0).hypot(y as f32 + 0.5 - center.1)
    };
    let within = |x: u32, y: u32, [left, top, right, bottom]: [u32; 4]| {
        (left..right).contains(&x) && (top..bottom).contains(&y)
    };
    let mask = |inside: &dyn Fn(u32, u32) -> bool| Rle::from_mask(&Mask::from_fn(SIZE, inside));
    let target = |x, y| near(x, y, (40.0, 42.0));
    let shapes: [(_, _, &dyn Fn(u32, u32) -> bool); 9] = [
        ("ring", 1, &|x, y| (12.0..30.0).contains(&near(x, y, (110.0, 40.0)))),
        // A disc inside the hole of a ring that has a slit of holes.
        ("target", 3, &|x, y| {
            target(x, y) < 8.0 || (14.0..30.0).contains(&target(x, y)) && (y % 5 > 0 || x != 18)
        }),
        ("pair", 3, &|x, y| within(x, y, [5, 84, 30, 110]) || near(x, y, (52.0, 98.0)) < 12.0),
        // Two squares that touch at a corner, and one whose ends touch around a hole.
        ("corners", 7, &|x, y| {
            within(x, y, [80, 80, 95, 95])
                || within(x, y, [95, 95, 115, 115])
                    && !within(x, y, [99, 99, 111, 111])
                    && !(x >= 111 && y >= 111)
        }),
        ("border", 7, &|x, y| x + y < 14 || x >= 155 || y >= 117),
        ("speck", 8, &|x, y| (x, y) == (140, 90)),
        ("line", 8, &|x, y| (120..140).contains(&x) && y == 70 + (x - 120) / 2),
        ("holes", 9, &|x, y| within(x, y, [120, 85, 152, 114]) && !(x % 4 == 1 && y % 4 == 1)),
        ("full", 10, &|_, _| true),
    ];
    shapes.into_iter().map(|(name, id, inside)| (name, id, mask(inside))).collect()
}

/// An image with the shapes, one with a box that has neither mask nor label, and one with nothing.
pub(crate) fn images(folder: &Path) -> Vec<AnnotatedImage> {
    let of_mask = |(index, (name, id, mask)): (usize, (&str, u32, Rle))| Instance {
        bbox: mask.bbox(),
        label: name.to_owned(),
        category_id: Some(id),
        score: (index != 2).then_some(0.95 - index as f32 / 16.0),
        mask: Some(mask),
    };
    let only_box = Instance {
        bbox: BBox::new(10.25, 20.0, 60.5, 70.0),
        label: String::new(),
        category_id: None,
        score: Some(0.5),
        mask: None,
    };
    let image = |id: u64, name: &str, instances: Vec<Instance>| AnnotatedImage {
        id,
        file_name: format!("{name}.png"),
        path: folder.join(format!("{name}.png")),
        stem: name.into(),
        size: SIZE,
        instances,
    };
    vec![
        image(1, "shapes", shapes().into_iter().enumerate().map(of_mask).collect()),
        image(2, "sub/a, box", vec![only_box]),
        image(3, "nothing", Vec::new()),
    ]
}
