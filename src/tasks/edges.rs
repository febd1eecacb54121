//! Edge maps.

use samkit_core::ParamError;
use samkit_edges::{EdgeParams, detect_edges};
use samkit_engine::Progress;
use samkit_io::{edge_overlay, to_gray8, to_gray16};

use super::{Artifact, Content, Product, Scene, Task, TaskError, Yield};

pub(crate) const NAME: &str = "edges";
const THINNED: &str = "thinned";
const RAW: &str = "raw";
pub(crate) const BINARY: &str = "binary";
const OVERLAY: &str = "overlay";

pub(crate) const PRODUCTS: [Product; 4] = [
    Product { name: THINNED, default: true },
    Product { name: RAW, default: false },
    Product { name: BINARY, default: false },
    Product { name: OVERLAY, default: true },
];

pub(super) fn run(
    params: &EdgeParams,
    scene: &Scene<'_>,
    save: &[&'static str],
    progress: Progress<'_>,
) -> Result<Yield, TaskError> {
    let maps = detect_edges(scene.sam, scene.embedding()?, params, progress)?;
    let mut artifacts = Vec::new();
    for &product in save {
        let (suffix, content) = match product {
            THINNED => ("edges.png", Content::Gray8(to_gray8(&maps.thinned))),
            RAW => ("edges.raw.png", Content::Gray16(to_gray16(&maps.raw))),
            OVERLAY => {
                let overlay = edge_overlay(scene.image, &to_gray8(&maps.thinned));
                ("overlay.png", Content::Rgb(overlay))
            }
            _ => match &maps.binary {
                Some(binary) => ("edges.binary.png", Content::Gray8(binary.clone())),
                None => continue,
            },
        };
        artifacts.push(Artifact { suffix: suffix.into(), content });
    }
    Ok(Yield { artifacts, masks: maps.masks })
}

/// A binary map needs a threshold to be asked for together with it.
pub(crate) fn missing_threshold(task: &Task, save: &[&str]) -> Option<ParamError> {
    match task {
        Task::Edges(params) if params.threshold.is_none() && save.contains(&BINARY) => {
            Some(ParamError::new("threshold", "not given", "a number from 0 to 1 for `binary`"))
        }
        _ => None,
    }
}
