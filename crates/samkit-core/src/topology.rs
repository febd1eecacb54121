//! How many parts and holes a mask has.

use crate::Rle;

impl Rle {
    /// The number of parts that pixels with a common side make, and of holes in them, without
    /// decoding: as many outlines of each kind as [`crate::outlines`] finds.
    ///
    /// The runs of the columns are the nodes of a graph, and runs that lie side by side are
    /// connected: its components are the parts, its independent cycles the holes.
    pub fn parts_and_holes(&self) -> (usize, usize) {
        let runs: Vec<(u32, u32, u32)> = self.column_spans().collect();
        let mut parents: Vec<usize> = (0..runs.len()).collect();
        let (mut parts, mut holes) = (runs.len(), 0);
        let mut left = 0;
        for (index, &(x, y0, y1)) in runs.iter().enumerate() {
            while runs[left].0 + 1 < x || (runs[left].0 < x && runs[left].2 <= y0) {
                left += 1;
            }
            let beside = (left..index).take_while(|&run| runs[run].0 < x && runs[run].1 < y1);
            for other in beside {
                let (a, b) = (root(&mut parents, other), root(&mut parents, index));
                if a == b {
                    holes += 1;
                } else {
                    parents[a.max(b)] = a.min(b);
                    parts -= 1;
                }
            }
        }
        (parts, holes)
    }
}

/// The representative of a node; parents never have larger numbers.
fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}

#[cfg(test)]
mod tests {
    use crate::{Mask, Point, Rle, Size, outlines};

    #[test]
    fn parts_and_holes_are_as_many_as_outlines() {
        let mut state = 7u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for case in 0..500 {
            let (width, height, density) = (1 + random() % 12, 1 + random() % 12, random() % 10);
            let mask = Mask::from_fn(Size::new(width, height), |_, _| random() % 10 < density);
            let mask = Rle::from_mask(&mask);
            let turns = |outline: &Vec<Point>| {
                let next = outline.iter().cycle().skip(1);
                outline.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f32>() > 0.0
            };
            let all = outlines(&mask);
            let parts = all.iter().filter(|outline| turns(outline)).count();
            assert_eq!(mask.parts_and_holes(), (parts, all.len() - parts), "case {case}: {mask:?}");
        }
    }
}
