//! Edge maps.

use image::{GrayImage, ImageBuffer, Luma};
use samkit_core::ParamError;
use samkit_edges::{EdgeImage, EdgeParams, detect_edges};
use samkit_engine::Progress;

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
            THINNED => ("edges.png", Content::Gray8(to_8_bit(&maps.thinned))),
            RAW => ("edges.raw.png", Content::Gray16(to_16_bit(&maps.raw))),
            OVERLAY => {
                let overlay = samkit_io::edge_overlay(scene.image, &to_8_bit(&maps.thinned));
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

/// Strengths from 0 to 1 as 0 to 255.
fn to_8_bit(map: &EdgeImage) -> GrayImage {
    GrayImage::from_fn(map.width(), map.height(), |x, y| {
        Luma([(map[(x, y)][0] * 255.0).round() as u8])
    })
}

/// Strengths from 0 to 1 as 0 to 65535.
fn to_16_bit(map: &EdgeImage) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    ImageBuffer::from_fn(map.width(), map.height(), |x, y| {
        Luma([(map[(x, y)][0] * 65_535.0).round() as u16])
    })
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
