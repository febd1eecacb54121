//! How deep inside an area a pixel lies.

use std::num::NonZeroU32;

/// One step to the side, and one to a corner: 3 and 4 are within 6 % of 1 and √2 (Borgefors 1986).
const SIDE: u32 = 3;
const CORNER: u32 = 4;
/// Units of a depth in a pixel.
pub(super) const UNIT: u32 = SIDE;

/// For every pixel of a picture of areas the way to the nearest pixel of another area, in thirds of a
/// pixel; 0 where there is no area. The picture ends at its border.
pub(super) fn depths(areas: &[Option<NonZeroU32>], width: usize) -> Vec<u32> {
    let mut depths = vec![0; areas.len()];
    let height = areas.len().checked_div(width).unwrap_or(0);
    let mut sweep = |index: usize, before: [(i64, i64, u32); 4]| {
        let Some(area) = areas[index] else { return };
        let (x, y) = ((index % width) as i64, (index / width) as i64);
        let step = |(dx, dy, step): (i64, i64, u32)| {
            let (x, y) = (x + dx, y + dy);
            let is_there = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
            let other = (y * width as i64 + x) as usize;
            if is_there && areas[other] == Some(area) { depths[other] + step } else { step }
        };
        let nearest = before.map(step).into_iter().min().unwrap_or(SIDE);
        depths[index] = if depths[index] == 0 { nearest } else { depths[index].min(nearest) };
    };
    let above = [(-1, 0, SIDE), (0, -1, SIDE), (-1, -1, CORNER), (1, -1, CORNER)];
    (0..areas.len()).for_each(|index| sweep(index, above));
    let below = above.map(|(dx, dy, step)| (-dx, -dy, step));
    (0..areas.len()).rev().for_each(|index| sweep(index, below));
    depths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_grow_inwards_from_other_areas_and_the_border() {
        let rows = ["aaaaab", "aaaaa.", "aaaaa.", "......"];
        let areas: Vec<Option<NonZeroU32>> = rows
            .iter()
            .flat_map(|row| row.bytes())
            .map(|area| NonZeroU32::new(area.into()).filter(|_| area != b'.'))
            .collect();
        let depths = depths(&areas, 6);
        assert_eq!(depths[..6], [3, 3, 3, 3, 3, 3]);
        assert_eq!(depths[6..12], [3, 6, 6, 6, 3, 0]);
    }
}
