//! Which points of a grid need not be asked about, after masks around them have been found.
//!
//! Points come in three levels: every fourth of every fourth row, the rest of every second of every
//! second row, and all others. Before the second and the third level, points are skipped that lie
//! inside masks of the levels before. The levels do not depend on batches or threads.

use rayon::prelude::*;
use samkit_core::{Mask, MaskRecord, Point};

use super::crops::Crop;

/// Levels that a grid is asked about in.
pub(crate) const LEVELS: usize = 3;

/// A point is skipped when it lies in a mask that is the smallest of its prompt and smaller than
/// this share of the crop: it would mostly give the same masks again.
const SMALL: f32 = 0.03;

/// Level of the point in this column and row, both from 0.
fn level(column: usize, row: usize) -> usize {
    match (column % 4, row % 4) {
        (2, 2) => 0,
        _ if column.is_multiple_of(2) && row.is_multiple_of(2) => 1,
        _ => 2,
    }
}

/// The points of `level` that are worth asking about, by their places in a grid of `side`² points.
///
/// `points` are the grid's, in the crop's pixels; `found` is what each gave in the levels before, in
/// the image's frame; `distinct` is the same without duplicates.
pub(crate) fn worth_asking(
    level: usize,
    points: &[Point],
    found: &[Vec<MaskRecord>],
    distinct: &[&MaskRecord],
    crop: &Crop,
) -> Vec<usize> {
    let side = points.len().isqrt();
    let largest = (SMALL * crop.size.area() as f32) as u64;
    let smallest = found.iter().filter_map(|masks| masks.iter().min_by_key(|mask| mask.area));
    let small: Vec<&MaskRecord> = smallest.filter(|mask| mask.area < largest).collect();
    let small = points_inside(points, &small, crop);
    // Borders matter in the last level only.
    let distinct = if level == LEVELS - 1 { distinct } else { &[] };
    let around = points_inside(points, distinct, crop);
    // Of the masks around a point the smallest.
    let smallest = |place: usize| {
        (0..distinct.len())
            .filter(|&mask| around[mask][place])
            .min_by_key(|&mask| (distinct[mask].area, mask))
    };
    let smallest: Vec<Option<usize>> = (0..points.len()).map(smallest).collect();
    // Where all points around are in the same mask, no border is near.
    let is_inner = |place: usize| {
        smallest[place].is_some()
            && earlier_neighbours(place, side).all(|near| smallest[near] == smallest[place])
    };
    (0..points.len())
        .filter(|&place| self::level(place % side, place / side) == level)
        .filter(|&place| !small.iter().any(|inside| inside[place]))
        .filter(|&place| level < LEVELS - 1 || !is_inner(place))
        .collect()
}

/// The up to four points of earlier levels next to a point of the last one.
fn earlier_neighbours(place: usize, side: usize) -> impl Iterator<Item = usize> {
    let (column, row) = (place % side, place / side);
    let near = move |at: usize| at.saturating_sub(1)..(at + 2).min(side);
    near(row)
        .flat_map(move |row| near(column).map(move |column| (column, row)))
        .filter(|&(column, row)| level(column, row) < LEVELS - 1)
        .map(move |(column, row)| row * side + column)
}

/// For each mask, which points it contains.
fn points_inside(points: &[Point], masks: &[&MaskRecord], crop: &Crop) -> Vec<Vec<bool>> {
    let inside = |record: &&MaskRecord| {
        let mask = record.segmentation.to_mask();
        points.iter().map(|&point| contains(&mask, point, crop)).collect()
    };
    masks.par_iter().map(inside).collect()
}

fn contains(mask: &Mask, point: Point, crop: &Crop) -> bool {
    let last = |length: u32| length.saturating_sub(1);
    let x = (point.x as u32).min(last(crop.size.width)) + crop.x;
    let y = (point.y as u32).min(last(crop.size.height)) + crop.y;
    mask.get(x, y)
}

#[cfg(test)]
mod tests {
    use samkit_core::{BBox, Rle, Size};

    use samkit_core::point_grid;

    use super::*;

    const SIZE: Size = Size { width: 160, height: 160 };
    const CROP: Crop = Crop { layer: 0, x: 0, y: 0, size: SIZE };

    /// The middles of 16×16 cells of 10 pixels.
    fn points() -> Vec<Point> {
        point_grid(16).iter().map(|p| Point::new(p.x * 160.0, p.y * 160.0)).collect()
    }

    fn record(contains: impl FnMut(u32, u32) -> bool) -> MaskRecord {
        let mask = Mask::from_fn(SIZE, contains);
        let segmentation = Rle::from_mask(&mask);
        MaskRecord {
            area: segmentation.area(),
            bbox: mask.inclusive_bbox(),
            segmentation,
            predicted_iou: 1.0,
            point: Point::new(0.0, 0.0),
            stability_score: 1.0,
            crop: BBox::new(0.0, 0.0, 160.0, 160.0),
            logits: None,
        }
    }

    /// What is asked in each level when one prompt has given `masks`.
    fn asked(masks: &[MaskRecord]) -> Vec<Vec<usize>> {
        let distinct: Vec<_> = masks.iter().collect();
        let ask = |level| worth_asking(level, &points(), &[masks.to_vec()], &distinct, &CROP);
        (0..LEVELS).map(ask).collect()
    }

    #[test]
    fn without_masks_each_point_is_in_one_level() {
        let levels = asked(&[]);
        assert_eq!(levels.iter().map(Vec::len).collect::<Vec<_>>(), [16, 48, 192]);
        let mut all = levels.concat();
        all.sort_unstable();
        assert_eq!(all, (0..256).collect::<Vec<_>>());
        for side in 1..6 {
            let grid: Vec<_> = point_grid(side);
            let count = |level| worth_asking(level, &grid, &[], &[], &CROP).len();
            assert_eq!((0..LEVELS).map(count).sum::<usize>(), (side * side) as usize);
        }
    }

    #[test]
    fn points_in_a_small_mask_are_skipped() {
        let small = record(|x, y| x < 20 && y < 30);
        let in_it = |place: usize| place % 16 < 2 && place / 16 < 3;
        for (with, without) in asked(&[small]).iter().zip(asked(&[])) {
            assert_eq!(*with, without.into_iter().filter(|&p| !in_it(p)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn in_a_large_mask_the_last_level_is_asked_along_its_border_only() {
        let left = record(|x, _| x < 80);
        let [_, second, third] = &asked(&[left])[..] else { unreachable!("three levels") };
        assert_eq!(second.len(), 48, "something small may lie in it");
        let columns: Vec<_> = third.iter().filter(|&p| p / 16 == 5).map(|p| p % 16).collect();
        assert_eq!(columns, [7, 8, 9, 10, 11, 12, 13, 14, 15], "the mask ends after column 7");
    }

    #[test]
    fn a_small_mask_in_a_large_one_goes_before_it() {
        let (large, small) = (record(|_, _| true), record(|x, y| x >= 140 && y >= 140));
        let third = &asked(&[large, small])[2];
        assert!(!third.is_empty(), "some around the small one");
        for place in third {
            let (column, row) = (place % 16, place / 16);
            assert!(column >= 13 && row >= 13, "far from it: {place}");
            assert!(column < 14 || row < 14, "inside of it: {place}");
        }
    }
}
