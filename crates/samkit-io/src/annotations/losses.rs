//! What a format cannot hold of what was read.

use std::{fmt, str::FromStr};

use samkit_core::ParamError;

use crate::{AnnotatedImage, Instance};

/// A format that annotations are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetFormat {
    /// A COCO data set with run-length codes.
    Coco,
    /// A COCO data set with polygons.
    CocoPolygons,
    /// COCO results.
    Results,
    /// A folder that YOLO's tools train on.
    Yolo,
    /// labelme's files.
    Labelme,
    /// Label maps.
    Labels,
    /// GeoJSON in pixels.
    Geojson,
    /// A table of boxes.
    Csv,
}

impl TargetFormat {
    /// The names that [`str::parse`] knows.
    pub const NAMES: [&'static str; 8] =
        ["coco", "coco-polygons", "results", "yolo", "labelme", "labels", "geojson", "csv"];

    /// All formats, in the order of [`Self::NAMES`].
    pub const ALL: [Self; 8] = [
        Self::Coco,
        Self::CocoPolygons,
        Self::Results,
        Self::Yolo,
        Self::Labelme,
        Self::Labels,
        Self::Geojson,
        Self::Csv,
    ];

    /// The name that the command line uses.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for TargetFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TargetFormat {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        Self::ALL.into_iter().find(|format| format.name() == name.replace('_', "-")).ok_or_else(
            || {
                let expected = "`coco`, `coco-polygons`, `results`, `yolo`, `labelme`, `labels`, \
                            `geojson` or `csv`";
                ParamError::new("format", name, expected)
            },
        )
    }
}

/// What is lost of `images` in a format, a line a kind, with how many things or images it happens to;
/// for people to read. Nothing where the format holds all of it.
pub fn losses(to: TargetFormat, images: &[AnnotatedImage]) -> Vec<String> {
    use TargetFormat::{CocoPolygons, Csv, Geojson, Labelme, Labels, Results, Yolo};
    let things = || images.iter().flat_map(|image| &image.instances);
    let count = |is_one: fn(&Instance) -> bool| things().filter(|thing| is_one(thing)).count();
    let masks = count(|thing| thing.mask.is_some());
    let mut lines = Vec::new();
    let mut say = |count: usize, what: &str| {
        if count > 0 {
            lines.push(format!("{to}: {what} ({count})"));
        }
    };
    if to == Csv {
        say(masks, "masks are left out, only their boxes stay");
    }
    if matches!(to, CocoPolygons | Labelme | Yolo) {
        say(masks, "masks become polygons with simplified outlines");
    }
    if matches!(to, CocoPolygons | Labelme) {
        say(count(has_hole), "holes of masks are joined to the outline by a seam");
    }
    if to == Yolo {
        let is_joined =
            |thing: &Instance| topology(thing).is_some_and(|(parts, holes)| parts + holes > 1);
        say(count(is_joined), "parts and holes of a mask are joined to one outline by seams");
        say(count(|thing| thing.score.is_some()), "scores are left out");
    }
    if to == Geojson {
        say(count(|thing| thing.mask.is_none()), "boxes become polygons");
        say(images.len(), "sizes of images are left out");
    }
    if to == Csv {
        say(images.len(), "sizes of images are left out");
    }
    if to == Labels {
        say(count(|thing| thing.mask.is_none()), "things without a mask are left out");
        say(count(|thing| !thing.label.is_empty()), "names of classes are left out");
        say(count(|thing| thing.score.is_some()), "scores are left out");
        let is_many = |image: &&AnnotatedImage| image.instances.len() > usize::from(u16::MAX);
        say(images.iter().filter(is_many).count(), "images with more than 65535 things");
        say(
            images.iter().filter(|image| overlaps(image)).count(),
            "images with masks that overlap: the smallest is on top",
        );
    }
    if to == Results {
        say(count(|thing| thing.score.is_none()), "things without a score get the score 1");
    }
    if matches!(to, Results | Csv) {
        let is_empty = |image: &&AnnotatedImage| image.instances.is_empty();
        say(images.iter().filter(is_empty).count(), "images with nothing in them are left out");
    }
    if to != Labels {
        say(count(|thing| thing.label.is_empty()), "things without a class are called `object`");
    }
    lines
}

fn topology(thing: &Instance) -> Option<(usize, usize)> {
    thing.mask.as_ref().map(samkit_core::Rle::parts_and_holes)
}

fn has_hole(thing: &Instance) -> bool {
    topology(thing).is_some_and(|(_, holes)| holes > 0)
}

/// Whether any two masks of an image have a pixel in common.
fn overlaps(image: &AnnotatedImage) -> bool {
    let masks = || image.instances.iter().filter_map(|thing| thing.mask.as_ref());
    let all = samkit_core::Rle::united(image.size, masks().cloned());
    all.area() < masks().map(samkit_core::Rle::area).sum()
}
