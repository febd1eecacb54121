//! Where plugins are looked for.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

use crate::PluginError;

/// The environment variable with folders of plugins.
pub(crate) const VARIABLE: &str = "SAMKIT_PLUGIN_PATH";
/// What the folders are called that are not the user's choice.
const FOLDER: &str = "samkit-plugins";

/// Folders with plugins, in the order in which they are looked into. The current directory is never
/// among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath(Vec<PathBuf>);

impl SearchPath {
    /// The folders `given` on the command line, those in `SAMKIT_PLUGIN_PATH`, `samkit-plugins` in
    /// the user's data directory, and `samkit-plugins` beside the program.
    ///
    /// # Errors
    /// When one of the first two kinds is not absolute, or a given one is not there.
    pub fn new(given: &[PathBuf]) -> Result<Self, PluginError> {
        let data = etcetera::choose_base_strategy().ok().map(|base| base.data_dir());
        let program = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        let variable = env::var_os(VARIABLE).unwrap_or_default();
        Self::from_parts(given, &variable, [data, program].into_iter().flatten())
    }

    /// As [`SearchPath::new`], from the value of the variable and from the folders in which
    /// `samkit-plugins` may lie.
    ///
    /// # Errors
    /// As there.
    pub fn from_parts(
        given: &[PathBuf],
        variable: &OsStr,
        bases: impl IntoIterator<Item = PathBuf>,
    ) -> Result<Self, PluginError> {
        let mut folders = Vec::new();
        for path in given {
            folders.push(absolute(path, "--plugin-path")?);
            if !path.is_dir() {
                let expected = "a folder with plugins";
                return Err(PluginError::NotFound { path: path.clone(), expected });
            }
        }
        // An empty entry would mean the current directory elsewhere; here it means nothing.
        let entries = env::split_paths(variable).filter(|path| !path.as_os_str().is_empty());
        for path in entries {
            folders.push(absolute(&path, VARIABLE)?);
        }
        folders.extend(bases.into_iter().filter(|base| base.is_absolute()).map(|b| b.join(FOLDER)));
        Ok(Self(folders))
    }

    /// The folders, whether they exist or not.
    pub fn folders(&self) -> &[PathBuf] {
        &self.0
    }

    /// All shared libraries in the folders: folder by folder, by name.
    ///
    /// # Errors
    /// When a folder that is there cannot be listed.
    pub fn libraries(&self) -> Result<Vec<PathBuf>, PluginError> {
        let mut libraries = Vec::new();
        for folder in self.0.iter().filter(|folder| folder.is_dir()) {
            let failed = |source| PluginError::Folder { path: folder.clone(), source };
            let mut found = Vec::new();
            for entry in fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension() == Some(OsStr::new(env::consts::DLL_EXTENSION)) {
                    found.push(path);
                }
            }
            found.sort();
            libraries.extend(found);
        }
        Ok(libraries)
    }
}

pub(crate) fn absolute(path: &Path, place: &'static str) -> Result<PathBuf, PluginError> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Err(PluginError::RelativePath { path: path.to_owned(), place })
}
