//! From what a user names to a list of image files.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};
use miette::Diagnostic;
use walkdir::{DirEntry, WalkDir};

/// Endings by which image files are found in folders and patterns, in lower case. (A file that is
/// named itself may have any ending: its content decides.)
pub const IMAGE_EXTENSIONS: [&str; 15] = [
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tif",
    "tiff", "webp",
];

/// An image file to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputImage {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below what the user named: the file's name, or the way from the named folder (from
    /// the fixed part of a pattern) down to it. Results mirror these folders.
    pub relative: PathBuf,
}

impl InputImage {
    /// The relative path for people and reports, with `/` on every system.
    pub fn name(&self) -> String {
        let parts = self.relative.iter().map(|part| part.to_string_lossy());
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Why there are no images to work on.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FindError {
    /// Nothing was named.
    #[error("no images were named")]
    #[diagnostic(help("name files, folders, or patterns such as `photos/*.jpg`"))]
    Nothing,
    /// Neither a file nor a folder.
    #[error("there is no file or folder `{}`", path.display())]
    #[diagnostic(help("check the spelling; relative paths start at {from}"))]
    NotFound {
        /// What was looked for.
        path: PathBuf,
        /// The folder that relative paths start at.
        from: String,
    },
    /// A folder without images.
    #[error("no images in the folder `{}` ({others} other files)", path.display())]
    #[diagnostic(help("looked{} for files ending in {}", searched.said(), IMAGE_EXTENSIONS.join(", ")))]
    NoneInFolder {
        /// How far it was searched.
        searched: Depth,
        /// The folder.
        path: PathBuf,
        /// Files with other endings in it.
        others: usize,
    },
    /// A pattern without matching images.
    #[error("no images match `{pattern}` ({others} other files do)")]
    #[diagnostic(help("`*` stands for any part of a name and `**` for any folders; images end in {}", IMAGE_EXTENSIONS.join(", ")))]
    NoneMatch {
        /// The pattern.
        pattern: String,
        /// Matching files with other endings.
        others: usize,
    },
    /// A pattern that is not one.
    #[error("`{pattern}` is not a valid pattern: {reason}")]
    #[diagnostic(help(
        "`*`, `?`, `[…]` and `**` are special; put `[` and `]` around one to mean the sign itself"
    ))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A folder that results are written to.
    #[error("the folder `{}` is the output folder too", path.display())]
    #[diagnostic(help(
        "the next run would take its results for images: choose another output folder, or name \
         the images themselves, as in `photos/*.jpg`"
    ))]
    IsOutput {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that may not be listed.
    #[error("folder `{}` cannot be listed: {reason}", path.display())]
    #[diagnostic(help("check who may read it, or name the images themselves"))]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// The operating system's answer.
        reason: String,
    },
}

/// An input that gives no images.
#[derive(Debug)]
pub struct BadInput {
    /// Which one, from 0.
    pub index: usize,
    /// Why.
    pub error: FindError,
}

/// How far folders are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The folder itself.
    Folder,
    /// With all folders in it.
    Subfolders,
}

impl Depth {
    fn said(self) -> &'static str {
        match self {
            Self::Folder => {
                ", in the folder itself (`input: { paths: …, recursive: true }` looks further),"
            }
            Self::Subfolders => ", also in its subfolders,",
        }
    }
}

/// Finds the images that `inputs` name; relative ones start at `base`.
///
/// Each input is a file (taken whatever its ending), a folder (searched as far as `depth` says), or a
/// pattern (`*`, `?`, `[…]`, `**` for any folders). Folders and patterns give files with an ending
/// of [`IMAGE_EXTENSIONS`] and pass over hidden files and folders, and over the folder `output`
/// where that lies below them, so that results are not taken for images. The order is that of
/// `inputs`, and by path within each; a file named twice, also through a link, comes once.
///
/// # Errors
/// When an input names nothing, so that a typing error is not taken for an empty folder, or a
/// folder that is `output` itself.
pub fn find_images(
    inputs: &[String],
    base: &Path,
    depth: Depth,
    output: Option<&Path>,
) -> Result<Vec<InputImage>, BadInput> {
    if inputs.is_empty() {
        return Err(BadInput { index: 0, error: FindError::Nothing });
    }
    // A folder that is not there yet holds no results.
    let output = output.and_then(|folder| canonical(folder).ok());
    let mut seen = HashSet::new();
    let mut images = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let found = find(input, base, depth, output.as_deref())
            .map_err(|error| BadInput { index, error })?;
        // The same file by another name is the same file; one that is not there is kept, to be
        // reported when it is read.
        images.extend(found.into_iter().filter(|image| {
            seen.insert(canonical(&image.path).unwrap_or_else(|_| image.path.clone()))
        }));
    }
    Ok(images)
}

