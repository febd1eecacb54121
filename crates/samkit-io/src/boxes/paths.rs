//! Names of files inside annotation files, which may come from any system.

use std::path::{Component, Path};

/// The parts of a path as annotation files write it, with `/` or `\`. `.` and empty parts are left
/// out, and `..` takes the part before it away.
pub(crate) fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// The path in one spelling.
pub(crate) fn tidied(path: &str) -> String {
    parts(path).join("/")
}

/// A path of this system in the same spelling.
pub(crate) fn spelled(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The path without its file's ending. A leading dot begins no ending.
pub(crate) fn stem(path: &str) -> &str {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.') {
        Some(dot) if dot > 0 => &path[..name + dot],
        _ => path,
    }
}

/// The path, then the path without its first folder, and so on down to the file's name.
pub(crate) fn suffixes(path: &str) -> impl Iterator<Item = &str> {
    let starts = path.match_indices('/').map(|(slash, _)| slash + 1);
    std::iter::once(0).chain(starts).map(|start| &path[start..])
}
