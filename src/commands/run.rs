//! `samkit run`: what a recipe says.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use miette::Diagnostic;
use samkit_engine::{DeviceKind, Precision};
use samkit_io::Depth;
use samkit_models::ModelSpec;
use samkit_recipe::{Override, Path as RecipePath, PlanStep, Problem, Recipe, STDIN, Source, Spot};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Outcome, execute,
    options::{LongRunArgs, OUTPUT, ReportArgs, default_model, device, precision, sam_models},
};
use crate::{
    catalogue::Tasks,
    cli::GlobalArgs,
    console::Console,
    embedded,
    error::{CliError, one_line},
    inputs::{InputFault, find_images},
    job::{Job, JobStep},
    tasks::{
        Task,
        boxes::{self, BoxesTask},
        everything,
        plugin::PluginTask,
    },
};

/// Run a recipe on images
///
/// RECIPE is a file, or the name of a recipe that is built in: edges, everything, line-art, instances,
/// instances-from-boxes, grounded, text, semantic. Paths in a recipe are relative to its file, paths
/// given here to the current folder. A built-in recipe runs as if it lay in ./configs: outside a clone
/// of samkit's repository, name images with --input.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// A recipe file, or the name of a built-in recipe
    recipe: String,
    /// Images instead of the recipe's: files, folders and globs; - reads paths from standard input,
    /// one a line
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    input: Vec<String>,
    /// Folder to write to instead of the recipe's
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Change a value of the recipe, such as steps.edges.params.points_per_side=32; steps are named
    /// by id or number; can be given several times
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// Where to compute instead of where the recipe says: auto, cpu, cuda or metal
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Number format of the image encoder instead of the recipe's: f32 or bf16
    #[arg(long, value_name = "FORMAT")]
    precision: Option<String>,
    /// Folder to keep embeddings in instead of the recipe's: an image that a run has encoded is not
    /// encoded again
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    long: LongRunArgs,
}

const EXAMPLES: &str = "\
Examples:
  samkit run configs/edges.yaml
  samkit run edges --input photos --output photo-edges
  samkit run everything --input photos --resume
  samkit run edges --input a.jpg b.jpg --set steps.edges.params.points_per_side=32
  samkit run my.yaml --set engine.model=sam-vit-b --dry-run";

pub(super) fn run(
    args: &RunArgs,
    global: &GlobalArgs,
    console: Console,
) -> Result<Outcome, CliError> {
    let overrides =
        args.overrides.iter().map(|text| text.parse()).collect::<Result<Vec<Override>, _>>()?;
    let (source, origin) = open(&args.recipe)?;
    let (recipe, steps) = plan(source, &overrides, global, console)?;
    let (model, device) = resolve_engine(&recipe, args.device.as_deref())?;
    let precision = match &args.precision {
        Some(flag) => precision(flag, device)?,
        None => recipe_precision(&recipe, device)?,
    };
    let cache = args.cache.clone().or_else(|| {
        recipe.engine.cache.as_ref().map(|folder| relative_to(recipe.cache_folder(), folder))
    });

    let output = args.output.clone().unwrap_or_else(|| match &recipe.output {
        Some(folder) => relative_to(recipe.output_folder(), folder),
        None => OUTPUT.into(),
    });
    let images = if args.input.is_empty() {
        recipe_images(&recipe, &origin, &output, console)?
    } else {
        find_images(&args.input, Path::new(""), Depth::Subfolders, &output, console)?
    };
    let job = Job {
        name: origin.name,
        images,
        output,
        model,
        device,
        precision,
        cache,
        threads: global.threads.map(usize::from).or(recipe.engine.threads),
        offline: args.report.offline,
        report: args.report.report || recipe.report,
        steps,
        long: args.long.resolve(),
    };
    execute(&job, &args.report, console)
}

