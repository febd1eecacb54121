//! How well regions fit texts.

/// Cosines of every region with every text: regions × texts, row by row. Embeddings are of the same
/// number of values, and of length 1.
pub fn cosines(regions: &[Vec<f32>], texts: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    regions.iter().map(|region| texts.iter().map(|text| dot(region, text)).collect()).collect()
}

/// The share that each of the first `queries` texts has in a region's softmax over all texts, as CLIP
/// was trained: exp(`scale` · cosine) over their sum. The other texts are what a region may be
/// instead, so that nothing need fit.
pub fn shares(cosines: &[f32], queries: usize, scale: f32) -> Vec<f32> {
    let highest = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> =
        cosines.iter().map(|cosine| (scale * (cosine - highest)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().take(queries).map(|weight| weight / sum).collect()
}

/// The mean of embeddings, of length 1 again. `None` for none, or where they cancel out.
pub fn mean(embeddings: &[Vec<f32>]) -> Option<Vec<f32>> {
    let mut sum = vec![0.0; embeddings.first()?.len()];
    for embedding in embeddings {
        sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value);
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    (length > 0.0).then(|| sum.into_iter().map(|value| value / length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_with_what_is_not_asked_for() {
        let all = shares(&[0.3, 0.2, 0.25], 3, 100.0);
        assert!((all.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(all[0] > 0.99);
        assert_eq!(shares(&[0.3, 0.2, 0.25], 1, 100.0), all[..1]);
    }

    #[test]
    fn what_fits_something_else_better_has_no_share() {
        assert!(shares(&[0.21, 0.3], 1, 100.0)[0] < 1e-3);
        assert!((shares(&[0.3, 0.3], 1, 100.0)[0] - 0.5).abs() < 1e-6);
    }

    #[test]
    fn cosines_and_means() {
        let rows = [vec![1.0, 0.0], vec![0.0, 1.0]];
        assert_eq!(cosines(&rows, &rows), [[1.0, 0.0], [0.0, 1.0]]);
        let mean = mean(&rows).expect("they do not cancel out");
        assert!((mean[0] - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(super::mean(&[]), None);
        assert_eq!(super::mean(&[vec![1.0, 0.0], vec![-1.0, 0.0]]), None);
    }
}
