//! What can go wrong before any work begins, and how it is said.

use std::path::PathBuf;

use miette::Diagnostic;
use samkit_core::ParamError;
use samkit_engine::EngineError;
use samkit_io::WriteError;
use samkit_models::ModelError;
use samkit_plugin_host::PluginError;
use samkit_recipe::RecipeError;

/// Why a command did nothing. (What goes wrong with a single image is in its report instead.)
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum CliError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plugin(#[from] PluginError),
    /// A plugin that was not found, or could not be loaded.
    #[error("there is no plugin `{name}`")]
    NoPlugin {
        name: String,
        #[help]
        help: String,
    },
    /// A task that is neither built in nor a plugin's.
    #[error("there is no task `{name}`")]
    NoTask {
        name: String,
        #[help]
        help: String,
    },
    /// The files of a new project cannot be written.
    #[error("cannot write the project to {}", path.display())]
    #[diagnostic(help("choose another name, or a folder that you may write to"))]
    Project { path: PathBuf, source: std::io::Error },
    /// A flag that takes a name took one that is not known.
    #[error("`--{flag}` is {found}, expected {expected}")]
    Flag { flag: String, found: String, expected: String },
    /// Flags that do nothing beside the others.
    #[error("{flags} would be ignored: {reason}")]
    Ignored {
        flags: String,
        reason: String,
        #[help]
        help: String,
    },
    /// A recipe that is neither a file nor built in.
    #[error("there is no recipe `{name}`")]
    NoRecipe {
        name: String,
        #[help]
        help: String,
    },
    /// An input that gives no images, or a recipe that names none.
    #[error("{reason}")]
    NoInput {
        reason: String,
        #[help]
        help: String,
    },
    /// The output folder cannot be made or written to.
    #[error("cannot write to the output folder {}", path.display())]
    #[diagnostic(help("name a folder that you may write to with `--output`"))]
    Output { path: PathBuf, source: std::io::Error },
    /// A file where the output folder, or one above it, should be.
    #[error("cannot write to the output folder {}: {} is a file", path.display(), file.display())]
    #[diagnostic(help("name a folder with `--output`, or move the file away"))]
    OutputIsFile { path: PathBuf, file: PathBuf },
    /// Another run writes to the output folder.
    #[error("another run works in {}: {owner}", path.display())]
    #[diagnostic(help("wait for its end, or choose another folder with `--output`"))]
    InUse { path: PathBuf, owner: String },
    /// What is to be resumed is another run.
    #[error("{} holds another run than this one: {changes}", path.display())]
    #[diagnostic(help(
        "undo the change, leave out `--resume` to do everything anew, or choose another folder with \
         `--output`"
    ))]
    OtherRun { path: PathBuf, changes: String },
    /// A shard would lie beside those of another run.
    #[error("{} is of a shard of another run: {changes}", path.display())]
    #[diagnostic(help(
        "undo the change, choose another folder with `--output`, or remove that file to do everything \
         anew"
    ))]
    OtherShards { path: PathBuf, changes: String },
    /// The journal of a run cannot be read or written.
    #[error("the journal of the run in {} failed", path.display())]
    #[diagnostic(help("check the disk; `--resume` goes on with what is recorded"))]
    Journal { path: PathBuf, source: std::io::Error },
    /// A folder with annotations in several formats.
    #[error("{} is the output folder of a run, which may hold several formats", path.display())]
    Several {
        path: PathBuf,
        #[help]
        help: String,
    },
    /// Shards that cannot be joined.
    #[error("{reason}")]
    Merge {
        reason: String,
        #[help]
        help: String,
    },
    /// A file that a flag names cannot be used.
    #[error("cannot use {} for `--{flag}`: {reason}", path.display())]
    FlagFile {
        flag: &'static str,
        path: PathBuf,
        reason: String,
        #[help]
        help: String,
    },
    /// A prompt that cannot be asked of an image.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prompt(#[from] crate::tasks::segment::PromptError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Task(#[from] crate::tasks::TaskError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Annotations(#[from] samkit_io::AnnotationError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Instances(#[from] samkit_eval::instances::InstancesError),
    /// Files that an evaluation needs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Missing(#[from] crate::commands::eval::Missing),
    /// Threads that cannot be had.
    #[error("cannot start {threads} threads")]
    Threads { threads: usize, source: rayon::ThreadPoolBuildError },
}

impl From<ParamError> for CliError {
    /// A parameter that came from a flag, under the flag's name.
    fn from(error: ParamError) -> Self {
        let ParamError { name, found, expected } = error;
        Self::Flag { flag: name.replace('_', "-"), found, expected }
    }
}

/// An error in one line: itself and its causes.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
