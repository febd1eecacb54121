//! Lines without superfluous corners.

use image::Luma;

use crate::EdgeImage;

/// Zeroes the pixels that a line does not need to hold together, the weakest first: without them
/// its parts still touch, by a side or a corner, and no end gets shorter.
///
/// Non-maximum suppression keeps everything within half a pixel of a crest, which for a slanting
/// line is a staircase with a pixel in every corner. What remains here is one pixel wide.
pub(super) fn without_corners(mut map: EdgeImage) -> EdgeImage {
    let mut line: Vec<(f32, u32, u32)> = map
        .enumerate_pixels()
        .filter(|(_, _, strength)| strength[0] > 0.0)
        .map(|(x, y, strength)| (strength[0], x, y))
        .collect();
    // A stable sort: of equals the upper left one goes first.
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, x, y) in line {
        if is_superfluous(neighbours(&map, x, y)) {
            map[(x, y)] = Luma([0.0]);
        }
    }
    map
}

/// The eight pixels around one, clockwise from the right; none beyond the image's sides.
fn neighbours(map: &EdgeImage, x: u32, y: u32) -> [bool; 8] {
    const OFFSETS: [(i32, i32); 8] =
        [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
    OFFSETS.map(|(dx, dy)| {
        let position = x.checked_add_signed(dx).zip(y.checked_add_signed(dy));
        position
            .and_then(|(x, y)| map.get_pixel_checked(x, y))
            .is_some_and(|strength| strength[0] > 0.0)
    })
}

/// Whether the pixel in the middle is no end, and those around it hang together without it (Yokoi's
/// connectivity number for eight neighbours is 1).
fn is_superfluous(around: [bool; 8]) -> bool {
    let at = |k: usize| around[k % 8];
    let parts = (0..8).step_by(2).filter(|&k| !at(k) && (at(k + 1) || at(k + 2))).count();
    parts == 1 && around.iter().filter(|&&set| set).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits are strengths, dots are 0.
    fn check(before: &[&str], after: &[&str]) {
        let map = |rows: &[&str]| {
            let width = rows[0].len() as u32;
            let values =
                rows.concat().chars().map(|c| c.to_digit(10).unwrap_or(0) as f32).collect();
            EdgeImage::from_raw(width, rows.len() as u32, values).expect("rows of one length")
        };
        assert_eq!(without_corners(map(before)), map(after), "{before:?}");
    }

    #[test]
    fn staircases_lose_their_weaker_corners() {
        check(&["99...", ".1990", "...19"], &["99...", "..99.", "....9"]);
    }

    #[test]
    fn lines_ends_and_crossings_stay() {
        check(&["1111"], &["1111"]);
        check(&["1..", ".1.", "..1"], &["1..", ".1.", "..1"]);
        check(&["1.1", ".1.", "1.1"], &["1.1", ".1.", "1.1"]);
        check(&["...", ".1.", "..."], &["...", ".1.", "..."]);
    }

    #[test]
    fn a_ring_loses_its_corners_and_stays_closed() {
        check(&["9999", "9..9", "9999"], &[".99.", "9..9", ".99."]);
    }
}
