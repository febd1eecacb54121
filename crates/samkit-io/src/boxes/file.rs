//! A file or folder with boxes, read whole.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    BoxFileError, BoxFormat, BoxOptions, Matched,
    classes::Classes,
    coco,
    entry::{Entry, PlaceKind},
    folder::{self, Source},
    labelme, matching,
    resolve::Unit,
    table, voc, yolo,
};
use crate::InputImage;

/// What a reader makes of a file or folder.
#[derive(Debug)]
pub(crate) struct Content {
    /// What was read, where an entry has no file of its own.
    pub(crate) path: PathBuf,
    pub(crate) unit: Unit,
    pub(crate) place: PlaceKind,
    pub(crate) entries: Vec<Entry>,
    pub(crate) classes: Classes,
    pub(crate) crowd: usize,
    pub(crate) skipped_shapes: usize,
}

impl Content {
    /// The same without its entries.
    pub(crate) fn without_entries(&self) -> Self {
        Self {
            path: self.path.clone(),
            unit: self.unit,
            place: self.place,
            entries: Vec::new(),
            classes: self.classes.clone(),
            crowd: self.crowd,
            skipped_shapes: self.skipped_shapes,
        }
    }
}

/// What is kept of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Boxes: the rest is passed over.
    Boxes,
    /// Also masks, in the form that the file has them.
    Shapes,
}

/// Reads a file or folder, and says which format it is in.
pub(crate) fn content(
    path: &Path,
    options: &BoxOptions,
    keep: Keep,
) -> Result<(BoxFormat, Content), BoxFileError> {
    let names = &options.class_names[..];
    let (format, content) = match folder::source(path, options.format)? {
        Source::Folder(format, files) => {
            let content = match format {
                BoxFormat::Yolo => yolo::read(&files, path, names, keep)?,
                BoxFormat::Voc => voc::read(&files)?,
                _ => labelme::read(&files, keep)?,
            };
            (format, content)
        }
        Source::File(format, file) => match format {
            BoxFormat::Coco | BoxFormat::CocoResults => {
                coco::read(&file.path, names, options.images.as_deref(), keep)?
            }
            BoxFormat::Yolo => {
                let folder = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
                (format, yolo::read(&[file], &folder, names, keep)?)
            }
            BoxFormat::Voc => (format, voc::read(&[file])?),
            BoxFormat::Csv => (format, table::read(&file.path)?),
            BoxFormat::Labelme => (format, labelme::read(&[file], keep)?),
        },
    };
    if options.images.is_some() && format != BoxFormat::CocoResults {
        return Err(BoxFileError::NoUseForImages { path: path.into(), format });
    }
    Ok((format, content))
}

/// All boxes of an annotation file, or of a folder of them. Copies share them.
#[derive(Clone, Debug)]
pub struct BoxFile {
    format: BoxFormat,
    content: Arc<Content>,
}

impl BoxFile {
    /// Reads a file, or a folder with its subfolders, whole.
    ///
    /// | format | numbers |
    /// |---|---|
    /// | COCO | `bbox` is left, top, width and height in pixels |
    /// | YOLO | `class x y width height [score]` a line: the centre and the sides as fractions; `class x y x y …` is a polygon, of which the box around it is taken |
    /// | VOC | `xmin` … `ymax` in pixels, taken as they are. The first VOC sets counted pixels from 1 and included the last one; the tools that write the format today count from 0 and write the box's right and bottom sides, and one pixel is less than the error of most boxes |
    /// | CSV | corners, or left, top, width and height in pixels, by the names of the columns |
    /// | labelme | rectangles, and the boxes around polygons, in pixels; shapes with one `group_id` and label are one thing |
    ///
    /// Without [`BoxOptions::format`] a file's ending and content decide, and a folder's `.xml`,
    /// `.txt` and `.json` files. Memory is needed for boxes only: masks and images in a file are
    /// passed over.
    ///
    /// # Errors
    /// When the file is not there, cannot be read, or does not have the format's form; not when a box
    /// cannot be one.
    pub fn read(path: &Path, options: &BoxOptions) -> Result<Self, BoxFileError> {
        let (format, content) = content(path, options, Keep::Boxes)?;
        Ok(Self { format, content: Arc::new(content) })
    }

    /// The format that the file turned out to be in.
    pub fn format(&self) -> BoxFormat {
        self.format
    }

    /// The number of boxes for all images, without those that cannot be boxes of any.
    pub fn box_count(&self) -> usize {
        self.content.entries.iter().map(|entry| entry.boxes.len()).sum()
    }

    /// The number of COCO annotations that stand for a crowd (`iscrowd`), and so for no box.
    pub fn crowd_count(&self) -> usize {
        self.content.crowd
    }

    /// The number of labelme's shapes that are neither rectangles nor polygons.
    pub fn skipped_shape_count(&self) -> usize {
        self.content.skipped_shapes
    }

    /// Finds out which entries belong to which of `images`.
    ///
    /// An entry belongs to the image whose [`InputImage::name`] it gives; else to the one whose file
    /// has that name; else to the one whose file has it without the ending. Where several images do,
    /// that one is meant which shares most folders with the entry. COCO results without a data set
    /// mean the image whose file is called by the number, as `000000000139.jpg` is by 139. Where two
    /// images fit an entry equally well, or two entries an image, none is taken.
    pub fn matched(&self, images: &[InputImage]) -> Matched {
        matching::matched(Arc::clone(&self.content), images)
    }
}
