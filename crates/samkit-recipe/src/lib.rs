//! Recipes: YAML files that say which tasks run on which images.
//!
//! ```yaml
//! version: 1
//! include: house.yaml            # another recipe: what it says holds where this one is silent
//! vars: { points: 32 }           # `--set vars.points=16` changes it
//! input: { paths: [photos, "more/*.png"], recursive: true }   # or a path, or a list of them
//! output: out
//! report: true                   # also a page that shows all images
//! engine: { model: mobile-sam, device: auto }
//! steps:
//!   - id: boxes
//!     task: detect
//!     save: []                   # nothing: another step needs them
//!   - id: masks
//!     task: instances
//!     inputs: { boxes: boxes }   # or `STEP.RESULT`, where a step gives several of a kind
//!     params: { points: "${points}" }
//!     save: [coco, overlay]
//! ```
//!
//! - Paths are relative to the recipe file that names them. The input `"-"` is a list of paths on
//!   standard input.
//! - `${name}` stands for a variable in any text, and a value that is nothing else keeps the
//!   variable's type; `$${` is `${` itself. Variables are filled in last, after `include` and `--set`.
//! - Of an included recipe, `engine` and `vars` are taken key by key, and steps by id: its steps come
//!   first, one that both have is merged key by key (so are `inputs` and `params` in it), and new
//!   ones follow. All else is replaced as a whole. Of several included recipes the later one wins.
//!
//! [`Recipe::parse`] turns text into a typed recipe, and [`plan`] checks it against a [`Catalogue`]
//! of tasks, which is plain data: nothing is loaded. Errors name file, line and column, show the
//! line, say what was expected and suggest the nearest name; all that can be found come at once.
//! [`Recipe::fault`] puts an error that is found later at its place. Texts that are too large, too
//! deep or that explode are refused before they cost time or memory.
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

mod catalogue;
mod error;
mod excerpt;
mod include;
mod limits;
mod link;
mod link_problem;
mod locate;
mod merge;
mod node;
mod overrides;
mod parse;
mod path;
mod plan;
mod position;
mod problem;
mod recipe;
mod save;
mod schema;
mod settings;
mod show;
mod source;
mod suggest;
mod syntax;
mod template;
mod vars;
mod words;
mod yaml;

pub use catalogue::{Catalogue, InputInfo, Kind, OutputInfo, ProductInfo, TaskInfo};
pub use error::{Invalid, RecipeError, Several};
pub use limits::MAX_BYTES;
pub use link_problem::LinkProblem;
pub use locate::{Spot, locate};
pub use overrides::Override;
pub use path::{Path, Segment};
pub use plan::{Link, Plan, PlanStep, PlannedFile, plan};
pub use position::Position;
pub use problem::{Problem, VariableProblem};
pub use recipe::{EngineSettings, Recipe, STDIN, Step, VERSION};
pub use schema::{describe, json_schema, unread_keywords};
pub use source::Source;
pub use suggest::nearest;
pub use template::template;

/// An untyped YAML value: what a step's parameters are until a task has decoded them.
pub use serde_yaml::Value;
