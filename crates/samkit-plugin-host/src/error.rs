//! What can go wrong with a plugin.

use std::{fmt, path::PathBuf, time::Duration};

use samkit_plugin::{Kind, artifact::Malformed};

use crate::ServiceError;

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the program.
    LinkedIn,
    /// It was loaded from this file.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkedIn => f.write_str("a plugin of the program's own"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What can go wrong with a plugin, from finding it to running it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PluginError {
    /// A place to look for plugins that depends on the current directory.
    #[error("{} is a relative path in {place}, expected an absolute one", path.display())]
    #[diagnostic(help(
        "plugins are never looked for in the current directory; write the whole path"
    ))]
    RelativePath {
        /// The path.
        path: PathBuf,
        /// Where it was written.
        place: &'static str,
    },
    /// No such file or folder.
    #[error("there is nothing at {}, expected {expected}", path.display())]
    #[diagnostic(help("check the path; `samkit plugins list` shows where plugins are looked for"))]
    NotFound {
        /// The path.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// A folder that cannot be listed.
    #[error("cannot look for plugins in {}", path.display())]
    #[diagnostic(help("check the folder's permissions"))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system's loader does not take the file.
    #[error("{} cannot be loaded, expected a shared library for this machine: {reason}", path.display())]
    #[diagnostic(help(
        "it has to be built as a shared library for this system, and all that it needs has to be there"
    ))]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A library that is no plugin.
    #[error("{} is no samkit plugin: it does not export `{expected}`", path.display())]
    #[diagnostic(help(
        "a plugin in Rust is built with the feature `export` and `declare_plugin!`; one in C exports \
         the function itself"
    ))]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// The function that was looked for.
        expected: &'static str,
    },
    /// A struct that does not begin with the magic number.
    #[error("{what} of {origin} begins with {found:#010x}, expected {expected:#010x}")]
    #[diagnostic(help("it is no samkit plugin, or fills in the header wrongly"))]
    BadMagic {
        /// The plugin.
        origin: Origin,
        /// Which struct.
        what: &'static str,
        /// The magic number.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// A plugin for another major version of the border.
    #[error("{origin} was built for version {found} of the plugin border, expected {expected}")]
    #[diagnostic(help(
        "get a build of the plugin for this version of samkit, or the version of samkit that it was \
         built for"
    ))]
    OtherVersion {
        /// The plugin.
        origin: Origin,
        /// This program's major version.
        expected: u16,
        /// The plugin's.
        found: u16,
    },
    /// A struct that is smaller than it ever was.
    #[error("{what} of {origin} has {found} bytes, expected at least {expected}")]
    #[diagnostic(help(
        "the plugin was built with a header that does not belong to its version number"
    ))]
    TooSmall {
        /// The plugin.
        origin: Origin,
        /// Which struct.
        what: &'static str,
        /// Its size in the first minor version.
        expected: usize,
        /// What it says.
        found: u32,
    },
    /// A description that cannot be used.
    #[error("the description of {origin} cannot be used: {reason}")]
    #[diagnostic(help("this is a mistake in the plugin; tell its author"))]
    BadDescription {
        /// The plugin.
        origin: Origin,
        /// What is wrong.
        reason: String,
    },
    /// A name that no task may have.
    #[error("a task cannot be called `{name}`")]
    #[diagnostic(help("use lower-case letters, digits, `-`, `_` and `.`, a letter first"))]
    BadName {
        /// The name.
        name: String,
    },
    /// Two plugins with one name.
    #[error("{second} is called `{id}`, and so is {first}")]
    #[diagnostic(help("remove one of them; recipes could not say which they mean"))]
    DuplicateId {
        /// The name.
        id: String,
        /// The one that is kept.
        first: Origin,
        /// The one that is refused.
        second: Origin,
    },
    /// A plugin that says that it cannot work here.
    #[error("{origin} cannot start: {reason}")]
    #[diagnostic(help("the plugin itself says so; see its documentation for what it needs"))]
    InitFailed {
        /// The plugin.
        origin: Origin,
        /// What the plugin says.
        reason: String,
    },
    /// Parameters that the plugin does not take.
    #[error("the parameters of `{plugin}` are not allowed: {reason}")]
    #[diagnostic(help("{}", help.clone().unwrap_or_else(|| listing(plugin))))]
    Params {
        /// The plugin.
        plugin: String,
        /// What the plugin says.
        reason: String,
        /// What the plugin says is to be done.
        help: Option<String>,
    },
    /// Inputs that are not those of the description.
    #[error("`{plugin}` cannot run: {reason}")]
    #[diagnostic(help("`samkit plugins show {plugin}` lists what it takes"))]
    Input {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// The program does not have what the plugin needs.
    #[error("`{plugin}` needs {extension}, which this program does not lend")]
    #[diagnostic(help("use a newer samkit, or an older version of the plugin"))]
    NoExtension {
        /// The plugin.
        plugin: String,
        /// The extension.
        extension: String,
    },
    /// The plugin says that its work failed.
    #[error("`{plugin}` failed: {reason}")]
    Failed {
        /// The plugin.
        plugin: String,
        /// What it says.
        reason: String,
        /// What it says is to be done.
        #[help]
        help: Option<String>,
        /// What went wrong in the program, where that was the cause.
        #[source]
        source: Option<ServiceError>,
    },
    /// The plugin panicked.
    #[error("`{plugin}` panicked: {message}")]
    #[diagnostic(help("this is a mistake in the plugin; tell its author"))]
    Panicked {
        /// The plugin.
        plugin: String,
        /// What the panic said.
        message: String,
    },
    /// The plugin stopped because it was asked to.
    #[error("`{plugin}` stopped on request")]
    Cancelled {
        /// The plugin.
        plugin: String,
    },
    /// The plugin broke a rule of the border.
    #[error("`{plugin}` broke a rule: {breach}")]
    #[diagnostic(help("this is a mistake in the plugin; tell its author"))]
    Misbehaved {
        /// The plugin.
        plugin: String,
        /// What it did.
        breach: Breach,
    },
    /// The plugin was asked to stop and did not. Its thread still runs and cannot be ended: the
    /// program should say so and exit.
    #[error("`{plugin}` was asked to stop and did not within {:.1} s; the run has to end here", waited.as_secs_f32())]
    #[diagnostic(help("what was written so far is complete; tell the plugin's author"))]
    DidNotStop {
        /// The plugin.
        plugin: String,
        /// How long it was waited for.
        waited: Duration,
    },
}

