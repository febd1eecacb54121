//! A task parameter outside its range.

/// A parameter whose value is not allowed, in words that fit a recipe and a command line alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is {found}, expected {expected}")]
pub struct ParamError {
    /// The parameter's name as recipes write it.
    pub name: &'static str,
    /// The value that was given.
    pub found: String,
    /// What is allowed, e.g. `a number from 0 to 1`.
    pub expected: String,
}

impl ParamError {
    /// A parameter error with the offending value shown by `Display`.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass numbers and literals")]
    pub fn new(name: &'static str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self { name, found: found.to_string(), expected: expected.into() }
    }

    /// Checks that `value` lies in `range`.
    ///
    /// # Errors
    /// When it does not, or is NaN.
    pub fn check_range<T>(
        name: &'static str,
        value: T,
        range: std::ops::RangeInclusive<T>,
    ) -> Result<(), Self>
    where
        T: PartialOrd + std::fmt::Display,
    {
        if range.contains(&value) {
            return Ok(());
        }
        let expected = format!("a number from {} to {}", range.start(), range.end());
        Err(Self::new(name, value, expected))
    }
}