fn find(
    input: &str,
    base: &Path,
    depth: Depth,
    output: Option<&Path>,
) -> Result<Vec<InputImage>, FindError> {
    let path = base.join(input);
    if path.is_dir() {
        in_folder(&path, depth, output)
    } else if path.exists() {
        let relative = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
        Ok(vec![InputImage { path, relative }])
    } else if is_pattern(input) {
        matching(input, base, output)
    } else {
        let from = match base.as_os_str().is_empty() || base == Path::new(".") {
            true => "the current folder".into(),
            false => format!("`{}`", base.display()),
        };
        Err(FindError::NotFound { path: input.into(), from })
    }
}

fn in_folder(
    folder: &Path,
    depth: Depth,
    output: Option<&Path>,
) -> Result<Vec<InputImage>, FindError> {
    if is_same(folder, output) {
        return Err(FindError::IsOutput { path: folder.into() });
    }
    let mut images = Vec::new();
    let mut others = 0;
    let is_visible = |entry: &DirEntry| {
        let is_output = || entry.file_type().is_dir() && is_same(entry.path(), output);
        entry.depth() == 0 || !(is_hidden(entry.file_name()) || is_output())
    };
    let levels = match depth {
        Depth::Folder => 1,
        Depth::Subfolders => usize::MAX,
    };
    let entries = WalkDir::new(folder).max_depth(levels).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(is_visible) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() => entry.into_path(),
            Ok(_) => continue,
            // A link up to a folder that is being searched already.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => match error.path() {
                // A broken link: reported like any other image that cannot be read.
                Some(path) if is_image(path) => path.to_path_buf(),
                Some(path) if path.is_symlink() => continue,
                path => {
                    return Err(FindError::Unreadable {
                        path: path.unwrap_or(folder).into(),
                        reason: error.io_error().map(ToString::to_string).unwrap_or_default(),
                    });
                }
            },
        };
        if is_image(&path) {
            images.push(below(folder, path));
        } else {
            others += 1;
        }
    }
    if images.is_empty() {
        return Err(FindError::NoneInFolder { path: folder.into(), searched: depth, others });
    }
    Ok(images)
}

fn matching(input: &str, base: &Path, output: Option<&Path>) -> Result<Vec<InputImage>, FindError> {
    let root = base.join(fixed_part(input));
    // Who names the output folder in the pattern means what is in it.
    let output = output.filter(|output| !is_within(&root, output));
    let pattern = match Path::new(input).is_absolute() {
        true => input.to_owned(),
        false if base.as_os_str().is_empty() => input.to_owned(),
        false => {
            Path::new(&Pattern::escape(&base.to_string_lossy())).join(input).display().to_string()
        }
    };
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths = glob::glob_with(&pattern, options)
        .map_err(|error| FindError::Pattern { pattern: input.into(), reason: error.msg })?;
    let mut images = Vec::new();
    let mut others = 0;
    for path in paths {
        let path = path.map_err(|error| FindError::Unreadable {
            path: error.path().into(),
            reason: error.error().to_string(),
        })?;
        if path.is_dir() || output.is_some_and(|output| is_within(&path, output)) {
            continue;
        }
        if is_image(&path) {
            images.push(below(&root, path));
        } else {
            others += 1;
        }
    }
    if images.is_empty() {
        return Err(FindError::NoneMatch { pattern: input.into(), others });
    }
    images.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(images)
}

/// Whether `path` is the folder `other`, whose path is canonical.
fn is_same(path: &Path, other: Option<&Path>) -> bool {
    other.is_some_and(|other| canonical(path).is_ok_and(|path| path == other))
}

/// Whether `path` is `folder`, whose path is canonical, or lies in it.
fn is_within(path: &Path, folder: &Path) -> bool {
    canonical(path).is_ok_and(|path| path.starts_with(folder))
}

/// The path without links and detours; the empty path is the current folder.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path })
}

fn below(root: &Path, path: PathBuf) -> InputImage {
    let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
    // Nothing may lead out of the output folder.
    let relative = relative.components().filter(|part| matches!(part, Component::Normal(_)));
    InputImage { relative: relative.collect(), path }
}

/// The folders of a pattern before the first one with a special sign.
fn fixed_part(pattern: &str) -> PathBuf {
    let path = Path::new(pattern);
    let folders = path.parent().unwrap_or(Path::new("")).components();
    folders.take_while(|part| !is_pattern(&part.as_os_str().to_string_lossy())).collect()
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| IMAGE_EXTENSIONS.contains(&extension.as_str()))
}