/// The recipe's model and device; `device_flag` goes before the recipe's device.
pub(super) fn resolve_engine(
    recipe: &Recipe,
    device_flag: Option<&str>,
) -> Result<(&'static ModelSpec, DeviceKind), CliError> {
    let unknown = |key, name: &str, allowed| unknown_name(recipe, key, name, allowed);
    let id = recipe.engine.model.as_deref().unwrap_or(default_model());
    let model = samkit_models::find(id).ok().filter(|spec| spec.is_segment_anything());
    let model = model.ok_or_else(|| {
        unknown("model", id, sam_models().into_iter().map(str::to_owned).collect())
    })?;
    let device = match (device_flag, recipe.engine.device.as_deref()) {
        (Some(flag), _) => device(flag)?,
        (None, Some(name)) => name
            .parse()
            .map_err(|_| unknown("device", name, DeviceKind::NAMES.map(str::to_owned).to_vec()))?,
        (None, None) => DeviceKind::default(),
    };
    Ok((model, device))
}

/// An error at `engine.KEY`.
fn engine_fault(recipe: &Recipe, key: &str, problem: Problem) -> CliError {
    recipe.fault(&RecipePath::root().key("engine").key(key), Spot::Value, problem).into()
}

fn unknown_name(recipe: &Recipe, key: &'static str, name: &str, allowed: Vec<String>) -> CliError {
    engine_fault(recipe, key, Problem::UnknownName { what: key, name: name.to_owned(), allowed })
}

/// The recipe's precision by name, whether or not this machine has it.
pub(super) fn named_precision(recipe: &Recipe) -> Result<Precision, CliError> {
    let Some(name) = &recipe.engine.precision else {
        return Ok(Precision::default());
    };
    let allowed = || Precision::NAMES.map(str::to_owned).to_vec();
    name.parse().map_err(|_| unknown_name(recipe, "precision", name, allowed()))
}

/// The recipe's precision, if `device` has it.
fn recipe_precision(recipe: &Recipe, device: DeviceKind) -> Result<Precision, CliError> {
    let precision = named_precision(recipe)?;
    precision.check(device).map_err(|error| {
        let help = error.help().map(|help| help.to_string()).unwrap_or_default();
        let message = one_line(&error);
        engine_fault(recipe, "precision", Problem::Other { message, help })
    })?;
    Ok(precision)
}

/// Where a recipe came from.
pub(super) struct Origin {
    name: String,
    embedded: bool,
}

/// The recipe's text: a file, or else a recipe that is built in.
pub(super) fn open(name: &str) -> Result<(Source, Origin), CliError> {
    let path = Path::new(name);
    if path.is_file() {
        let origin = Origin { name: name.to_owned(), embedded: false };
        return Ok((Source::read(path)?, origin));
    }
    if let Some(recipe) = embedded::find(name) {
        let source = Source::new(format!("{} (built in)", recipe.file), recipe.text);
        let source = source.in_folder(embedded::BASE);
        return Ok((source, Origin { name: recipe.file.into(), embedded: true }));
    }
    let names = embedded::RECIPES.map(|recipe| recipe.file);
    // Whoever left the ending out means a name without one.
    let known = names.map(|file| match Path::new(name).extension() {
        Some(_) => file,
        None => file.strip_suffix(".yaml").unwrap_or(file),
    });
    let guess = match samkit_recipe::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? "),
        None => String::new(),
    };
    let what = if path.is_dir() { "it is a folder; " } else { "" };
    let help = format!(
        "{what}{guess}built-in recipes: {}; or give the path of a recipe file",
        names.join(", ")
    );
    Err(CliError::NoRecipe { name: name.to_owned(), help })
}

/// The images that the recipe itself names.
fn recipe_images(
    recipe: &Recipe,
    origin: &Origin,
    output: &Path,
    console: Console,
) -> Result<Vec<samkit_io::InputImage>, CliError> {
    if recipe.input.is_empty() {
        return Err(CliError::NoInput {
            reason: format!("the recipe {} names no input", origin.name),
            help: "name images with `--input PATH`, or add `input:` to the recipe".into(),
        });
    }
    found(recipe, output, console).map_err(|InputFault { index, error }| {
        if !(origin.embedded && error.is_missing()) {
            let help = match error.is_missing() {
                true => {
                    "check the spelling; relative paths start at the recipe's folder".to_owned()
                }
                false => error.help_text(),
            };
            return recipe.input_fault(index, &one_line(&error), &help).into();
        }
        let help = format!(
            "the built-in {} names the example images of samkit's repository, which are not here: \
             name your own with `--input PATH`",
            origin.name
        );
        CliError::NoInput { reason: one_line(&error), help }
    })
}

