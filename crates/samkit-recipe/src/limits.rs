//! How large a recipe may be. A real one has a few thousand bytes; what is far beyond is a mistake
//! or an attack, and is refused before it costs memory or time.

use std::cell::Cell;

/// Bytes of one recipe file.
pub const MAX_BYTES: usize = 1 << 20;

/// Values of one recipe, aliases and variables written out.
pub(crate) const MAX_VALUES: usize = 100_000;

/// Bytes of all texts of one recipe, aliases and variables written out.
pub(crate) const MAX_TEXT: usize = 4 << 20;

/// Lists and mappings inside each other.
pub(crate) const MAX_DEPTH: usize = 64;

/// Brackets that the text may open before it closes them, wherever they stand: the YAML parser's
/// time grows with the square of them.
pub(crate) const MAX_OPEN: usize = 1000;

/// Recipes that one recipe includes, itself or through others.
pub(crate) const MAX_INCLUDES: usize = 32;

/// Recipes that include each other in a row.
pub(crate) const MAX_INCLUDE_DEPTH: usize = 8;

/// Errors that are shown at once.
pub(crate) const MAX_SHOWN: usize = 20;

/// What may still be read.
#[derive(Debug)]
pub(crate) struct Budget {
    values: Cell<usize>,
    text: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { values: Cell::new(MAX_VALUES), text: Cell::new(MAX_TEXT) }
    }
}

impl Budget {
    /// Pays for `values` values with `text` bytes of text; `false` when they are too many.
    #[must_use]
    pub(crate) fn pay(&self, values: usize, text: usize) -> bool {
        let left = (self.values.get().checked_sub(values), self.text.get().checked_sub(text));
        let (Some(values), Some(text)) = left else { return false };
        self.values.set(values);
        self.text.set(text);
        true
    }
}
