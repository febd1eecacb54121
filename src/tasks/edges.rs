//! Edge maps.

use samkit_core::ParamError;
use samkit_edges::{EdgeParams, detect_edges};
use samkit_io::{edge_overlay, to_gray8, to_gray16};

use super::{Artifact, Content, Found, Named, Product, Subject, Task, TaskError, Yield};

pub(crate) const NAME: &str = "edges";
pub(crate) const THINNED: &str = "thinned";
pub(crate) const RAW: &str = "raw";
pub(crate) const BINARY: &str = "binary";
const OVERLAY: &str = "overlay";

pub(crate) const PRODUCTS: [Product; 4] = [
    Product { name: THINNED, suffix: "edges.png", default: true, about: "thinned edges, 8 bits" },
    Product {
        name: RAW,
        suffix: "edges.raw.png",
        default: false,
        about: "edges before thinning, 16 bits",
    },
    Product {
        name: BINARY,
        suffix: "edges.binary.png",
        default: true,
        about: "thinned edges of at least the threshold",
    },
    Product {
        name: OVERLAY,
        suffix: "overlay.png",
        default: true,
        about: "thinned edges on the image",
    },
];

pub(super) fn run(params: &EdgeParams, subject: &Subject<'_>) -> Result<Yield, TaskError> {
    let Subject { scene, talk, .. } = subject;
    let progress = |done, total| talk.progress(done, total);
    let maps = detect_edges(scene.sam(), scene.embedding()?, params, &progress)?;
    let mut artifacts = Vec::new();
    for Product { name, suffix, .. } in PRODUCTS {
        if !subject.wants(name) {
            continue;
        }
        let content = match name {
            THINNED => Content::Gray8(to_gray8(&maps.thinned)),
            RAW => Content::Gray16(to_gray16(&maps.raw)),
            OVERLAY => Content::Rgb(edge_overlay(scene.image(), &to_gray8(&maps.thinned))),
            _ => match &maps.binary {
                Some(binary) => Content::Gray8(binary.clone()),
                None => continue,
            },
        };
        artifacts.push(Artifact { suffix: suffix.into(), content });
    }
    let found = [(THINNED, maps.thinned), (RAW, maps.raw)];
    let found = found.map(|(name, map)| Named { name: name.into(), what: Found::EdgeMap(map) });
    Ok(Yield { artifacts, masks: maps.masks, found: found.into(), ..Yield::default() })
}

/// A binary map needs a threshold to be asked for together with it.
pub(crate) fn missing_threshold(task: &Task, save: &[String]) -> Option<ParamError> {
    match task {
        Task::Edges(params)
            if params.threshold.is_none() && save.iter().any(|name| name == BINARY) =>
        {
            Some(ParamError::new("threshold", "not given", "a number from 0 to 1 for `binary`"))
        }
        _ => None,
    }
}
