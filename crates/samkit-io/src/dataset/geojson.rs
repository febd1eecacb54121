//! GeoJSON (RFC 7946) in pixels, a file an image.

use std::{io::Write, path::Path};

use samkit_core::{BBox, Point, parts};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Instance, categories::name, number::Thousandths};
use crate::{
    WriteError,
    write::{Lines, write_atomically},
};

/// Writes the things of an image as a `FeatureCollection`, one a line.
///
/// Coordinates are pixels of the image, x to the right and **y down**, (0, 0) its top left corner; they
/// are on no globe. A mask is a `Polygon`, or a `MultiPolygon` where it has several parts (pixels belong
/// together when they touch at a side), with its holes, exactly along the sides of its pixels, as
/// rasterio's `shapes` has it. A thing without a mask is the polygon of its box; a mask without a pixel
/// has the geometry null.
///
/// Rings are closed. RFC 7946's right-hand rule is kept for the numbers as they are, that is with y
/// drawn up: outer rings run counterclockwise, holes clockwise (shapely's `is_ccw` says so). On the
/// screen, where y goes down, outer rings run clockwise.
///
/// Properties are `id` (the thing's number in the image, from 1; the feature's own `id`, too), `label`,
/// `category_id` and `score` (null where there is none) and `area` (pixels of the mask, or the box's
/// area).
///
/// # Errors
/// When the file cannot be written.
pub fn write_geojson(path: &Path, instances: &[Instance]) -> Result<(), WriteError> {
    write_atomically(path, |file| {
        file.write_all(b"{\n\"type\": \"FeatureCollection\",\n\"features\": ")?;
        let mut lines = Lines::begin(&mut *file)?;
        for (index, thing) in instances.iter().enumerate() {
            lines.push(&feature(index + 1, thing))?;
        }
        lines.end()?;
        file.write_all(b"\n}\n")
    })
}

fn feature(id: usize, thing: &Instance) -> Value {
    let area = match &thing.mask {
        Some(mask) => json!(mask.area()),
        None => json!(Thousandths(thing.bbox.area())),
    };
    // A JSON value would make another number of an `f32`.
    let score = thing.score.and_then(|score| score.to_string().parse::<f64>().ok());
    json!({
        "type": "Feature",
        "id": id,
        "properties": {
            "id": id,
            "label": name(thing),
            "category_id": thing.category_id,
            "score": score,
            "area": area,
        },
        "geometry": Geometry::of(thing),
    })
}

type Ring = Vec<[Thousandths; 2]>;

#[derive(Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Ring>),
    MultiPolygon(Vec<Vec<Ring>>),
}

impl Geometry {
    fn of(thing: &Instance) -> Option<Self> {
        let Some(mask) = &thing.mask else { return Some(Self::Polygon(vec![around(thing.bbox)])) };
        let polygon = |part: samkit_core::Part| {
            std::iter::once(&part.outer).chain(&part.holes).map(|ring| closed(ring)).collect()
        };
        let mut polygons: Vec<Vec<Ring>> = parts(mask).into_iter().map(polygon).collect();
        match polygons.len() {
            0 => None,
            1 => polygons.pop().map(Self::Polygon),
            _ => Some(Self::MultiPolygon(polygons)),
        }
    }
}

fn around(BBox { x0, y0, x1, y1 }: BBox) -> Ring {
    closed(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)].map(|(x, y)| Point::new(x, y)))
}

fn closed(ring: &[Point]) -> Ring {
    ring.iter().chain(ring.first()).map(|point| [point.x, point.y].map(Thousandths)).collect()
}
