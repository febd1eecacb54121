//! Thinning to lines of one pixel.

use super::Boundaries;

/// The eight neighbours of a pixel as (dx, dy), counter-clockwise from the east.
const NEIGHBOURS: [(isize, isize); 8] =
    [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)];

/// The boundaries, thinned until nothing changes: connected lines stay connected, and holes stay.
///
/// Lam, Lee and Suen, *Thinning Methodologies* (1992), the algorithm with two passes (after Guo and
/// Hall, 1989) that the benchmark uses. Outside the image there are no boundaries.
pub fn thinned(boundaries: &Boundaries) -> Boundaries {
    let size = boundaries.size;
    // One pixel more on each side spares every bounds check.
    let stride = size.width as usize + 2;
    let mut grid = vec![false; stride * (size.height as usize + 2)];
    let place = |index: usize| {
        let (x, y) = (index % size.width as usize, index / size.width as usize);
        (y + 1) * stride + x + 1
    };
    let mut left: Vec<usize> =
        (0..boundaries.pixels.len()).filter(|&i| boundaries.pixels[i]).map(place).collect();
    left.iter().for_each(|&p| grid[p] = true);

    let tables = [table(false), table(true)];
    let mut gone = Vec::new();
    loop {
        let before = left.len();
        for table in &tables {
            gone.clear();
            gone.extend(left.iter().copied().filter(|&p| table[neighbourhood(&grid, stride, p)]));
            gone.iter().for_each(|&p| grid[p] = false);
            left.retain(|&p| grid[p]);
        }
        if left.len() == before {
            break;
        }
    }
    let pixels = (0..boundaries.pixels.len()).map(|index| grid[place(index)]).collect();
    Boundaries { size, pixels }
}

/// The neighbours that are set, a bit each.
fn neighbourhood(grid: &[bool], stride: usize, p: usize) -> usize {
    NEIGHBOURS.iter().enumerate().fold(0, |bits, (i, &(dx, dy))| {
        let neighbour = p.wrapping_add_signed(dy * stride as isize + dx);
        bits | usize::from(grid[neighbour]) << i
    })
}

/// For every neighbourhood, whether its pixel goes in the first pass or the second.
fn table(is_second: bool) -> Vec<bool> {
    (0..256usize)
        .map(|bits| {
            // x1 to x8 of the paper, and x9 = x1.
            let x = |i: usize| bits >> ((i - 1) % 8) & 1 == 1;
            let runs = (1..=4).filter(|&i| !x(2 * i - 1) && (x(2 * i) || x(2 * i + 1))).count();
            let pairs = (1..=4).filter(|&i| x(2 * i - 1) || x(2 * i)).count();
            let other_pairs = (1..=4).filter(|&i| x(2 * i) || x(2 * i + 1)).count();
            let is_side = if is_second {
                (x(6) || x(7) || !x(4)) && x(5)
            } else {
                (x(2) || x(3) || !x(8)) && x(1)
            };
            runs == 1 && (2..=3).contains(&pairs.min(other_pairs)) && !is_side
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use samkit_core::Size;

    use super::*;

    fn drawn(rows: &[&str]) -> Boundaries {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        Boundaries::new(size, rows.concat().chars().map(|c| c == '#').collect())
    }

    fn shown(boundaries: &Boundaries) -> Vec<String> {
        let rows = boundaries.pixels.chunks(boundaries.size.width as usize);
        rows.map(|row| row.iter().map(|&p| if p { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn a_bar_becomes_a_line_and_a_line_stays() {
        let bar = drawn(&[".......", ".#####.", ".#####.", ".#####.", "......."]);
        let line = thinned(&bar);
        assert_eq!(shown(&line), [".......", ".......", "..###..", ".......", "......."]);
        assert_eq!(thinned(&line), line);
    }

    #[test]
    fn a_ring_keeps_its_hole() {
        let ring = drawn(&["######", "######", "##..##", "##..##", "######", "######"]);
        let thin = thinned(&ring);
        assert!(thin.count() < ring.count() && thin.count() >= 8, "{:?}", shown(&thin));
        // Walking along neighbours comes back to where it started.
        let width = 6;
        let set = |x: isize, y: isize| {
            (0..6).contains(&x) && (0..6).contains(&y) && thin.pixels[(y * width + x) as usize]
        };
        for (i, _) in thin.pixels.iter().enumerate().filter(|&(_, &p)| p) {
            let (x, y) = (i as isize % width, i as isize / width);
            let around = NEIGHBOURS.iter().filter(|&&(dx, dy)| set(x + dx, y + dy)).count();
            assert!(around >= 2, "an end at {x}, {y}: {:?}", shown(&thin));
        }
    }

    #[test]
    fn nothing_and_single_pixels_stay() {
        for rows in [["...", "...", "..."], ["...", ".#.", "..."], ["#..", "...", "..#"]] {
            let boundaries = drawn(&rows);
            assert_eq!(thinned(&boundaries), boundaries);
        }
    }
}
