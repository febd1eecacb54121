//! From text to a typed recipe.

use std::collections::{BTreeMap, HashSet};

use serde_yaml::{Mapping, Value};

use crate::{
    EngineSettings, Override, Path, Problem, Recipe, RecipeError, Source, Spot, Step, VERSION,
    include,
    node::{Fault, Faults, Fields, Node},
    recipe::StepPlaces,
    vars,
};

const KEYS: [&str; 8] =
    ["version", "include", "vars", "input", "output", "report", "engine", "steps"];
const STEPS: &str = "a list of at least one step, such as `- task: edges`";
const INPUT: &str = "a file, folder or glob, or a list of them";

impl Recipe {
    /// Reads a recipe and those that it includes, makes the changes in `overrides`, then fills in
    /// its variables.
    ///
    /// # Errors
    /// With everything that can be found at once: first the YAML of all files, then overrides that
    /// lead nowhere, then variables, keys, types and ids.
    pub fn parse(source: Source, overrides: &[Override]) -> Result<Self, RecipeError> {
        let (recipe, faults) = Self::parse_leniently(source, overrides)?;
        recipe.show_all(faults)?;
        Ok(recipe)
    }

    /// As much of a recipe as can be read, and what is wrong with the rest.
    pub(crate) fn parse_leniently(
        source: Source,
        overrides: &[Override],
    ) -> Result<(Self, Faults), RecipeError> {
        let include::Loaded { mut document, sources } = include::load(source)?;
        let mut overrides = overrides.to_vec();
        let changes = overrides.iter_mut().map(|change| change.apply(&mut document.value));
        RecipeError::join(changes.filter_map(Result::err).collect())?;

        let mut faults = Faults::default();
        vars::interpolate(&mut document.value, &mut faults);
        let value = std::mem::take(&mut document.value);
        let mut recipe = Recipe {
            input: Vec::new(),
            recursive: false,
            output: None,
            report: false,
            engine: EngineSettings::default(),
            steps: Vec::new(),
            whole: true,
            input_places: Vec::new(),
            document,
            sources,
            overrides,
        };
        recipe.fill(&Node { value: &value, path: Path::root() }, &mut faults);
        recipe.document.value = value;
        Ok((recipe, faults))
    }

    fn fill(&mut self, root: &Node<'_>, faults: &mut Faults) {
        let Some(fields) = root.fields(&KEYS, "a recipe with `version` and `steps`", faults) else {
            return;
        };
        check_version(&fields, faults);
        if let Some(input) = fields.optional("input") {
            self.fill_input(&input, faults);
        }
        if let Some(output) = fields.optional("output") {
            self.output = faults.take(output.string("a folder"));
        }
        if let Some(report) = fields.optional("report") {
            self.report = faults.take(report.flag()).unwrap_or_default();
        }
        if let Some(engine) = fields.optional("engine") {
            self.engine = read_engine(&engine, faults);
        }
        let steps = fields.required("steps", STEPS).and_then(|steps| steps.entries(STEPS));
        let mut ids = HashSet::new();
        for node in faults.take(steps).into_iter().flatten() {
            match read_step(&node, faults) {
                Some(step) if ids.insert(step.id.clone()) => self.steps.push(step),
                Some(Step { id, places, .. }) => faults.add(Fault {
                    path: places.id,
                    spot: Spot::Value,
                    problem: Problem::DuplicateStep(id),
                }),
                None => self.whole = false,
            }
        }
    }

    fn fill_input(&mut self, input: &Node<'_>, faults: &mut Faults) {
        let mut paths = input.clone();
        if input.value.is_mapping() {
            let expected = "a mapping such as `{ paths: photos, recursive: true }`";
            let Some(fields) = input.fields(&["paths", "recursive"], expected, faults) else {
                return;
            };
            if let Some(recursive) = fields.optional("recursive") {
                self.recursive = faults.take(recursive.flag()).unwrap_or_default();
            }
            match faults.take(fields.required("paths", INPUT)) {
                Some(node) => paths = node,
                None => return,
            }
        }
        let placed = faults.take(paths.placed_strings(INPUT)).unwrap_or_default();
        (self.input_places, self.input) = placed.into_iter().unzip();
    }
}

