//! Recipes: YAML files that say which tasks run on which images.
//!
//! [`Recipe::parse`] turns text into a typed recipe, or into one error that names the file, line
//! and column, shows the line, says what was expected and suggests the nearest name. What a task
//! makes of its parameters is not known here: [`Recipe::params`] decodes them into any
//! `serde` structure, and [`Recipe::fault`] puts an error found later at its place in the text.
//!
//! ```
//! use samkit_recipe::{Recipe, Source};
//!
//! let text = "version: 1\ninput: photos\nsteps:\n  - task: edges\n";
//! let recipe = Recipe::parse(Source::new("edges.yaml", text), &[])?;
//! assert_eq!(recipe.input, ["photos"]);
//! assert_eq!(recipe.steps[0].id, "edges");
//!
//! let typo = Source::new("edges.yaml", text.replace("input", "inptu"));
//! let error = Recipe::parse(typo, &[]).unwrap_err();
//! assert_eq!(error.to_string(), "edges.yaml:2:1: unknown key `inptu`");
//! # Ok::<(), samkit_recipe::RecipeError>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod locate;
mod node;
mod overrides;
mod params;
mod parse;
mod path;
mod recipe;
mod source;
mod suggest;

pub use error::{Invalid, Problem, RecipeError};
pub use locate::{Position, Spot, locate};
pub use overrides::Override;
pub use path::{Path, Segment};
pub use recipe::{EngineSettings, Recipe, Step, VERSION};
pub use source::Source;
pub use suggest::nearest;

/// An untyped YAML value: what a step's parameters are until a task has decoded them.
pub use serde_yaml::Value;
