//! `samkit convert`: annotations from one format into another.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use samkit_core::{ParamError, Rle};
use samkit_io::{
    AnnotatedImage, AnnotationFormat, AnnotationOptions, Annotations, Categories, Segmentation,
    TargetFormat, WriteError, label_map, labelme, losses, read_class_names, write_atomically,
    write_coco_dataset, write_coco_results, write_csv, write_geojson, write_gray16, write_json,
    write_yolo_labels, yolo_image_path,
};
use serde_json::json;

use crate::{
    batch,
    commands::Outcome,
    console::{Console, counted},
    error::CliError,
    print::print_text,
    report,
    tasks::dataset::way,
};

/// Convert annotations from one format into another
///
/// Boxes and masks, with classes and scores. What the other format cannot hold, and what of the files
/// cannot be used, is said on stderr.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConvertArgs {
    /// Annotation files, or folders of them, all in one format
    #[arg(required = true, value_name = "FROM")]
    from: Vec<PathBuf>,
    /// What to make of them: coco, coco-polygons, results, yolo, labelme, labels, geojson or csv
    #[arg(long, value_parser = word::<TargetFormat>, value_name = "FORMAT")]
    to: TargetFormat,
    /// Where to: a file for coco, coco-polygons, results and csv, else a folder
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// What they are: coco, coco-results, yolo, voc, csv, labelme, labels, samkit or geojson [default:
    /// recognised]
    #[arg(long = "from", id = "from-format", value_parser = word::<AnnotationFormat>, value_name = "FORMAT")]
    format: Option<AnnotationFormat>,
    /// Folder of the images: for their sizes where the format has none, and to copy them for yolo
    /// [default: looked for beside the annotations]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// A COCO data set that says what image ids and categories of COCO results mean
    #[arg(long, value_name = "FILE")]
    data_set: Option<PathBuf>,
    /// Names of the classes 0, 1, … where the files have only numbers
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "class_names_file")]
    class_names: Option<Vec<String>>,
    /// A file with the names, one a line, or a YAML file with `names`
    #[arg(long, value_name = "FILE")]
    class_names_file: Option<PathBuf>,
    /// Print what was done as JSON on stdout
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit convert instances_val2017.json --to yolo --images val2017 -o yolo
  samkit convert yolo --to coco -o coco.json
  samkit convert labelme --to coco-polygons -o coco.json
  samkit convert out/*.masks.json --to labels -o labels
  samkit convert results.json --data-set coco.json --to labelme -o labelme
  samkit convert labels --from labels --class-names background,cat,dog --to coco -o coco.json

Exit codes: 0 converted, perhaps with notes, 2 nothing was written.";

/// A format by its name.
fn word<T: FromStr<Err = ParamError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParamError| format!("expected {}", error.expected))
}

pub(super) fn run(args: &ConvertArgs, console: Console) -> Result<Outcome, CliError> {
    let options = args.options()?;
    args.check_output()?;
    args.check_folders()?;
    let Some(found) = Annotations::read_all(&args.from, &options)? else {
        return Ok(Outcome::Done);
    };
    found.notes.iter().for_each(|note| console.say(note));
    let losses = losses(args.to, &found.images);
    losses.iter().for_each(|loss| console.say(loss));
    let mut notes = args.doubts(&found);
    let categories = Categories::of(&found.images).expect("they are in memory");
    let categories = categories.with_known(&found.classes);
    let files = write(args, &found.images, &categories, &mut notes)?;
    notes.iter().for_each(|note| console.say(note));
    let things = found.images.iter().map(|image| image.instances.len()).sum();
    if args.json {
        report::print_json(&json!({
            "from": found.format.name(),
            "to": args.to.name(),
            "images": found.images.len(),
            "things": things,
            "masks": mask_count(&found.images),
            "files": files,
            "output": args.output,
            "notes": found.notes.iter().chain(&notes).collect::<Vec<_>>(),
            "losses": losses,
        }));
    } else if !console.quiet {
        let (images, things) = (counted(found.images.len(), "image"), counted(things, "thing"));
        let (from, to, output) = (found.format, args.to, args.output.display());
        print_text(&format!("{things} in {images}, from {from} to {to}: {output}\n"));
    }
    Ok(Outcome::Done)
}

impl ConvertArgs {
    fn options(&self) -> Result<AnnotationOptions, CliError> {
        let class_names = match (&self.class_names, &self.class_names_file) {
            (Some(names), _) => names.clone(),
            (None, Some(file)) => {
                read_class_names(file).map_err(samkit_io::AnnotationError::from)?
            }
            (None, None) => Vec::new(),
        };
        Ok(AnnotationOptions {
            format: self.format,
            images: self.images.clone(),
            data_set: self.data_set.clone(),
            class_names,
            ..AnnotationOptions::default()
        })
    }

    /// What is read is not written over.
    fn check_output(&self) -> Result<(), CliError> {
        let Ok(output) = self.output.canonicalize() else { return Ok(()) };
        let is_input = |from: &PathBuf| from.canonicalize().is_ok_and(|from| from == output);
        match self.from.iter().any(is_input) {
            true => Err(CliError::FlagFile {
                flag: "output",
                path: self.output.clone(),
                reason: "it is what is to be converted".to_owned(),
                help: "name another file or folder".to_owned(),
            }),
            false => Ok(()),
        }
    }
}

impl ConvertArgs {
    /// Output folders of runs hold many formats, of which one has to be meant.
    fn check_folders(&self) -> Result<(), CliError> {
        let is_run = |from: &&PathBuf| from.join(batch::FOLDER).is_dir();
        match self.from.iter().find(is_run).filter(|_| self.format.is_none()) {
            Some(path) => Err(CliError::Several {
                path: path.clone(),
                help: format!(
                    "name what is meant, such as {}, or its format with `--from`",
                    path.join("coco.json").display()
                ),
            }),
            None => Ok(()),
        }
    }

    /// What the files do not say and other files would.
    fn doubts(&self, found: &Annotations) -> Vec<String> {
        let mut doubts = Vec::new();
        if found.format == AnnotationFormat::CocoResults && self.data_set.is_none() {
            doubts.push(
                "results have numbers in place of names: name their data set with `--data-set`"
                    .into(),
            );
        }
        let missing = found.images.iter().filter(|image| !image.path.is_file()).count();
        let needs_images = matches!(
            self.to,
            TargetFormat::Coco | TargetFormat::CocoPolygons | TargetFormat::Labelme
        );
        if missing > 0 && needs_images && self.images.is_none() {
            let images = counted(missing, "image");
            doubts.push(format!(
                "{images} not found, so that names are as the annotations have them: name their \
                 folder with `--images`"
            ));
        }
        doubts
    }
}

fn mask_count(images: &[AnnotatedImage]) -> usize {
    let things = images.iter().flat_map(|image| &image.instances);
    things.filter(|thing| thing.mask.is_some()).count()
}

/// Writes all images, and returns the number of files.
fn write(
    ConvertArgs { to, output, .. }: &ConvertArgs,
    images: &[AnnotatedImage],
    categories: &Categories,
    notes: &mut Vec<String>,
) -> Result<usize, CliError> {
    let of_each =
        |ending: &str, write: &dyn Fn(&Path, &AnnotatedImage) -> Result<(), WriteError>| {
            for image in images {
                let mut name = image.stem.as_os_str().to_owned();
                name.push(format!(".{ending}"));
                write(&output.join(name), image)?;
            }
            Ok::<usize, WriteError>(images.len())
        };
    let one = |written: Result<(), WriteError>| written.map(|()| 1);
    Ok(match to {
        TargetFormat::Coco => {
            one(write_coco_dataset(output, &images, categories, Segmentation::Rle))?
        }
        TargetFormat::CocoPolygons => {
            one(write_coco_dataset(output, &images, categories, Segmentation::Polygons))?
        }
        TargetFormat::Results => one(write_coco_results(output, &images, categories))?,
        TargetFormat::Csv => one(write_csv(output, &images, categories))?,
        TargetFormat::Yolo => {
            let files = write_yolo_labels(output, &images, categories)?;
            files + copy_images(output, images, notes)?
        }
        TargetFormat::Labelme => of_each("json", &|path, image| {
            let folder = path.parent().unwrap_or(Path::new(""));
            let image_path = way(folder, &image.path);
            write_json(path, &labelme(image.size, &image.instances, &image_path))
        })?,
        TargetFormat::Geojson => {
            of_each("geojson", &|path, image| write_geojson(path, &image.instances))?
        }
        TargetFormat::Labels => of_each("labels.png", &|path, image| {
            let masks = image.instances.iter().filter_map(|thing| thing.mask.as_ref());
            write_gray16(path, &label_map(image.size, &masks.collect::<Vec<&Rle>>()))
        })?,
    })
}

/// Copies the images to where YOLO's tools look for them. Those that are not there are noted.
fn copy_images(
    folder: &Path,
    images: &[AnnotatedImage],
    notes: &mut Vec<String>,
) -> Result<usize, WriteError> {
    let (there, missing): (Vec<_>, Vec<_>) = images.iter().partition(|image| image.path.is_file());
    for image in &there {
        let copy = folder.join(yolo_image_path(&image.stem, &image.path));
        write_atomically(&copy, |file| {
            std::io::copy(&mut fs::File::open(&image.path)?, file).map(drop)
        })?;
    }
    if let Some(first) = missing.first() {
        notes.push(format!(
            "{} could not be copied, the first of them `{}`: name their folder with `--images`",
            counted(missing.len(), "image"),
            first.path.display()
        ));
    }
    Ok(there.len())
}
