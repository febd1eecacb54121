//! From the boxes that are given to those that are asked about.

use samkit_core::{BBox, Size};
use samkit_plugin::Region;

use crate::InstanceParams;

/// What became of the boxes.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// With their numbers among all that were given, the best first.
    pub(crate) boxes: Vec<(usize, Region)>,
    /// Boxes that are none: inverted, without area, or not finite.
    pub(crate) unusable: usize,
    /// Boxes with no pixel inside the image.
    pub(crate) outside: usize,
    /// Boxes that reach outside it by more than a pixel and were cut.
    pub(crate) cut: usize,
    /// Boxes beyond the most that are asked about.
    pub(crate) beyond: usize,
}

/// The boxes that are asked about, cut to the image.
pub(crate) fn take(
    given: impl Iterator<Item = Region>,
    image: Size,
    params: &InstanceParams,
) -> Taken {
    let mut taken = Taken::default();
    for (number, mut region) in given.enumerate() {
        let is_labelled = params.labels.is_empty() || params.labels.contains(&region.label);
        let is_good = region.score.is_none_or(|score| score >= params.score_threshold);
        if !is_labelled || !is_good {
            continue;
        }
        let BBox { x0, y0, x1, y1 } = region.bbox;
        if !([x0, y0, x1, y1].iter().all(|side| side.is_finite()) && x1 > x0 && y1 > y0) {
            taken.unusable += 1;
            continue;
        }
        let cut = cut(region.bbox, image);
        if cut.x1 - cut.x0 <= 0.0 || cut.y1 - cut.y0 <= 0.0 {
            taken.outside += 1;
            continue;
        }
        taken.cut += usize::from(differ(&cut, &region.bbox));
        region.bbox = cut;
        taken.boxes.push((number, region));
    }
    let score = |region: &Region| region.score.unwrap_or(1.0);
    taken.boxes.sort_by(|(_, a), (_, b)| score(b).total_cmp(&score(a)));
    taken.beyond = taken.boxes.len().saturating_sub(params.max_instances as usize);
    taken.boxes.truncate(params.max_instances as usize);
    taken
}

/// The box that is asked about: wider and higher by a part of its sides, and inside the image.
pub(crate) fn padded(bbox: BBox, padding: f32, image: Size) -> BBox {
    let (dx, dy) = ((bbox.x1 - bbox.x0) * padding / 2.0, (bbox.y1 - bbox.y0) * padding / 2.0);
    cut(BBox::new(bbox.x0 - dx, bbox.y0 - dy, bbox.x1 + dx, bbox.y1 + dy), image)
}

/// Whether any side is more than a pixel elsewhere: less is rounding of whoever wrote the box.
fn differ(a: &BBox, b: &BBox) -> bool {
    let sides = |bbox: &BBox| [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
    sides(a).iter().zip(sides(b)).any(|(a, b)| (a - b).abs() > 1.0)
}

fn cut(bbox: BBox, image: Size) -> BBox {
    let x = |x: f32| x.clamp(0.0, image.width as f32);
    let y = |y: f32| y.clamp(0.0, image.height as f32);
    BBox::new(x(bbox.x0), y(bbox.y0), x(bbox.x1), y(bbox.y1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(x0: f32, x1: f32, label: &str, score: f32) -> Region {
        Region::from_bbox(BBox::new(x0, 0.0, x1, 10.0)).labelled(label).scored(score)
    }

    #[test]
    fn boxes_are_cut_dropped_and_sorted() {
        let params =
            InstanceParams { score_threshold: 0.3, max_instances: 2, ..InstanceParams::default() };
        let given = [
            region(-5.0, 5.0, "a", 0.5),
            region(-9.0, -1.0, "a", 0.9),
            region(2.0, 8.0, "a", 0.2),
            region(2.0, 8.0, "b", 0.8),
            region(3.0, 8.0, "b", 0.4),
            region(8.0, 3.0, "b", 0.9),
            region(4.0, 4.0, "b", 0.9),
            region(f32::NAN, 4.0, "b", 0.9),
            region(4.0, f32::INFINITY, "b", 0.9),
        ];
        let taken = take(given.into_iter(), Size::new(20, 20), &params);
        let numbers: Vec<_> = taken.boxes.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 0]);
        assert_eq!(taken.boxes[1].1.bbox, BBox::new(0.0, 0.0, 5.0, 10.0));
        assert_eq!((taken.outside, taken.cut, taken.beyond), (1, 1, 1));
        assert_eq!(taken.unusable, 4);
    }

    #[test]
    fn labels_choose() {
        let params = InstanceParams { labels: vec!["b".into()], ..InstanceParams::default() };
        let given = [region(0.0, 5.0, "a", 0.5), region(0.0, 5.0, "b", 0.4)];
        let taken = take(given.into_iter(), Size::new(20, 20), &params);
        assert_eq!(taken.boxes.len(), 1);
        assert_eq!(taken.boxes[0].1.label, "b");
    }

    #[test]
    fn padding_stays_in_the_image() {
        let bbox = padded(BBox::new(1.0, 5.0, 11.0, 15.0), 0.4, Size::new(12, 40));
        assert_eq!(bbox, BBox::new(0.0, 3.0, 12.0, 17.0));
    }
}
