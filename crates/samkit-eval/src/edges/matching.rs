//! One-to-one matching of boundary pixels that lie close to each other.

use super::Boundaries;

/// Who has found a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// For every pixel of the first image, whether it is matched.
    pub first: Vec<bool>,
    /// How many pairs there are: in both images as many pixels are matched.
    pub pairs: usize,
}

const NOBODY: u32 = u32::MAX;

/// Matches boundary pixels of two images of one size, one to one, at most `distance` pixels apart, so
/// that as many pairs as possible come about.
///
/// The benchmark's own matching also makes the distances small; as leaving a pixel out costs more than
/// any distance, it has as many pairs. Here close pixels are paired first, and paths that free a
/// partner (Berge, 1957) add what is missing.
///
/// Panics when the sizes differ.
pub fn matched(first: &Boundaries, second: &Boundaries, distance: f64) -> Matching {
    assert_eq!(first.size, second.size, "maps of one size are matched");
    // Paths are searched from the side that has fewer pixels to search from.
    let is_swapped = second.count() < first.count();
    let (from, to) = if is_swapped { (second, first) } else { (first, second) };
    let graph = Graph::new(from, to, distance);
    let mut pairs = Pairs::close(&graph);
    pairs.complete(&graph);
    let (nodes, partners) = if is_swapped {
        (&graph.second, &pairs.of_second)
    } else {
        (&graph.first, &pairs.of_first)
    };
    let mut is_matched = vec![false; first.pixels.len()];
    for (&pixel, &partner) in nodes.iter().zip(partners) {
        is_matched[pixel] = partner != NOBODY;
    }
    Matching { first: is_matched, pairs: pairs.count() }
}

/// Who may be matched with whom.
struct Graph {
    /// Pixel indices of the boundaries.
    first: Vec<usize>,
    second: Vec<usize>,
    /// For every pixel, which boundary of the second image it is.
    second_at: Vec<u32>,
    width: isize,
    height: isize,
    /// Steps no longer than the distance, shortest first.
    steps: Vec<(isize, isize)>,
}

impl Graph {
    fn new(first: &Boundaries, second: &Boundaries, distance: f64) -> Self {
        let list = |map: &Boundaries| -> Vec<usize> {
            (0..map.pixels.len()).filter(|&i| map.pixels[i]).collect()
        };
        let (first_list, second_list) = (list(first), list(second));
        let mut second_at = vec![NOBODY; second.pixels.len()];
        for (node, &pixel) in second_list.iter().enumerate() {
            second_at[pixel] = node as u32;
        }
        let reach = distance.floor() as isize;
        let mut steps: Vec<(isize, isize)> = (-reach..=reach)
            .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
            .filter(|&(dx, dy)| ((dx * dx + dy * dy) as f64) <= distance * distance)
            .collect();
        steps.sort_by_key(|&(dx, dy)| (dx * dx + dy * dy, dy, dx));
        Self {
            first: first_list,
            second: second_list,
            second_at,
            width: first.size.width as isize,
            height: first.size.height as isize,
            steps,
        }
    }

    /// The second image's boundary at a step from one of the first image's.
    fn at_step(&self, node: usize, (dx, dy): (isize, isize)) -> Option<usize> {
        let pixel = self.first[node] as isize;
        let (x, y) = (pixel % self.width + dx, pixel / self.width + dy);
        if x < 0 || y < 0 || x >= self.width || y >= self.height {
            return None;
        }
        match self.second_at[(y * self.width + x) as usize] {
            NOBODY => None,
            node => Some(node as usize),
        }
    }
}

/// Partners of both images' boundaries.
struct Pairs {
    of_first: Vec<u32>,
    of_second: Vec<u32>,
}

impl Pairs {
    /// Pairs of free pixels, closest first.
    fn close(graph: &Graph) -> Self {
        let mut pairs = Self {
            of_first: vec![NOBODY; graph.first.len()],
            of_second: vec![NOBODY; graph.second.len()],
        };
        let mut free: Vec<usize> = (0..graph.first.len()).collect();
        for &step in &graph.steps {
            free.retain(|&node| match graph.at_step(node, step) {
                Some(partner) if pairs.of_second[partner] == NOBODY => {
                    pairs.join(node, partner);
                    false
                }
                _ => true,
            });
        }
        pairs
    }

    fn join(&mut self, first: usize, second: usize) {
        self.of_first[first] = second as u32;
        self.of_second[second] = first as u32;
    }

    fn count(&self) -> usize {
        self.of_first.iter().filter(|&&partner| partner != NOBODY).count()
    }

