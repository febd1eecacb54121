//! Weights for tests that run real networks.
//!
//! Such a test starts with [`local_or_skip`]: on a machine without the weights
//! it is skipped with a line that says so, and under `SAMKIT_REQUIRE_MODELS=1`
//! the weights are fetched, and a test that cannot have them fails.

use std::path::PathBuf;

use crate::{ModelError, PullOptions, Silent, Store, find};

/// Environment variable that turns missing weights into failed tests.
pub const REQUIRE_MODELS_VARIABLE: &str = "SAMKIT_REQUIRE_MODELS";

/// The safetensors file of a model (or its folder), or `None` after printing `skipped: …`.
///
/// ```
/// let Some(weights) = samkit_models::testing::local_or_skip("mobile-sam") else {
///     return;
/// };
/// assert!(weights.exists());
/// ```
///
/// # Panics
/// If `id` is unknown, and under `SAMKIT_REQUIRE_MODELS=1` if the weights cannot
/// be had.
#[must_use]
pub fn local_or_skip(id: &str) -> Option<PathBuf> {
    let required = std::env::var(REQUIRE_MODELS_VARIABLE).is_ok_and(|v| v == "1");
    match obtain(id, required) {
        Ok(path) => Some(path),
        Err(error) if required || matches!(error, ModelError::UnknownModel { .. }) => {
            panic!("weights of {id} are required: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn obtain(id: &str, fetch: bool) -> Result<PathBuf, ModelError> {
    let spec = find(id)?;
    let store = Store::open_default()?;
    let options = PullOptions { offline: !fetch, ..PullOptions::default() };
    Ok(store.ensure(spec, &options, &Silent)?.path)
}
