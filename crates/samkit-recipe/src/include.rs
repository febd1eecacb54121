//! `include`: other recipes under this one.

use std::path::{Path as FilePath, PathBuf};

use serde_yaml::Value;

use crate::{
    Invalid, Path, Position, Problem, RecipeError, Source, Spot, VERSION,
    limits::{MAX_INCLUDE_DEPTH, MAX_INCLUDES},
    locate,
    merge::Piece,
    node::Node,
    parse::version_expected,
    yaml,
};

/// A recipe with everything that it includes.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) document: Piece,
    /// The recipe itself first.
    pub(crate) sources: Vec<Source>,
}

/// Reads `source` and the recipes that it includes, and puts it over them.
pub(crate) fn load(source: Source) -> Result<Loaded, RecipeError> {
    let mut loader = Loader { sources: Vec::new(), open: Vec::new(), errors: Vec::new() };
    let document = loader.load(source);
    RecipeError::join(loader.errors)?;
    let document = document.expect("what cannot be read is an error");
    Ok(Loaded { document, sources: loader.sources })
}

struct Loader {
    sources: Vec<Source>,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    errors: Vec<RecipeError>,
}

impl Loader {
    fn load(&mut self, source: Source) -> Option<Piece> {
        let number = self.sources.len();
        self.sources.push(source.clone());
        let mut value = match yaml::read(source.text()) {
            Ok(value) => value,
            Err((position, problem)) => {
                self.errors.push(Invalid::new(&source, position, problem).into());
                return None;
            }
        };
        if number > 0 {
            self.check_version(&source, &value);
        }
        let includes = value.as_mapping_mut().and_then(|root| root.remove("include"));
        let mut document: Option<Piece> = None;
        for (path, name) in self.names(&source, includes.as_ref()) {
            let Some(included) = self.include(&source, &path, &name) else { continue };
            match &mut document {
                Some(document) => document.merge(&included),
                None => document = Some(included),
            }
        }
        let own = Piece::new(value, number);
        let Some(mut document) = document else { return Some(own) };
        document.merge(&own);
        Some(document)
    }

    /// What `include` names, each with its place.
    fn names(&mut self, source: &Source, includes: Option<&Value>) -> Vec<(Path, String)> {
        let Some(value) = includes.filter(|value| !value.is_null()) else { return Vec::new() };
        let node = Node { value, path: Path::root().key("include") };
        match node.placed_strings("the path of another recipe, or a list of them") {
            Ok(names) => names,
            Err(fault) => {
                self.refuse(source, &fault.path, fault.problem);
                Vec::new()
            }
        }
    }

    fn include(&mut self, source: &Source, place: &Path, name: &str) -> Option<Piece> {
        let path = source.folder().join(name);
        match self.open_file(&path, name) {
            Ok((included, canonical)) => {
                self.open.push(canonical);
                let piece = self.load(included);
                self.open.pop();
                piece
            }
            Err((reason, help)) => {
                let problem = Problem::Include { path: name.to_owned(), reason, help };
                self.refuse(source, place, problem);
                None
            }
        }
    }

    fn open_file(
        &mut self,
        path: &FilePath,
        name: &str,
    ) -> Result<(Source, PathBuf), (String, String)> {
        let because = |reason: &str, help: &str| (reason.to_owned(), help.to_owned());
        if name.contains("${") {
            return Err(because(
                "variables cannot be used here",
                "write the path out: `include` is read before variables have values",
            ));
        }
        if !path.is_file() {
            let what = if path.exists() { "it is not a file" } else { "there is no such file" };
            let help = "the path is relative to the folder of the recipe that names it";
            return Err(because(what, help));
        }
        let canonical = path.canonicalize().map_err(|error| {
            (error.to_string(), "check who may read the file and its folders".to_owned())
        })?;
        if self.open.contains(&canonical) || self.is_root(&canonical) {
            let help = "leave one of the two `include` out";
            return Err(because(
                "it includes this recipe itself, directly or through others",
                help,
            ));
        }
        if self.open.len() == MAX_INCLUDE_DEPTH || self.sources.len() > MAX_INCLUDES {
            return Err(because(
                &format!(
                    "recipes include each other at most {MAX_INCLUDE_DEPTH} deep, and \
                     {MAX_INCLUDES} in all"
                ),
                "put what they share into fewer files",
            ));
        }
        match Source::read(path) {
            Ok(source) => Ok((source, canonical)),
            Err(RecipeError::Read { source, .. }) => {
                Err((source.to_string(), "check who may read the file".to_owned()))
            }
            Err(error) => {
                let reason = error.to_string();
                self.errors.push(error);
                Err((reason, "name a file that holds a recipe".to_owned()))
            }
        }
    }

    fn is_root(&self, canonical: &FilePath) -> bool {
        let root = &self.sources[0];
        let name = FilePath::new(root.name()).file_name().unwrap_or_default();
        root.folder().join(name).canonicalize().is_ok_and(|root| root == canonical)
    }

    /// An included recipe states its version like any other.
    fn check_version(&mut self, source: &Source, value: &Value) {
        let Some(root) = value.as_mapping() else {
            let node = Node { value, path: Path::root() };
            let fault = node.unexpected("a recipe with `version`");
            self.refuse(source, &fault.path, fault.problem);
            return;
        };
        let place = Path::root().key("version");
        match root.get("version") {
            Some(version) if version.as_u64() == Some(VERSION) => {}
            Some(version) => {
                let fault = Node { value: version, path: place }.version_fault();
                self.refuse(source, &fault.path, fault.problem);
            }
            None => {
                let expected = version_expected();
                let problem = Problem::MissingKey { key: "version".into(), expected };
                self.refuse(source, &Path::root(), problem);
            }
        }
    }

    fn refuse(&mut self, source: &Source, path: &Path, problem: Problem) {
        let position = locate(source.text(), path, Spot::Value);
        let position = position.unwrap_or_else(|| Position::at(source.text(), 0));
        self.errors.push(Invalid::new(source, position, problem).into());
    }
}
