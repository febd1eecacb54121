//! Masks that lie in each other: a thing, its parts, and the thing with its neighbours.

use samkit_core::Rle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of several masks of one thing is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// The largest.
    Whole,
    /// The smallest ones.
    Part,
    /// The one that fits the query best.
    #[default]
    Best,
}

/// A mask with the score by which it is ranked.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// The mask.
    pub mask: &'a Rle,
    /// How well it fits.
    pub score: f32,
}

/// The masks that stay, by their places, in the order of preference: of two of which the smaller lies
/// with more than `overlap` of its pixels in the larger, one goes.
pub fn without_nested(masks: &[Scored<'_>], prefer: Prefer, overlap: f32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..masks.len()).collect();
    let area = |index: &usize| masks[*index].mask.area();
    // Stable, so that equal masks stay in the order in which they came.
    order.sort_by(|a, b| masks[*b].score.total_cmp(&masks[*a].score));
    match prefer {
        Prefer::Best => {}
        Prefer::Whole => order.sort_by_key(|index| std::cmp::Reverse(area(index))),
        Prefer::Part => order.sort_by_key(area),
    }
    let mut kept: Vec<usize> = Vec::new();
    for index in order {
        let is_free =
            kept.iter().all(|&other| containment(masks[other].mask, masks[index].mask) <= overlap);
        if is_free {
            kept.push(index);
        }
    }
    kept
}

/// Which part of the smaller mask lies in the larger one.
pub fn containment(a: &Rle, b: &Rle) -> f32 {
    let smaller = a.area().min(b.area());
    if smaller == 0 {
        return 0.0;
    }
    // |a ∩ b| = (|a| + |b|) · iou / (1 + iou)
    let iou = a.iou(b).unwrap_or(0.0);
    let both = (a.area() + b.area()) as f64 * iou / (1.0 + iou);
    (both / smaller as f64) as f32
}

#[cfg(test)]
mod tests {
    use samkit_core::{Mask, Size};

    use super::*;

    fn row(from: u32, to: u32) -> Rle {
        Rle::from_mask(&Mask::from_fn(Size::new(40, 1), |x, _| (from..to).contains(&x)))
    }

    #[test]
    fn containment_is_of_the_smaller() {
        assert!((containment(&row(0, 20), &row(5, 10)) - 1.0).abs() < 1e-6);
        assert!((containment(&row(0, 10), &row(5, 15)) - 0.5).abs() < 1e-6);
        assert_eq!(containment(&row(0, 0), &row(5, 15)), 0.0);
    }

    #[test]
    fn preferences_choose_among_nested_masks_only() {
        let (whole, part, other_part, apart) = (row(0, 20), row(0, 8), row(10, 18), row(30, 35));
        let masks = [(&whole, 0.7), (&part, 0.9), (&other_part, 0.6), (&apart, 0.5)];
        let masks = masks.map(|(mask, score)| Scored { mask, score });
        assert_eq!(without_nested(&masks, Prefer::Best, 0.7), [1, 2, 3]);
        assert_eq!(without_nested(&masks, Prefer::Whole, 0.7), [0, 3]);
        assert_eq!(without_nested(&masks, Prefer::Part, 0.7), [3, 1, 2]);
        assert_eq!(without_nested(&[], Prefer::Part, 0.7), [0; 0]);
    }
}