    /// Adds pairs along paths from a free pixel to a free pixel on which unmatched and matched
    /// neighbours take turns, until there is none.
    fn complete(&mut self, graph: &Graph) {
        // The round in which a boundary of the second image was last seen.
        let mut seen = vec![0u32; graph.second.len()];
        // Of each boundary on the path, the next step to try.
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut free: Vec<usize> =
            (0..graph.first.len()).filter(|&node| self.of_first[node] == NOBODY).collect();
        // In a round, a search stays away from what others have seen; the last round finds nothing.
        for round in 1.. {
            let before = free.len();
            free.retain(|&node| !self.extend(graph, node, round, &mut seen, &mut path));
            if free.len() == before {
                break;
            }
        }
    }

    /// Searches a path from `start`, depth first, over boundaries not `seen` in this `round`; joins
    /// its pixels anew.
    fn extend(
        &mut self,
        graph: &Graph,
        start: usize,
        round: u32,
        seen: &mut [u32],
        path: &mut Vec<(usize, usize)>,
    ) -> bool {
        path.clear();
        path.push((start, 0));
        while let Some((node, step)) = path.last_mut() {
            let Some(&offset) = graph.steps.get(*step) else {
                path.pop();
                continue;
            };
            *step += 1;
            let Some(partner) = graph.at_step(*node, offset) else { continue };
            if seen[partner] == round {
                continue;
            }
            seen[partner] = round;
            match self.of_second[partner] {
                NOBODY => {
                    for &(node, step) in path.iter() {
                        if let Some(partner) = graph.at_step(node, graph.steps[step - 1]) {
                            self.join(node, partner);
                        }
                    }
                    return true;
                }
                other => path.push((other as usize, 0)),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samkit_core::Size;

    use super::*;

    fn map(width: u32, pixels: &[u8]) -> Boundaries {
        let height = pixels.len() as u32 / width;
        Boundaries::new(Size::new(width, height), pixels.iter().map(|&p| p > 0).collect())
    }

    /// The most pairs by trying everything.
    fn most(first: &[(i32, i32)], second: &mut Vec<(i32, i32)>, squared: i32) -> usize {
        let Some((&(x, y), rest)) = first.split_first() else { return 0 };
        let mut best = most(rest, second, squared);
        for i in 0..second.len() {
            let (u, v) = second[i];
            if (x - u).pow(2) + (y - v).pow(2) <= squared {
                let taken = second.remove(i);
                best = best.max(1 + most(rest, second, squared));
                second.insert(i, taken);
            }
        }
        best
    }

    fn places(map: &Boundaries) -> Vec<(i32, i32)> {
        let width = map.size.width as usize;
        let set = (0..map.pixels.len()).filter(|&i| map.pixels[i]);
        set.map(|i| ((i % width) as i32, (i / width) as i32)).collect()
    }

    #[test]
    fn a_pixel_is_used_once_and_the_distance_counts() {
        let (one, two) = (map(5, &[0, 0, 1, 0, 0]), map(5, &[1, 1, 0, 0, 0]));
        assert_eq!(matched(&one, &two, 2.0).pairs, 1);
        assert_eq!(matched(&two, &one, 2.0).first, [false, true, false, false, false]);
        assert_eq!(matched(&one, &two, 0.9).pairs, 0);
        assert_eq!(matched(&one, &map(5, &[0; 5]), 9.0).pairs, 0);
    }

    #[test]
    fn a_close_pair_gives_way_where_that_makes_two() {
        // Closest first joins the middle ones, after which the outer two are too far apart.
        let (one, two) = (map(6, &[1, 0, 1, 0, 0, 0]), map(6, &[0, 0, 1, 0, 1, 0]));
        assert_eq!(matched(&one, &two, 2.0).pairs, 2);
    }

    proptest! {
        #[test]
        fn there_are_as_many_pairs_as_possible(
            one in prop::collection::vec(prop::bool::weighted(0.3), 20),
            two in prop::collection::vec(prop::bool::weighted(0.3), 20),
            squared in 1i32..9,
        ) {
            let size = Size::new(5, 4);
            let (one, two) = (Boundaries::new(size, one), Boundaries::new(size, two));
            let got = matched(&one, &two, f64::from(squared).sqrt());
            prop_assert_eq!(got.pairs, most(&places(&one), &mut places(&two), squared));
            prop_assert_eq!(got.first.iter().filter(|&&m| m).count(), got.pairs);
            for (is_matched, &is_boundary) in got.first.iter().zip(&one.pixels) {
                prop_assert!(!is_matched || is_boundary);
            }
        }
    }
}
