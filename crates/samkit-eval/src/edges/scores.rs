//! The benchmark's scores, from the counts of all images.

use serde::Serialize;

use super::{Counts, Protocol};

/// A point of the curve of precision over recall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Strengths of at least this are edges.
    pub threshold: f64,
    /// Part of the annotated pixels that are found.
    pub recall: f64,
    /// Part of the predicted pixels that are right.
    pub precision: f64,
}

impl Point {
    /// The F measure, 2PR / (P + R); 0 where both are.
    pub fn f(&self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }

    fn of(counts: &Counts, threshold: f64) -> Self {
        Self { threshold, recall: counts.recall(), precision: counts.precision() }
    }
}

/// The best point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Best {
    /// Its F measure.
    pub f: f64,
    /// Where that is.
    #[serde(flatten)]
    pub point: Point,
}

/// What the benchmark says of a set of images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// With the one threshold that is best for all images together.
    pub ods: Best,
    /// F measure with the best threshold for each image.
    pub ois: f64,
    /// Area under the curve.
    pub ap: f64,
    /// Recall where precision is one half; `None` where it never is.
    pub r50: Option<f64>,
    /// Precision and recall of all images together, by threshold.
    pub curve: Vec<Point>,
    /// Each image's best threshold, in the order of the counts.
    pub images: Vec<Best>,
}

/// The scores of images whose [`counts`](super::counts) under `protocol` are given.
pub fn scores(images: &[Vec<Counts>], protocol: &Protocol) -> Scores {
    let mut sums = vec![Counts::default(); protocol.thresholds];
    let mut at_best = Counts::default();
    let mut bests = Vec::with_capacity(images.len());
    for counts in images {
        sums.iter_mut().zip(counts).for_each(|(sum, counts)| *sum += *counts);
        let points = curve(counts, protocol);
        // Of equal ones the first, as in the benchmark's own tables.
        let best = (0..points.len()).rev().max_by(|&a, &b| points[a].f().total_cmp(&points[b].f()));
        if let Some(best) = best {
            at_best += counts[best];
            bests.push(Best { f: points[best].f(), point: points[best] });
        }
    }
    let curve = curve(&sums, protocol);
    Scores {
        ods: best_between(&curve),
        ois: Point::of(&at_best, 0.0).f(),
        ap: area(&curve),
        r50: recall_at_half(&curve),
        curve,
        images: bests,
    }
}

fn curve(counts: &[Counts], protocol: &Protocol) -> Vec<Point> {
    let point = |(index, counts)| Point::of(counts, protocol.threshold(index));
    counts.iter().enumerate().map(point).collect()
}

/// The best point on or, linearly, between the points of a curve.
fn best_between(curve: &[Point]) -> Best {
    const PARTS: usize = 100;
    let between = curve.windows(2).flat_map(|pair| {
        (0..=PARTS).map(|part| {
            let share = part as f64 / PARTS as f64;
            let mix = |of: fn(&Point) -> f64| of(&pair[0]) * (1.0 - share) + of(&pair[1]) * share;
            Point {
                threshold: mix(|p| p.threshold),
                recall: mix(|p| p.recall),
                precision: mix(|p| p.precision),
            }
        })
    });
    let first = curve.first().copied();
    let first = first.unwrap_or(Point { threshold: 0.0, recall: 0.0, precision: 0.0 });
    let best = between.fold(first, |best, point| if point.f() > best.f() { point } else { best });
    Best { f: best.f(), point: best }
}

/// Mean precision at recalls of 0 to 1 in hundredths, linear between the points of the curve and 0
/// outside it.
fn area(curve: &[Point]) -> f64 {
    let points = without_twins(curve.iter().map(|p| (p.recall, p.precision)));
    if points.len() < 2 {
        return 0.0;
    }
    (0..=100).filter_map(|i| interpolated(&points, f64::from(i) / 100.0)).sum::<f64>() / 100.0
}

fn recall_at_half(curve: &[Point]) -> Option<f64> {
    interpolated(&without_twins(curve.iter().map(|p| (p.precision, p.recall))), 0.5)
}

/// Points by the first number; of those that share it, the one that came first.
fn without_twins(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut points: Vec<_> = points.collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by_key(|point| point.0);
    points
}

fn interpolated(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let exact = points.iter().find(|point| point.0 == x).map(|point| point.1);
    let between = || {
        let pair = points.windows(2).find(|pair| pair[0].0 < x && x < pair[1].0)?;
        let share = (x - pair[0].0) / (pair[1].0 - pair[0].0);
        Some(pair[0].1 * (1.0 - share) + pair[1].1 * share)
    };
    exact.or_else(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(right: usize, predicted: usize, found: usize) -> Counts {
        Counts { predicted, right, annotated: 10, found }
    }

    #[test]
    fn scores_of_two_images_by_hand() {
        let protocol = Protocol { thresholds: 2, ..Protocol::default() };
        let images =
            [vec![counts(5, 10, 5), counts(2, 2, 2)], vec![counts(1, 10, 1), counts(4, 4, 4)]];
        let scores = scores(&images, &protocol);
        // Together 6 of 20 right and 6 of 20 found, then 6 of 6 and 6 of 20.
        assert_eq!((scores.curve[0].precision, scores.curve[0].recall), (0.3, 0.3));
        assert_eq!((scores.curve[1].precision, scores.curve[1].recall), (1.0, 0.3));
        assert!((scores.ods.f - 2.0 * 0.3 / 1.3).abs() < 1e-12);
        assert_eq!(scores.ods.point.threshold, 2.0 / 3.0);
        // The first image's best is its first threshold: 9 of 14 right, 9 of 20 found.
        assert_eq!(scores.images[0].f, 0.5);
        let (precision, recall) = (9.0 / 14.0, 9.0 / 20.0);
        assert!((scores.ois - 2.0 * precision * recall / (precision + recall)).abs() < 1e-12);
        // One recall only: no area. Precision passes one half between 0.3 and 1.
        assert_eq!(scores.ap, 0.0);
        assert!((scores.r50.expect("passes one half") - 0.3).abs() < 1e-12);
    }

    #[test]
    fn the_area_under_a_straight_curve() {
        let point = |recall, precision| Point { threshold: 0.5, recall, precision };
        // Precision 1 from recall 0.2 to 0.6: 41 hundredths.
        assert!((area(&[point(0.6, 1.0), point(0.2, 1.0)]) - 0.41).abs() < 1e-12);
        assert_eq!(recall_at_half(&[point(0.6, 0.9), point(0.2, 1.0)]), None);
    }

    #[test]
    fn nothing_predicted_scores_nothing() {
        let protocol = Protocol { thresholds: 3, ..Protocol::default() };
        let scores = scores(&[vec![counts(0, 0, 0); 3]], &protocol);
        assert_eq!((scores.ods.f, scores.ois, scores.ap, scores.r50), (0.0, 0.0, 0.0, None));
    }
}
