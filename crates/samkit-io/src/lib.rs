//! Reading images and writing masks, edge maps and overlays.
//!
//! Going in: [`find_images`] turns what a user names (files, folders, patterns) into a list, and
//! [`read_image`] decodes one of them into 8-bit RGB, whatever it was stored as; [`Annotations`] and
//! [`BoxFile`] are what others wrote of images, with masks and without. Going out: [`OutputNames`] says what the results of an image are called, [`mask_overlay`], [`edge_overlay`]
//! and [`draw_prompt`] make pictures to look at, and the `write_…` functions put files in their
//! place by renaming, so that nobody ever reads half of one. What is made of all images of a run
//! ([`write_coco_dataset`] and its like) takes them one by one, as [`AnnotatedImages`].
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use samkit_core::{Mask, Rle, Size};
//! use samkit_io::{ReadLimits, mask_overlay, read_image, write_rgb};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("results/photo.overlay.png");
//! let photo = RgbImage::from_pixel(40, 30, Rgb([90, 120, 60]));
//! let left_half = Rle::from_mask(&Mask::from_fn(Size::new(40, 30), |x, _| x < 20));
//! write_rgb(&path, &mask_overlay(&photo, &[&left_half]))?;
//! assert_eq!(read_image(&path, &ReadLimits::default())?.image.dimensions(), (40, 30));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod annotations;
mod boxes;
mod dataset;
mod find;
mod names;
mod overlay;
mod read;
mod write;

pub use annotations::{
    AnnotationError, AnnotationFormat, AnnotationOptions, Annotations, TargetFormat, losses,
};
pub use boxes::{
    AmbiguousEntry, BoxFile, BoxFileError, BoxFormat, BoxOptions, BoxProblem, GivenBox, Matched,
    Place, ResolvedBoxes, UnusableBoxes, read_class_names,
};
pub use dataset::{
    AnnotatedImage, AnnotatedImages, Categories, Instance, Segmentation, class_map, cutout,
    label_colors, label_map, labelme, labelme_masks, mask_image, write_class_legend,
    write_coco_dataset, write_coco_results, write_csv, write_geojson, write_yolo_labels,
    yolo_image_path,
};
pub use find::{BadInput, Depth, FindError, IMAGE_EXTENSIONS, InputImage, find_images};
pub use names::OutputNames;
pub use overlay::{
    draw_prompt, edge_overlay, instance_overlay, mask_overlay, mask_overlay_with_ids,
};
pub use read::{
    LoadedImage, ReadError, ReadLimits, decode_image, read_file, read_image, read_image_size,
    read_logits, read_masks,
};
pub use write::{
    Gray16Image, GrayMap, WriteError, to_gray8, to_gray16, write_atomically, write_gray8,
    write_gray16, write_json, write_logits, write_logits_npz, write_masks, write_rgb, write_rgba,
};
