//! A recipe's text and where it came from.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Invalid, Position, Problem, RecipeError, limits::MAX_BYTES};

/// A recipe's text with the name that errors show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: Arc<String>,
    folder: PathBuf,
}

impl Source {
    /// Text that is already at hand, under the name that errors shall show. Paths in it are
    /// relative to the current folder.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        // Windows editors begin files with this mark, which the YAML parser takes for an indentation.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self { name: name.into(), text: Arc::new(text), folder: PathBuf::new() }
    }

    /// The same text, with paths in it relative to `folder`.
    #[must_use]
    pub fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// The text of a file; paths in it are relative to the file's folder.
    ///
    /// # Errors
    /// When the file cannot be read, is no file, is longer than [`MAX_BYTES`] or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        let bytes = read_bytes(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text).in_folder(folder)),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[offset];
                // The bytes before stay as they are, so that the place does.
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let length = char::REPLACEMENT_CHARACTER.len_utf8();
                let position = Position { length, ..Position::at(&text, offset) };
                let shown = Self { name, text: Arc::new(text), folder: PathBuf::new() };
                Err(Invalid::new(&shown, position, Problem::NotUtf8(byte)).into())
            }
        }
    }

    /// The name that errors show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The folder that paths in the text are relative to; empty for the current one.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn shared_text(&self) -> Arc<String> {
        Arc::clone(&self.text)
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RecipeError> {
    let failed = |source| RecipeError::Read { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    let too_large = |size| RecipeError::TooLarge { path: path.to_owned(), size, limit: MAX_BYTES };
    if about.len() > MAX_BYTES as u64 {
        return Err(too_large(about.len()));
    }
    // Pipes and devices have no length, and may never end.
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large(limit));
    }
    Ok(bytes)
}
