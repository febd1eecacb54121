//! `samkit plugins`: what plugins there are, and help for those who write them.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use samkit_plugin_host::{
    Description, Language, Origin, Plugin, PluginError, Plugins, SearchPath, SlotDescription,
    check, project,
};
use samkit_recipe::{describe, nearest};
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    catalogue::find_plugins,
    cli::GlobalArgs,
    error::{CliError, one_line},
    print::{print_text, say, tell},
    report::{print_json, table::aligned},
};

/// List, show, check and begin plugins
///
/// Plugins are looked for in the folders of --plugin-path, those in SAMKIT_PLUGIN_PATH,
/// `samkit-plugins` in the user's data folder, and `samkit-plugins` beside the program. Recipes name
/// them as tasks, by their ids.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PluginsArgs {
    #[command(subcommand)]
    command: PluginsCommand,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit plugins list
  samkit plugins list --plugin-path /opt/plugins
  samkit plugins show bright
  samkit plugins new my-task --lang c
  samkit plugins check my-task/my-task.so";

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// List the plugins that are found, and those that cannot be loaded
    List,
    /// Show what a plugin takes and gives, and its parameters
    Show {
        /// The plugin
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Try a plugin with good and bad requests, and say line by line how it did
    Check {
        /// The shared library
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write a project for a new plugin into a folder of its name
    New {
        /// The task's id
        #[arg(value_name = "NAME")]
        name: String,
        /// The language to write it in
        #[arg(long, value_name = "LANG", default_value = "rust")]
        lang: Lang,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    Rust,
    C,
}

pub(super) fn run(args: &PluginsArgs, global: &GlobalArgs) -> Result<Outcome, CliError> {
    match &args.command {
        PluginsCommand::List => list(args, &global.plugin_path),
        PluginsCommand::Show { id } => show(args, &global.plugin_path, id),
        PluginsCommand::Check { file } => {
            // A file that the user names may be named from here, unlike a folder to search.
            let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            Ok(report_check(&Plugin::load(&path)?, args.json))
        }
        PluginsCommand::New { name, lang } => begin(name, *lang, args.json),
    }
}

fn find(folders: &[PathBuf]) -> Result<(SearchPath, Plugins, Vec<PluginError>), CliError> {
    let search = SearchPath::new(folders)?;
    let (plugins, errors) = find_plugins(&search);
    Ok((search, plugins, errors))
}

fn list(args: &PluginsArgs, folders: &[PathBuf]) -> Result<Outcome, CliError> {
    let (search, plugins, errors) = find(folders)?;
    let outcome = if errors.is_empty() { Outcome::Done } else { Outcome::SomeFailed };
    if args.json {
        print_json(&json!({
            "folders": search.folders(),
            "plugins": plugins.iter().map(plugin_json).collect::<Vec<_>>(),
            "errors": errors.iter().map(|error| one_line(error)).collect::<Vec<_>>(),
        }));
        return Ok(outcome);
    }
    let mut rows = vec![["plugin", "version", "licence", "what", "from"].map(String::from)];
    rows.extend(plugins.iter().map(|plugin| {
        let Description { id, version, license, name, .. } = plugin.description();
        let from = origin(plugin);
        [id.clone(), version.clone(), license.clone(), name.clone(), from]
    }));
    say!("{}", aligned(&rows));
    say!("looked for in");
    for folder in search.folders() {
        let remark = if folder.is_dir() { "" } else { " (not there)" };
        say!("  {}{remark}", folder.display());
    }
    for error in errors {
        tell!("{:?}", miette::Report::new(error));
    }
    Ok(outcome)
}

fn show(args: &PluginsArgs, folders: &[PathBuf], id: &str) -> Result<Outcome, CliError> {
    let (_, plugins, errors) = find(folders)?;
    let Some(plugin) = plugins.get(id) else {
        let ids = plugins.iter().map(|plugin| plugin.description().id.as_str());
        let mut help = match nearest(id, ids) {
            Some(near) => format!("did you mean `{near}`? "),
            None => String::new(),
        };
        help += "`samkit plugins list` shows the plugins that are found and where";
        for error in &errors {
            help += &format!("\nnot loaded: {}", one_line(error));
        }
        return Err(CliError::NoPlugin { name: id.to_owned(), help });
    };
    if args.json {
        print_json(&plugin_json(plugin));
        return Ok(Outcome::Done);
    }
    let about = plugin.description();
    say!("{} {}, {}\n{}\n", about.id, about.version, about.license, about.description);
    print_text(&slots("takes", &about.inputs));
    print_text(&slots("gives", &about.outputs));
    print_text(&parameters(&about.params_schema));
    if !about.extensions.is_empty() {
        say!("needs {}", about.extensions.join(", "));
    }
    say!("from {}", origin(plugin));
    Ok(Outcome::Done)
}

fn origin(plugin: &Plugin) -> String {
    match plugin.origin() {
        Origin::LinkedIn => "the program itself".to_owned(),
        Origin::File(path) => path.display().to_string(),
    }
}

fn slots(title: &str, slots: &[SlotDescription]) -> String {
    if slots.is_empty() {
        return String::new();
    }
    let mut rows = vec![[title, "kind", "", "what"].map(String::from)];
    rows.extend(slots.iter().map(|slot| {
        let optional = if slot.is_optional { "optional" } else { "" };
        let optional = match &slot.needs {
            Some(parameter) => format!("with {parameter}"),
            None => optional.to_owned(),
        };
        [slot.name.clone(), slot.kind.to_string(), optional, slot.description.clone()]
    }));
    aligned(&rows) + "\n"
}

/// The parameters of a schema, each with what it may be.
fn parameters(schema: &Value) -> String {
    let mut text = String::new();
    for (name, parameter) in schema["properties"].as_object().into_iter().flatten() {
        let default = parameter.get("default").map(default_text).unwrap_or_default();
        let what = parameter["description"].as_str().unwrap_or_default();
        text += &wrapped(&format!("{name}: {}{default}", describe(schema, parameter)), [2, 6]);
        text += &wrapped(what, [6, 6]);
    }
    if text.is_empty() { text } else { format!("parameters\n{text}\n") }
}

/// A default value; entries of a list can stand on several lines.
fn default_text(value: &Value) -> String {
    let value = match value.as_array() {
        Some(entries) => {
            let entries: Vec<_> = entries.iter().map(Value::to_string).collect();
            format!("[{}]", entries.join(", "))
        }
        None => value.to_string(),
    };
    format!(", default {value}")
}

/// The words of a text in lines of at most 100 characters, unless a word is longer: the first begins
/// with `first` blanks, the others with `rest`.
fn wrapped(text: &str, [first, rest]: [usize; 2]) -> String {
    const WIDTH: usize = 100;
    let (mut lines, mut line) = (String::new(), " ".repeat(first));
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &format!("{line}\n");
            line = " ".repeat(rest);
            is_empty = true;
        }
        if !is_empty {
            line += " ";
        }
        line += word;
        is_empty = false;
    }
    if is_empty { lines } else { lines + &line + "\n" }
}

