//! What results are called.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use crate::InputImage;

/// The names of all results of a run.
///
/// Results lie under the output folder as the images lie under the input folder, and are called
/// after the image without its ending: `birds/heron.jpg` gives `birds/heron.edges.png`. Where two
/// images would get the same name, `a.jpg` beside `a.png`, both keep their endings
/// (`a.jpg.edges.png`); where that is not enough, as for `x/a.jpg` and `y/a.jpg` named one by one,
/// later ones get a number (`a.jpg-2.edges.png`). Names that differ only in case count as the same,
/// as they do on some file systems.
#[derive(Clone, Debug)]
pub struct OutputNames {
    stems: HashMap<PathBuf, PathBuf>,
}

impl OutputNames {
    /// The names for a run over `images`.
    pub fn new(images: &[InputImage]) -> Self {
        let mut users: HashMap<String, usize> = HashMap::new();
        for image in images {
            *users.entry(folded(&without_extension(image))).or_default() += 1;
        }
        let mut taken = HashSet::new();
        let stems = images.iter().map(|image| {
            let short = without_extension(image);
            let wanted = if users[&folded(&short)] > 1 { image.relative.clone() } else { short };
            let numbered = (1..).map(|number| match number {
                1 => wanted.clone(),
                _ => appended(&wanted, &format!("-{number}")),
            });
            let free = numbered.into_iter().find(|stem| taken.insert(folded(stem)));
            (image.path.clone(), free.expect("some number is free"))
        });
        Self { stems: stems.collect() }
    }

    /// Where a result of `image` goes: `folder`, the image's own folders, its stem, `.`, `suffix`.
    pub fn path(&self, folder: &Path, image: &InputImage, suffix: &str) -> PathBuf {
        folder.join(appended(&self.stem(image), &format!(".{suffix}")))
    }

    /// What no other image's results begin with: the image's own folders and its stem.
    pub fn stem(&self, image: &InputImage) -> PathBuf {
        let stem = self.stems.get(&image.path).cloned();
        stem.unwrap_or_else(|| without_extension(image))
    }
}

fn without_extension(image: &InputImage) -> PathBuf {
    image.relative.with_extension("")
}

fn appended(path: &Path, text: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(text);
    name.into()
}

fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}
