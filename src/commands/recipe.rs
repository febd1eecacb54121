//! `samkit recipe`: recipes without running them.

use clap::{Args, Subcommand};
use samkit_recipe::Recipe;

use super::{Outcome, run};
use crate::error::CliError;

/// Check recipes without running them
#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    command: RecipeCommand,
}

#[derive(Debug, Subcommand)]
enum RecipeCommand {
    /// Check a recipe: form, tasks, parameters. Images and weights are not looked at
    Check {
        /// A recipe file, or the name of a built-in recipe
        recipe: String,
    },
}

pub(super) fn run(args: &RecipeArgs) -> Result<Outcome, CliError> {
    let RecipeCommand::Check { recipe: name } = &args.command;
    let (source, _) = run::open(name)?;
    let recipe = Recipe::parse(source, &[])?;
    run::resolve_engine(&recipe, None)?;
    run::named_precision(&recipe)?;
    let steps = run::resolve_steps(&recipe)?;
    let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
    println!("{}: ok, steps: {}", recipe.source().name(), ids.join(", "));
    Ok(Outcome::Done)
}
