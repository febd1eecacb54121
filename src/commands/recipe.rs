//! `samkit recipe`: recipes without running them.

use clap::{Args, Subcommand};
use samkit_recipe::{json_schema, nearest, template};

use super::{Outcome, run};
use crate::{
    catalogue::Tasks,
    cli::GlobalArgs,
    console::Console,
    error::CliError,
    print::{print_text, say},
    report::print_json,
};

/// Check recipes without running them, and begin new ones
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    command: RecipeCommand,
}

const EXAMPLES: &str = "\
Examples:
  samkit recipe new edges > my-edges.yaml
  samkit recipe check my-edges.yaml
  samkit recipe schema > recipe.schema.json";

#[derive(Debug, Subcommand)]
enum RecipeCommand {
    /// Check a recipe: form, tasks, parameters. Images and weights are not looked at
    Check {
        /// A recipe file, or the name of a built-in recipe
        recipe: String,
    },
    /// Print a commented recipe for a task, with every parameter and its default
    New {
        /// A built-in task, edges or everything, or that of a plugin
        task: String,
    },
    /// Print the JSON Schema of recipes, for editors, with the parameters of every task found
    Schema,
}

pub(super) fn run(
    args: &RecipeArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    match &args.command {
        RecipeCommand::Check { recipe: name } => {
            let (source, _) = run::open(name)?;
            let (recipe, steps) = run::plan(source, &[], global, console)?;
            run::resolve_engine(&recipe, None)?;
            run::named_precision(&recipe)?;
            let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
            say!("{}: ok, steps: {}", recipe.source().name(), ids.join(", "));
        }
        RecipeCommand::New { task: name } => {
            let catalogue = Tasks::find(&global.plugin_path)?.catalogue;
            let task = catalogue.find(name).ok_or_else(|| {
                let names: Vec<_> = catalogue.tasks.iter().map(|task| task.name.as_str()).collect();
                let guess = nearest(name, names.iter().copied())
                    .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                let help = format!("{guess}tasks: {}", names.join(", "));
                CliError::NoTask { name: name.clone(), help }
            })?;
            print_text(&template(task, &catalogue));
        }
        RecipeCommand::Schema => {
            print_json(&json_schema(&Tasks::find(&global.plugin_path)?.catalogue));
        }
    }
    Ok(Outcome::Done)
}
