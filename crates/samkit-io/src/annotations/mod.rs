//! Annotation files as a whole: images, and what is in them with its masks.
//!
//! [`Annotations::read`] reads a file or a folder in any of [`AnnotationFormat`]'s formats into
//! [`AnnotatedImage`]s, which the writers of data sets take. Six of the formats are those of
//! [`crate::BoxFile`], and are read by the same code, only that shapes are kept too.
//!
//! A file that does not have its format's form is an error that says where. A thing that cannot be
//! one, among others that can, is left out, counted and named in [`Annotations::notes`].

mod coco_segmentation;
mod error;
mod format;
mod geojson;
mod geojson_objects;
mod join;
mod label_map;
mod labelme_parts;
mod losses;
mod notes;
mod places;
mod png_values;
mod records;
mod resolve;
mod shape;
mod source;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(crate) use coco_segmentation::Segmentation;
pub use error::AnnotationError;
pub use format::AnnotationFormat;
pub(crate) use labelme_parts::LabelmeParts;
pub use losses::{TargetFormat, losses};
pub(crate) use shape::Shape;

use crate::{AnnotatedImage, ReadLimits};

/// How annotations are to be read.
#[derive(Clone, Debug)]
pub struct AnnotationOptions {
    /// The format; recognised from names and contents where there is none.
    pub format: Option<AnnotationFormat>,
    /// The folder of the images, also searched in its subfolders. It gives sizes where the format
    /// has none, and where the files are; annotations of other images are left out.
    pub images: Option<PathBuf>,
    /// A COCO data set that says what the image ids and categories of COCO results mean.
    pub data_set: Option<PathBuf>,
    /// Names of the classes 0, 1, …, for YOLO, for COCO without categories, and for label maps whose
    /// values are classes.
    pub class_names: Vec<String>,
    /// Pixels of an image, and bytes that all masks together may take.
    pub limits: ReadLimits,
}

impl Default for AnnotationOptions {
    /// Everything recognised, and at most 8 GiB of masks.
    fn default() -> Self {
        Self {
            format: None,
            images: None,
            data_set: None,
            class_names: Vec::new(),
            limits: ReadLimits { max_memory: 8 << 30, ..ReadLimits::default() },
        }
    }
}

/// What annotation files hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotations {
    /// The format that the files turned out to be in.
    pub format: AnnotationFormat,
    /// The images, in the order of the files, and what is in them. Ids, names and stems are different
    /// for each.
    pub images: Vec<AnnotatedImage>,
    /// Numbers and names of all classes that the files list or use, also of those without a thing.
    pub classes: BTreeMap<u32, String>,
    /// What was left out or is doubtful, for people to read.
    pub notes: Vec<String>,
}

impl Annotations {
    /// Reads a file, or a folder with its subfolders, whole.
    ///
    /// | format | what a thing is |
    /// |---|---|
    /// | COCO, COCO results | an annotation: polygons, united as pycocotools does it, or a run-length code; crowds are left out |
    /// | YOLO | a line: a box or a polygon, as fractions of the sides |
    /// | VOC, CSV | a box |
    /// | labelme | the shapes with one label and `group_id`: polygons, circles and masks; rectangles alone are a box; lines and points are left out |
    /// | label map | all pixels with one value of a grey or palette PNG; 0 is nothing |
    /// | samkit's JSON files | a record: a mask, or a box |
    /// | GeoJSON | a polygon or multipolygon, in pixels |
    ///
    /// Where an image belongs to an annotation is found out as in [`crate::BoxFile::matched`] where a
    /// folder of images is given; else images are looked for beside the annotations.
    ///
    /// # Errors
    /// When the file is not there, cannot be read or does not have the format's form, when no image's
    /// size is known, when none of the images given fits, or when masks take more memory than the
    /// limit.
    pub fn read(path: &Path, options: &AnnotationOptions) -> Result<Self, AnnotationError> {
        let (format, content) = source::content(path, options)?;
        resolve::resolved(path, format, content, options)
    }

    /// Reads several files or folders, and puts together what they say. Things of one image are put
    /// together too; images that only share a name with one of another size are left out. None where
    /// there are no paths.
    ///
    /// # Errors
    /// As for [`Self::read`], for the first of them that fails.
    pub fn read_all(
        paths: &[PathBuf],
        options: &AnnotationOptions,
    ) -> Result<Option<Self>, AnnotationError> {
        let all: Result<Vec<_>, _> = paths.iter().map(|path| Self::read(path, options)).collect();
        all.map(join::joined)
    }
}
