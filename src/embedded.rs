//! Recipes that are built into the program.

/// A recipe from the folder `configs`.
pub(crate) struct EmbeddedRecipe {
    /// Its file name there.
    pub(crate) file: &'static str,
    pub(crate) text: &'static str,
}

/// The folder that paths in these recipes are relative to, seen from the current one: as if the
/// current folder were a clone of samkit's repository.
pub(crate) const BASE: &str = "configs";

pub(crate) const RECIPES: [EmbeddedRecipe; 8] = [
    EmbeddedRecipe { file: "edges.yaml", text: include_str!("../configs/edges.yaml") },
    EmbeddedRecipe { file: "everything.yaml", text: include_str!("../configs/everything.yaml") },
    EmbeddedRecipe { file: "line-art.yaml", text: include_str!("../configs/line-art.yaml") },
    EmbeddedRecipe { file: "instances.yaml", text: include_str!("../configs/instances.yaml") },
    EmbeddedRecipe {
        file: "instances-from-boxes.yaml",
        text: include_str!("../configs/instances-from-boxes.yaml"),
    },
    EmbeddedRecipe { file: "grounded.yaml", text: include_str!("../configs/grounded.yaml") },
    EmbeddedRecipe { file: "text.yaml", text: include_str!("../configs/text.yaml") },
    EmbeddedRecipe { file: "semantic.yaml", text: include_str!("../configs/semantic.yaml") },
];

/// The recipe of this name, with or without `.yaml`.
pub(crate) fn find(name: &str) -> Option<&'static EmbeddedRecipe> {
    RECIPES
        .iter()
        .find(|recipe| name == recipe.file || Some(name) == recipe.file.strip_suffix(".yaml"))
}