fn listing(plugin: &str) -> String {
    format!("`samkit plugins show {plugin}` lists the parameters")
}

/// How a plugin broke the rules.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// It gave something that is not what the border allows.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// It passed something to a function of the host that is not what the function takes.
    #[error("it called `{function}` with wrong arguments: {reason}")]
    Argument {
        /// The host's function.
        function: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// It returned a number that is no status.
    #[error("`{call}` returned {status}, which is no status")]
    UnknownStatus {
        /// The plugin's function.
        call: &'static str,
        /// The number.
        status: u32,
    },
    /// It says that it was asked to stop.
    #[error("`{call}` says that it was asked to stop, and nobody did")]
    UnaskedCancel {
        /// The plugin's function.
        call: &'static str,
    },
    /// It succeeded without an instance.
    #[error("`create` succeeded and gave no instance")]
    NoInstance,
    /// It gave an output that is not in its description.
    #[error("it gave an output `{name}`, which its description does not have")]
    UnknownOutput {
        /// The output.
        name: String,
    },
    /// It gave an output twice.
    #[error("it gave the output `{name}` twice")]
    OutputTwice {
        /// The output.
        name: String,
    },
    /// It gave an output of another kind than its description says.
    #[error("it gave the output `{name}` as {found}, expected {expected}")]
    OutputKind {
        /// The output.
        name: String,
        /// The kind in the description.
        expected: Kind,
        /// The kind that it gave.
        found: Kind,
    },
    /// It succeeded without an output that is not optional.
    #[error("it succeeded without giving the output `{name}`")]
    MissingOutput {
        /// The output.
        name: String,
    },
    /// It called a function from a thread that may not.
    #[error("it called `{function}` from another thread than that of the call")]
    WrongThread {
        /// The host's function.
        function: &'static str,
    },
    /// It called a function while the host was not calling it.
    #[error("it called `{function}` after `create` or `run` had returned")]
    LateCall {
        /// The host's function.
        function: &'static str,
    },
    /// It released something that it did not have.
    #[error("it released handle {handle}, which it did not have")]
    UnknownHandle {
        /// The number.
        handle: u64,
    },
}
