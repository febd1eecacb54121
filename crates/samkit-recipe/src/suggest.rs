//! "Did you mean …?"

/// The candidate that a misspelt `name` most likely stands for, if one is near enough.
///
/// ```
/// use samkit_recipe::nearest;
/// assert_eq!(nearest("point_per_side", ["points_per_side", "points_per_batch"]), Some("points_per_side"));
/// assert_eq!(nearest("banana", ["edges", "everything"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Half of the letters may be wrong: short names still get help, unrelated ones none.
    const NEAR: f64 = 0.5;
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let other = candidate.to_lowercase();
            (strsim::normalized_damerau_levenshtein(&name, &other), candidate)
        })
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
