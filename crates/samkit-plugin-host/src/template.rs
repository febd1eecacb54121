//! Projects for authors to begin with.

use std::path::PathBuf;

use samkit_plugin_abi as abi;

use crate::{PluginError, description::is_name};

/// The language of a new project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate on `samkit-plugin`.
    Rust,
    /// One file and the header.
    C,
}

/// A file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where it goes, inside the project's folder.
    pub path: PathBuf,
    /// What is in it.
    pub content: String,
}

/// The files of a project for a task called `name`. It builds, and [`check()`](crate::check()) finds
/// nothing wrong with it.
///
/// # Errors
/// When no task may be called that.
pub fn project(name: &str, language: Language) -> Result<Vec<ProjectFile>, PluginError> {
    if !is_name(name) {
        return Err(PluginError::BadName { name: name.to_owned() });
    }
    let filled = |template: &str| {
        template
            .replace("{{name}}", name)
            .replace("{{package}}", &name.replace('.', "-"))
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
    };
    let file = |path: String, content: String| ProjectFile { path: path.into(), content };
    Ok(match language {
        Language::Rust => vec![
            file("Cargo.toml".into(), filled(include_str!("../templates/rust/Cargo.toml.txt"))),
            file("src/lib.rs".into(), filled(include_str!("../templates/rust/lib.rs.txt"))),
            file(".gitignore".into(), "/target\n".into()),
        ],
        Language::C => vec![
            file(format!("{name}.c"), filled(include_str!("../templates/c/plugin.c.txt"))),
            file("samkit_plugin.h".into(), abi::C_HEADER.into()),
            file("Makefile".into(), filled(include_str!("../templates/c/Makefile.txt"))),
        ],
    })
}
