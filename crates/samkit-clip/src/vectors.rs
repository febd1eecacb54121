//! Embeddings as vectors.

/// The cosine between two normalised embeddings of one model, from −1 to 1.
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Scales a vector to length 1; a vector of zeros stays.
pub(crate) fn normalise(x: &mut [f32]) {
    let length = x.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        x.iter_mut().for_each(|x| *x /= length);
    }
}

/// The vectors that lie one after the other in `values`, each scaled to length 1.
pub(crate) fn normalised(values: &[f32], dim: usize) -> Vec<Vec<f32>> {
    let rows = values.chunks_exact(dim).map(|row| {
        let mut row = row.to_vec();
        normalise(&mut row);
        row
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_vectors_have_length_one_and_zeros_stay() {
        let rows = normalised(&[3.0, 4.0, 0.0, 0.0], 2);
        assert!((similarity(&rows[0], &rows[0]) - 1.0).abs() < 1e-6);
        assert_eq!(rows[1], [0.0, 0.0]);
    }
}
