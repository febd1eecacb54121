//! What a recipe will do, settled before anything is loaded.

use serde::Serialize;

use crate::{
    Catalogue, EngineSettings, Kind, Override, Path, Problem, Recipe, RecipeError, Source, Spot,
    Step, TaskInfo, link,
    node::{Fault, Faults},
    save, settings,
};

/// A recipe whose steps are known to fit: everything that a dry run prints, but for the images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Which network runs, and where.
    pub engine: EngineSettings,
    /// The steps in the order in which they run.
    pub steps: Vec<PlanStep>,
}

/// A step with every choice made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanStep {
    /// Its name.
    pub id: String,
    /// The name of its task.
    pub task: String,
    /// Every parameter that has a value in the recipe or a default, in the order of the schema.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// What it takes from earlier steps.
    pub inputs: Vec<Link>,
    /// What it writes.
    pub save: Vec<PlannedFile>,
}

/// A result that one step hands to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What the taking task calls it.
    pub input: String,
    /// Number of the giving step in [`Plan::steps`].
    pub step: usize,
    /// What the giving task calls it.
    pub output: String,
    /// What it is.
    pub kind: Kind,
}

/// A file that a step writes for every image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// What `save` calls it.
    pub product: String,
    /// The folder below the output folder, empty for the output folder itself: a step has one of
    /// its own where several steps write.
    pub folder: String,
    /// What follows the image's stem and a `.`: `edges.png`.
    pub suffix: String,
}

/// A step and its task, with its place in the recipe.
pub(crate) struct Known<'a> {
    pub(crate) step: &'a Step,
    pub(crate) task: &'a TaskInfo,
    pub(crate) path: Path,
}

/// Checks `recipe` against the tasks that there are.
///
/// # Errors
/// With everything that is wrong: unknown tasks; inputs that are missing, unknown, of the wrong kind
/// or come from a step that runs later; parameters that do not fit their schema; results that a task
/// does not have, and files that would be written twice.
pub fn plan(recipe: &Recipe, catalogue: &Catalogue) -> Result<Plan, RecipeError> {
    let mut faults = Faults::default();
    let plan = make(recipe, catalogue, &mut faults);
    recipe.show_all(faults)?;
    Ok(plan)
}

impl Recipe {
    /// [`Recipe::parse`] and [`plan`] in one, so that the errors of both come at once.
    ///
    /// # Errors
    /// As both.
    pub fn parse_and_plan(
        source: Source,
        overrides: &[Override],
        catalogue: &Catalogue,
    ) -> Result<(Self, Plan), RecipeError> {
        let (recipe, mut faults) = Self::parse_leniently(source, overrides)?;
        let plan = make(&recipe, catalogue, &mut faults);
        recipe.show_all(faults)?;
        Ok((recipe, plan))
    }
}

fn make(recipe: &Recipe, catalogue: &Catalogue, faults: &mut Faults) -> Plan {
    let mut known = Vec::new();
    for step in &recipe.steps {
        let path = step.places.step.clone();
        match catalogue.find(&step.task) {
            Some(task) => known.push(Known { step, task, path }),
            None => {
                let (name, allowed) = (step.task.clone(), catalogue.names());
                let problem = Problem::UnknownName { what: "task", name, allowed };
                faults.add(Fault { path: path.key("task"), spot: Spot::Value, problem });
            }
        }
    }
    // Where a step is not understood, others may only seem to lack what it gives.
    let links = link::resolve(recipe, &known, recipe.whole, faults);
    let files = save::resolve(&known, faults);
    let steps = known.iter().zip(links.into_iter().zip(files)).map(|(known, (inputs, save))| {
        let Known { step, task, path } = known;
        let params = settings::resolve(recipe, step, task, &path.key("params"), faults);
        PlanStep { id: step.id.clone(), task: step.task.clone(), params, inputs, save }
    });
    Plan { steps: steps.collect(), engine: recipe.engine.clone() }
}
