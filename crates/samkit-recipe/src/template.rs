//! `samkit recipe new`: a recipe to start from.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::{Catalogue, InputInfo, TaskInfo, VERSION, schema};

/// A commented recipe that runs `task`: every parameter with its default, what it means and what it
/// may be. Steps that give what the task takes stand before it, where `catalogue` has tasks for
/// that; where it has none, the place is marked `STEP`.
pub fn template(task: &TaskInfo, catalogue: &Catalogue) -> String {
    let mut steps = Vec::new();
    chain(task, catalogue, &mut Vec::new(), &mut steps);
    let mut text = format!(
        "# yaml-language-server: $schema=recipe.schema.json\n\
         # {}\n\
         #\n\
         # Editors complete and check it beside: samkit recipe schema > recipe.schema.json\n\
         # Paths are relative to this file.\n\
         version: {VERSION}\n\
         input: images            # a file, a folder, a pattern such as photos/*.jpg, or a list of them\n\
         output: out/{}\n\
         steps:\n",
        one_line(&task.about),
        task.name
    );
    for task in &steps {
        text += &step(task, &steps);
    }
    text
}

/// Puts tasks that give what `task` needs, and what these need, before it. Those in `open` wait for
/// their own givers and cannot give.
fn chain<'c>(
    task: &'c TaskInfo,
    catalogue: &'c Catalogue,
    open: &mut Vec<&'c str>,
    steps: &mut Vec<&'c TaskInfo>,
) {
    open.push(&task.name);
    for input in needs(task) {
        let gives = |giver: &&TaskInfo| {
            is_giver(giver, task, input) && !open.contains(&giver.name.as_str())
        };
        // Rather a task that is there already, or one that needs nothing itself.
        let giver = steps.iter().copied().find(gives).or_else(|| {
            let mut givers: Vec<_> = catalogue.tasks.iter().filter(gives).collect();
            givers.sort_by_key(|giver| needs(giver).count());
            givers.first().copied()
        });
        if let Some(giver) = giver
            && !steps.iter().any(|step| step.name == giver.name)
        {
            chain(giver, catalogue, open, steps);
        }
    }
    open.pop();
    steps.push(task);
}

/// The inputs that a step of this task must name.
fn needs(task: &TaskInfo) -> impl Iterator<Item = &InputInfo> {
    task.inputs.iter().filter(|input| input.required && input.kind != crate::Kind::Image)
}

fn is_giver(giver: &TaskInfo, taker: &TaskInfo, input: &InputInfo) -> bool {
    giver.name != taker.name && giver.outputs.iter().any(|output| output.kind == input.kind)
}

fn step(task: &TaskInfo, steps: &[&TaskInfo]) -> String {
    let mut text = format!("  - id: {0}\n    task: {0}\n", task.name);
    let inputs: Vec<_> = needs(task).map(|input| (input, giver(task, input, steps))).collect();
    if !inputs.is_empty() {
        text += "    inputs:\n";
    }
    for (input, giver) in inputs {
        let _ = writeln!(
            text,
            "      {}: {giver}    # {}: {}",
            input.name,
            input.kind,
            one_line(&input.about)
        );
    }
    let parameters: Vec<_> = task.parameters().collect();
    if !parameters.is_empty() {
        text += "    params:\n";
    }
    for (name, schema) in parameters {
        text += &parameter(task, name, schema);
    }
    text + &save(task)
}

/// The step before that gives `input`, with the result's name where it gives several.
fn giver(task: &TaskInfo, input: &InputInfo, steps: &[&TaskInfo]) -> String {
    let Some(giver) = steps.iter().find(|giver| is_giver(giver, task, input)) else {
        return "STEP".into();
    };
    let fitting: Vec<_> = giver.outputs.iter().filter(|out| out.kind == input.kind).collect();
    match fitting.as_slice() {
        [first, _, ..] => format!("{}.{}", giver.name, first.name),
        _ => giver.name.clone(),
    }
}

fn parameter(task: &TaskInfo, name: &str, schema: &Json) -> String {
    let mut text = String::new();
    let about = schema.get("description").and_then(Json::as_str).unwrap_or_default();
    for line in about.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "      # {line}");
    }
    let expected = schema::describe(&task.params, schema);
    let required = task.params.get("required").and_then(Json::as_array);
    let is_required = required.into_iter().flatten().any(|required| required == name);
    let value = match schema.get("default") {
        Some(default) => flow(default),
        None => flow(&sample(&task.params, schema)),
    };
    // A parameter without a default is off until someone wants it.
    let off = if schema.get("default").is_none() && !is_required { "# " } else { "" };
    let _ = writeln!(
        text,
        "      {off}{}: {value}    # {}",
        flow(&Json::from(name)),
        one_line(&expected)
    );
    text
}

fn save(task: &TaskInfo) -> String {
    let given = |name: &String| {
        let parameter = task.parameters().find(|(known, _)| known == name);
        parameter
            .and_then(|(_, schema)| schema.get("default"))
            .is_some_and(|value| !value.is_null())
    };
    let (on, off): (Vec<_>, Vec<_>) = task
        .products
        .iter()
        .partition(|product| product.default && product.needs.as_ref().is_none_or(given));
    let names = |products: &[&crate::ProductInfo]| {
        products.iter().map(|product| product.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (task.products.is_empty(), off.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!("    save: [{}]\n", names(&on)),
        (false, false) => format!("    save: [{}]    # also: {}\n", names(&on), names(&off)),
    }
}

/// A value that the schema takes, for a parameter without default.
fn sample(root: &Json, schema: &Json) -> Json {
    let schema = schema::follow(root, schema);
    let first = |key: &str| schema.get(key).and_then(Json::as_array).and_then(|list| list.first());
    if let Some(value) = first("examples").or_else(|| schema.get("const")).or_else(|| first("enum"))
    {
        return value.clone();
    }
    if let Some(branch) = first("anyOf").or_else(|| first("oneOf")).or_else(|| first("allOf")) {
        return sample(root, branch);
    }
    let name = match schema.get("type") {
        Some(Json::Array(names)) => names.first().and_then(Json::as_str),
        Some(name) => name.as_str(),
        None => None,
    };
    match name {
        Some("integer" | "number") => number(schema),
        Some("boolean") => Json::from(false),
        Some("array") => {
            let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0).min(8);
            let entry = schema.get("items").map_or(Json::Null, |entry| sample(root, entry));
            Json::Array(vec![entry; least as usize])
        }
        Some("object") => {
            let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
            let of = |name: &str| schema.get("properties").and_then(|known| known.get(name));
            let values = required.filter_map(Json::as_str).map(|name| {
                (name.to_owned(), of(name).map_or(Json::Null, |schema| sample(root, schema)))
            });
            Json::Object(values.collect())
        }
        Some("null") => Json::Null,
        _ => Json::from("text"),
    }
}

fn number(schema: &Json) -> Json {
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    if let Some(bound) = schema.get("minimum").or_else(|| schema.get("maximum")) {
        return bound.clone();
    }
    match (bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
        (Some(above), Some(below)) => Json::from(f64::midpoint(above, below)),
        (Some(above), None) => Json::from(above + 1.0),
        (None, Some(below)) => Json::from(below - 1.0),
        (None, None) => Json::from(1),
    }
}

/// The value in YAML's flow style, which is JSON's but for quotes that are not needed.
fn flow(value: &Json) -> String {
    let plain = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && !matches!(*text, "true" | "false" | "null")
    };
    match value.as_str().filter(plain) {
        Some(text) => text.to_owned(),
        // `${` in a default is no variable.
        None => value.to_string().replace("${", "$${"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
