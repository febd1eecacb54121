//! From text to a typed recipe.

use std::collections::BTreeMap;

use miette::NamedSource;
use serde_yaml::{Mapping, Value};

use crate::{
    EngineSettings, Invalid, Override, Path, Position, Problem, Recipe, RecipeError, Source, Spot,
    Step, VERSION, locate,
    locate::locate_duplicate_key,
    node::{Fault, Fields, Node},
};

impl Recipe {
    /// Reads a recipe, with the changes in `overrides` made before anything is checked.
    ///
    /// # Errors
    /// At the first thing that is wrong: the YAML itself, then overrides that lead nowhere, then
    /// keys, types and ids from top to bottom.
    pub fn parse(source: Source, overrides: &[Override]) -> Result<Self, RecipeError> {
        let mut document = read_yaml(&source)?;
        let mut overrides = overrides.to_vec();
        for change in &mut overrides {
            change.apply(&mut document)?;
        }
        let mut recipe = Recipe {
            input: Vec::new(),
            output: None,
            engine: EngineSettings::default(),
            steps: Vec::new(),
            source,
            overrides,
        };
        let root = Node { value: &document, path: Path::root() };
        match recipe.fill(&root) {
            Ok(()) => Ok(recipe),
            Err(fault) => Err(recipe.show(fault)),
        }
    }

    fn fill(&mut self, root: &Node<'_>) -> Result<(), Fault> {
        let fields = root.fields(
            &["version", "input", "output", "engine", "steps"],
            "a recipe with `version` and `steps`",
        )?;
        check_version(&fields)?;
        if let Some(input) = fields.optional("input") {
            self.input = input.strings("a file, folder or glob, or a list of them")?;
        }
        if let Some(output) = fields.optional("output") {
            self.output = Some(output.string("a folder")?);
        }
        if let Some(engine) = fields.optional("engine") {
            self.engine = read_engine(&engine)?;
        }
        let expected = "a list of at least one step, such as `- task: edges`";
        for step in fields.required("steps", expected)?.entries(expected)? {
            let (step, id) = read_step(&step)?;
            if self.steps.iter().any(|other| other.id == step.id) {
                return Err(id.fault(Problem::DuplicateStep(step.id)));
            }
            self.steps.push(step);
        }
        Ok(())
    }

    /// An error at `path`, for what is found wrong after parsing. Where the place itself is not in
    /// the text, the nearest section around it is shown.
    pub fn fault(&self, path: &Path, spot: Spot, problem: Problem) -> RecipeError {
        self.show(Fault { path: path.clone(), spot, problem })
    }

    pub(crate) fn show(&self, fault: Fault) -> RecipeError {
        let Fault { path, spot, problem } = fault;
        let change = self.overrides.iter().rev().find(|change| path.starts_with(&change.path));
        if let Some(change) = change {
            let given = Source::new("--set", change.given());
            return at(&given, change.position(&path, spot), problem);
        }
        let mut place = Some((path, spot));
        while let Some((path, spot)) = place {
            if let Some(position) = locate(self.source.text(), &path, spot) {
                return at(&self.source, position, problem);
            }
            place = path.parent().map(|parent| (parent, Spot::Key));
        }
        at(&self.source, Position::new(self.source.text(), 1, 1), problem)
    }
}

fn at(source: &Source, position: Position, problem: Problem) -> RecipeError {
    let invalid = Invalid {
        place: format!("{}:{}:{}", source.name(), position.line, position.column),
        text: NamedSource::new(source.name(), source.text().to_owned()),
        span: (position.offset, position.length).into(),
        label: problem.label(),
        help: problem.help(),
        problem,
    };
    RecipeError::Invalid(Box::new(invalid))
}

fn read_yaml(source: &Source) -> Result<Value, RecipeError> {
    let error = match serde_yaml::from_str(source.text()) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    if let Some(position) = locate_duplicate_key(source.text()) {
        return Err(at(source, position, Problem::DuplicateKey));
    }
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let position = Position::new(source.text(), line, column);
    // The place is shown beside the message, and need not stand in it too.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    Err(at(source, position, Problem::Syntax(message)))
}

fn check_version(fields: &Fields<'_>) -> Result<(), Fault> {
    let version = fields.required("version", &format!("the recipe format, {VERSION}"))?;
    match version.value.as_u64() {
        Some(VERSION) => Ok(()),
        Some(other) => {
            Err(version.fault(Problem::Version { found: other.to_string(), expected: VERSION }))
        }
        None => Err(version.unexpected(&format!("the number {VERSION}"))),
    }
}

fn read_engine(engine: &Node<'_>) -> Result<EngineSettings, Fault> {
    let fields = engine.fields(
        &["model", "device", "threads"],
        "a mapping such as `{ model: mobile-sam, device: auto }`",
    )?;
    let text = |key, expected| fields.optional(key).map(|node| node.string(expected)).transpose();
    Ok(EngineSettings {
        model: text("model", "the id of a model")?,
        device: text("device", "`auto`, `cpu`, `cuda` or `metal`")?,
        threads: fields
            .optional("threads")
            .map(|node| node.count("a whole number of at least 1"))
            .transpose()?,
    })
}

/// The step, and the place that its name comes from.
fn read_step<'v>(step: &Node<'v>) -> Result<(Step, Node<'v>), Fault> {
    let fields = step.fields(
        &["id", "task", "params", "inputs", "save"],
        "a mapping such as `{ id: edges, task: edges }`",
    )?;
    let task_node = fields.required("task", "the name of a task, such as `edges`")?;
    let task = task_node.string("the name of a task")?;
    let id_node = fields.optional("id").unwrap_or(task_node);
    let id = id_node.string("a name")?;
    // The id names a folder of the output and a part of `--set` paths.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.chars().all(plain) || !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(id_node.unexpected("a name of letters, digits, `-` and `_`, a letter first"));
    }
    let params = match fields.optional("params") {
        Some(node) => {
            node.open_fields("a mapping of the task's parameters")?;
            node.value.clone()
        }
        None => Value::Mapping(Mapping::new()),
    };
    let mut inputs = BTreeMap::new();
    if let Some(node) = fields.optional("inputs") {
        for (name, producer) in node.open_fields("a mapping such as `{ boxes: STEP }`")?.iter() {
            inputs.insert(name, producer.string("the id of an earlier step")?);
        }
    }
    let save = fields
        .optional("save")
        .map(|node| node.strings("the name of a result, or a list of them"))
        .transpose()?;
    Ok((Step { id, task, params, inputs, save }, id_node))
}