fn plugin_json(plugin: &Plugin) -> Value {
    let about = plugin.description();
    let slots = |slots: &[SlotDescription]| -> Vec<Value> {
        let slot = |slot: &SlotDescription| {
            json!({
                "name": slot.name,
                "kind": slot.kind.to_string(),
                "description": slot.description,
                "optional": slot.is_optional,
                "default": slot.is_default,
                "needs": slot.needs,
            })
        };
        slots.iter().map(slot).collect()
    };
    json!({
        "id": about.id,
        "name": about.name,
        "version": about.version,
        "license": about.license,
        "description": about.description,
        "origin": origin(plugin),
        "inputs": slots(&about.inputs),
        "outputs": slots(&about.outputs),
        "extensions": about.extensions,
        "params_schema": about.params_schema,
    })
}

fn report_check(plugin: &Plugin, as_json: bool) -> Outcome {
    let lines = check(plugin);
    let failed = lines.iter().filter(|line| !line.passed).count();
    if as_json {
        let line = |line: &samkit_plugin_host::CheckLine| json!({ "name": line.name, "passed": line.passed, "detail": line.detail });
        let lines: Vec<_> = lines.iter().map(line).collect();
        print_json(
            &json!({ "id": plugin.description().id, "passed": failed == 0, "lines": lines }),
        );
    } else {
        for line in &lines {
            let verdict = if line.passed { "pass" } else { "FAIL" };
            let detail = if line.detail.is_empty() { "" } else { ": " };
            say!("{verdict}  {}{detail}{}", line.name, line.detail);
        }
        say!("\n`{}`: {failed} of {} failed", plugin.description().id, lines.len());
    }
    if failed == 0 { Outcome::Done } else { Outcome::SomeFailed }
}

fn begin(name: &str, lang: Lang, as_json: bool) -> Result<Outcome, CliError> {
    let language = match lang {
        Lang::Rust => Language::Rust,
        Lang::C => Language::C,
    };
    let files = project(name, language)?;
    let folder = PathBuf::from(name);
    let failed = |source| CliError::Project { path: folder.clone(), source };
    // Fails where the folder is there already: nobody's files are written over.
    fs::create_dir(&folder).map_err(failed)?;
    let mut paths = Vec::new();
    for file in files {
        let path = folder.join(file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&path, file.content).map_err(failed)?;
        paths.push(path);
    }
    if as_json {
        print_json(&json!({ "files": paths }));
        return Ok(Outcome::Done);
    }
    for path in &paths {
        say!("{}", path.display());
    }
    let build = match lang {
        Lang::Rust => "cargo build --release --features export",
        Lang::C => "make",
    };
    say!("\nbuild it with `{build}` in `{name}`, then try it with `samkit plugins check`");
    Ok(Outcome::Done)
}