/// What `version` shall hold.
pub(crate) fn version_expected() -> String {
    format!("the number {VERSION}, for this format of recipes")
}

fn check_version(fields: &Fields<'_>, faults: &mut Faults) {
    let version = fields.required("version", &version_expected());
    if let Some(version) = faults.take(version)
        && version.value.as_u64() != Some(VERSION)
    {
        faults.add(version.version_fault());
    }
}

fn read_engine(engine: &Node<'_>, faults: &mut Faults) -> EngineSettings {
    let Some(fields) = engine.fields(
        &["model", "device", "threads", "precision", "cache"],
        "a mapping such as `{ model: mobile-sam, device: auto }`",
        faults,
    ) else {
        return EngineSettings::default();
    };
    let mut text = |key, expected| faults.take(fields.optional(key)?.string(expected));
    EngineSettings {
        model: text("model", "the id of a model"),
        device: text("device", "`auto`, `cpu`, `cuda` or `metal`"),
        precision: text("precision", "`f32` or `bf16`"),
        cache: text("cache", "a folder"),
        threads: fields
            .optional("threads")
            .and_then(|node| faults.take(node.count("a whole number of at least 1"))),
    }
}

/// The step. Without a name there is none.
fn read_step(step: &Node<'_>, faults: &mut Faults) -> Option<Step> {
    let fields = step.fields(
        &["id", "task", "params", "inputs", "save"],
        "a mapping such as `{ id: edges, task: edges }`",
        faults,
    )?;
    let params = read_params(&fields, faults);
    let inputs = read_inputs(&fields, faults);
    let save = fields.optional("save").and_then(|node| {
        // An empty list is a choice too: a step that only others use.
        match node.value.as_sequence() {
            Some(none) if none.is_empty() => Some(Vec::new()),
            _ => faults.take(node.placed_strings("the name of a result, or a list of them")),
        }
    });
    let task_node = faults.take(fields.required("task", "the name of a task, such as `edges`"))?;
    let task = faults.take(task_node.string("the name of a task"))?;
    let id_node = fields.optional("id").unwrap_or(task_node);
    let id = faults.take(id_node.string("a name"))?;
    // The id names a folder of the output and a part of `--set` paths.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.chars().all(plain) || !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        faults.add(id_node.unexpected("a name of letters, digits, `-` and `_`, a letter first"));
        return None;
    }
    let (save_places, save) = match save {
        Some(save) => {
            let (places, names) = save.into_iter().unzip();
            (places, Some(names))
        }
        None => (Vec::new(), None),
    };
    let places = StepPlaces { step: step.path.clone(), id: id_node.path, save: save_places };
    Some(Step { id, task, params, inputs, save, places })
}

fn read_params(fields: &Fields<'_>, faults: &mut Faults) -> Value {
    let Some(node) = fields.optional("params") else { return Value::Mapping(Mapping::new()) };
    match faults.take(node.open_fields("a mapping of the task's parameters")) {
        Some(_) => node.value.clone(),
        None => Value::Mapping(Mapping::new()),
    }
}

fn read_inputs(fields: &Fields<'_>, faults: &mut Faults) -> BTreeMap<String, String> {
    let Some(node) = fields.optional("inputs") else { return BTreeMap::new() };
    let fields = faults.take(node.open_fields("a mapping such as `{ boxes: STEP }`"));
    let mut inputs = BTreeMap::new();
    for (name, producer) in fields.iter().flat_map(Fields::iter) {
        if let Some(step) = faults.take(producer.string("the id of an earlier step")) {
            inputs.insert(name, step);
        }
    }
    inputs
}