fn found(
    recipe: &Recipe,
    output: &Path,
    console: Console,
) -> Result<Vec<samkit_io::InputImage>, InputFault> {
    // Short paths are kinder to read, but a special sign in the folder's name must stay apart
    // from the patterns of the recipe.
    let base = recipe.input_folder();
    let depth = if recipe.recursive { Depth::Subfolders } else { Depth::Folder };
    match base.to_str().filter(|base| !base.contains(['*', '?', '['])) {
        Some(_) => {
            let near = |input: &String| match input.as_str() {
                STDIN => STDIN.to_owned(),
                input => relative_to(base, input).display().to_string(),
            };
            let inputs: Vec<_> = recipe.input.iter().map(near).collect();
            find_images(&inputs, Path::new(""), depth, output, console)
        }
        None => find_images(&recipe.input, base, depth, output, console),
    }
}

/// `path` as seen from `base`, without detours: `configs/../out` is `out`.
fn relative_to(base: &Path, path: &str) -> PathBuf {
    let mut base = base.to_owned();
    let mut rest = Path::new(path);
    // A link's parent is another folder than the one that it lies in.
    while let Ok(after) = rest.strip_prefix("..")
        && matches!(base.components().next_back(), Some(Component::Normal(_)))
        && !base.is_symlink()
    {
        base.pop();
        rest = after;
    }
    base.join(rest)
}

/// Reads the recipe and checks it whole: form, tasks, inputs, parameters and results, before
/// anything is loaded but the plugins' descriptions.
pub(super) fn plan(
    source: Source,
    overrides: &[Override],
    global: &GlobalArgs,
    console: Console,
) -> Result<(Recipe, Vec<JobStep>), CliError> {
    let tasks = Tasks::find(&global.plugin_path)?;
    let planned = Recipe::parse_and_plan(source, overrides, &tasks.catalogue);
    for problem in &tasks.problems {
        let line = format!("not loaded: {}", one_line(problem));
        // Whoever's recipe names the plugin wants to know why it is not there.
        if planned.is_err() { console.say(&line) } else { console.detail(&line) }
    }
    let (recipe, plan) = planned?;
    let steps = plan.steps.into_iter().enumerate();
    let steps = steps.map(|(index, step)| job_step(&recipe, index, step, &tasks));
    let steps = steps.collect::<Result<_, _>>()?;
    Ok((recipe, steps))
}

fn job_step(
    recipe: &Recipe,
    index: usize,
    step: PlanStep,
    tasks: &Tasks,
) -> Result<JobStep, CliError> {
    let params = Value::Object(step.params);
    let task = match step.task.as_str() {
        everything::NAME => Task::Everything(typed(recipe, index, params)?),
        boxes::NAME => Task::Boxes(BoxesTask::new(typed(recipe, index, params)?)),
        id => {
            let plugin = tasks.plugins.get(id).expect("the plan knows no other tasks");
            Task::Plugin(PluginTask::new(plugin.clone(), params))
        }
    };
    if let Err(error) = task.validate() {
        return Err(recipe.param_fault(index, error.name, &error.found, &error.expected).into());
    }
    let save = step.save.into_iter().map(|file| file.product).collect();
    Ok(JobStep { id: step.id, task, save, inputs: step.inputs })
}

/// Parameters that fit their schema, as the task's own type.
fn typed<T: DeserializeOwned>(recipe: &Recipe, index: usize, params: Value) -> Result<T, CliError> {
    serde_json::from_value(params).map_err(|error| {
        let place = RecipePath::root().key("steps").index(index).key("params");
        let problem = Problem::Other { message: error.to_string(), help: String::new() };
        recipe.fault(&place, Spot::Value, problem).into()
    })
}
