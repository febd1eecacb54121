//! Right images and annotation files of every format, and ways to spoil them.

use std::{fs, io::Cursor, path::Path};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};
use samkit_io::AnnotationFormat;

use super::boxes::{self, Random};

/// A file.
pub(crate) struct Sample {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// None for an image.
    pub(crate) format: Option<AnnotationFormat>,
    pub(crate) bytes: Vec<u8>,
}

/// Right files.
pub(crate) struct Samples {
    images: Vec<Sample>,
    texts: Vec<Sample>,
}

/// Annotation files beside those of boxes.
const TEXTS: [(&str, AnnotationFormat, &str); 9] = [
    (
        "coco.json",
        AnnotationFormat::Coco,
        r#"{"images": [{"id": 7, "file_name": "train/a.jpg", "width": 64, "height": 48}],
"annotations": [
{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20.5, 30, 4e1],
 "segmentation": [[1, 2, 30, 4, 5.5, 40], [20, 20, 30, 20, 30, 30, 20, 30]]},
{"id": 2, "image_id": 7, "category_id": 3, "segmentation": {"size": [48, 64], "counts": "d35k0000000Uc1"}},
{"id": 3, "image_id": 7, "iscrowd": 1, "segmentation": {"size": [48, 64], "counts": [100, 20, 2952]}},
{"id": 4, "image_id": 7, "segmentation": {"size": [48, 64], "counts": [100, 20, 2952]}}],
"categories": [{"id": 3, "name": "heron"}]}"#,
    ),
    (
        "results.json",
        AnnotationFormat::CocoResults,
        r#"[{"image_id": 139, "category_id": 1, "score": 0.5,
"segmentation": {"size": [4, 3], "counts": [2, 3, 7]}},
{"image_id": "b", "category_id": 2, "bbox": [5, 6, 7, 8], "score": 0.25,
"segmentation": {"size": [4, 3], "counts": "237"}}]"#,
    ),
    (
        "a.json",
        AnnotationFormat::Labelme,
        r#"{"version": "5.5.0", "shapes": [
{"label": "egret", "points": [[1, 1], [9, 2], [4, 8]], "group_id": 3, "shape_type": "polygon"},
{"label": "egret", "points": [[5, 5], [9, 9]], "group_id": 3, "shape_type": "circle"},
{"label": "owl", "points": [[5, 5], [7, 6]], "description": "score 0.5", "shape_type": "mask",
"mask": "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEElEQVR4nGNkYGRkYGBkAAAANAAGTQHI2QAAAABJRU5ErkJggg=="},
{"label": "heron", "points": [[10, 20], [40, 60]], "shape_type": "rectangle"}],
"imagePath": "a.png", "imageHeight": 48, "imageWidth": 64}"#,
    ),
    (
        "a.masks.json",
        AnnotationFormat::Samkit,
        r#"[{"segmentation": {"size": [4, 3], "counts": "237"}, "area": 3, "bbox": [0, 2, 1, 1],
"predicted_iou": 0.9, "point_coords": [[1, 2]], "stability_score": 0.95, "crop_box": [0, 0, 3, 4]}]"#,
    ),
    (
        "a.instances.json",
        AnnotationFormat::Samkit,
        r#"[{"bbox": [1, 2, 2.5, 3], "label": "heron", "score": 0.5, "category_id": 16,
"segmentation": {"size": [4, 3], "counts": [2, 3, 7]}}, {"bbox": [1, 2, 3, 4]}]"#,
    ),
    (
        "a.geojson",
        AnnotationFormat::Geojson,
        r#"{"type": "FeatureCollection", "imageWidth": 64, "imageHeight": 48, "features": [
{"type": "Feature", "properties": {"label": "heron", "score": 0.5, "category_id": 3},
 "geometry": {"type": "Polygon", "coordinates": [[[2, 2], [20, 2], [20, 20], [2, 2]], [[5, 5], [9, 5], [9, 9], [5, 5]]]}},
{"type": "Feature", "properties": {"classification": {"name": "Tumor"}},
 "geometry": {"type": "MultiPolygon", "coordinates": [[[[0, 0, 7], [3, 0], [3, 3]]], [[[30, 20], [40, 20], [40, 30]]]]}},
{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": null}]}"#,
    ),
    (
        "a.txt",
        AnnotationFormat::Yolo,
        "0 0.5 0.5 0.25 0.125\n2 0.1 0.1 0.2 0.1 0.2 0.3 0.1 0.3\n1 0 0 1 0 1 1 0 1 0 0.5\n",
    ),
    (
        "boxes.csv",
        AnnotationFormat::Csv,
        "image,image_width,image_height,x,y,width,height,label,score\na.png,64,48,1,2,3,4,heron,0.5\n",
    ),
    (
        "a.xml",
        AnnotationFormat::Voc,
        "<annotation><filename>a.jpg</filename><size><width>64</width><height>48</height></size>\
         <object><name>heron</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>40</xmax>\
         <ymax>40</ymax></bndbox></object></annotation>",
    ),
];

impl Samples {
    pub(crate) fn new() -> Self {
        let mut images = made();
        images.extend(fixtures());
        let texts = TEXTS.iter().map(|&(name, format, text)| Sample {
            kind: format!("annotations: {format}"),
            name: name.to_owned(),
            format: Some(format),
            bytes: text.as_bytes().to_vec(),
        });
        Self { images, texts: texts.collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.images.len() + self.texts.len() + boxes::CORPUS.len()
    }

    /// A file that is nearly right.
    pub(crate) fn spoilt(&self, random: &mut Random) -> Sample {
        match random.below(10) {
            0..=4 => self.spoilt_image(random),
            5 => {
                let (format, ending, bytes) = boxes::mutate(random);
                let format = AnnotationFormat::from(format);
                let (kind, name) = (format!("annotations: {format}"), format!("a.{ending}"));
                Sample { kind, name, format: Some(format), bytes }
            }
            _ => {
                let of = &self.texts[random.below(self.texts.len())];
                let other = &self.texts[random.below(self.texts.len())];
                let mut bytes = of.bytes.clone();
                for _ in 0..=random.below(4) {
                    match random.below(3) {
                        0 => spoil(&mut bytes, &other.bytes, random),
                        _ => inflate(&mut bytes, random),
                    }
                }
                Sample { kind: of.kind.clone(), name: of.name.clone(), format: of.format, bytes }
            }
        }
    }

    fn spoilt_image(&self, random: &mut Random) -> Sample {
        let of = &self.images[random.below(self.images.len())];
        let other = &self.images[random.below(self.images.len())];
        let mut bytes = of.bytes.clone();
        for _ in 0..=random.below(3) {
            spoil(&mut bytes, &other.bytes, random);
        }
        // Else the checksums would keep nearly everything out.
        if random.below(4) > 0 {
            mend_png(&mut bytes);
        }
        Sample { kind: of.kind.clone(), name: of.name.clone(), format: None, bytes }
    }
}

/// Small images of every format that can be written here.
fn made() -> Vec<Sample> {
    let size = (37, 23);
    let rgb = ImageBuffer::from_fn(size.0, size.1, |x, y| Rgb([x as u8 * 6, y as u8 * 9, 77]));
    let rgba =
        ImageBuffer::from_fn(size.0, size.1, |x, y| Rgba([x as u8 * 6, y as u8 * 9, 77, x as u8]));
    let grey = ImageBuffer::from_fn(size.0, size.1, |x, y| Luma([(x / 9 + y / 9) as u8]));
    let deep = ImageBuffer::from_fn(size.0, size.1, |x, y| Luma([(x / 9 * 500 + y / 9) as u16]));
    let pictures: [(&str, DynamicImage); 4] =
        [("rgb", rgb.into()), ("rgba", rgba.into()), ("grey", grey.into()), ("deep", deep.into())];
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Qoi,
        ImageFormat::Pnm,
    ];
    let mut samples = Vec::new();
    for format in formats {
        for (name, picture) in &pictures {
            let mut bytes = Vec::new();
            // Not every format has every kind of pixel.
            if picture.write_to(&mut Cursor::new(&mut bytes), format).is_ok() {
                let ending = format.extensions_str()[0];
                samples.push(image_sample(&format!("{name}.{ending}"), bytes));
            }
        }
    }
    samples
}

/// The images that tests read.
fn fixtures() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let sample = |path: std::path::PathBuf| {
        let bytes = fs::read(&path).ok().filter(|bytes| bytes.len() < 200_000)?;
        Some(image_sample(path.file_name()?.to_str()?, bytes))
    };
    paths.into_iter().filter_map(sample).collect()
}

fn image_sample(name: &str, bytes: Vec<u8>) -> Sample {
    let ending = name.rsplit('.').next().unwrap_or_default();
    Sample { kind: format!("image: {ending}"), name: name.to_owned(), format: None, bytes }
}

/// Changes bytes at one place.
fn spoil(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    // Headers matter most.
    let reach = if random.below(2) == 0 { bytes.len().min(64) } else { bytes.len() };
    let place = random.below(reach + 1).min(bytes.len());
    let end = (place + 1 + random.below(16)).min(bytes.len());
    match random.below(7) {
        0 => bytes.truncate(place),
        1 => drop(bytes.drain(place..end)),
        2 => {
            let start = random.below(other.len() + 1);
            let length = random.below(64).min(other.len() - start);
            bytes.splice(place..end, other[start..start + length].iter().copied());
        }
        3 => {
            let numbers: [&[u8]; 6] = [
                &[0xff; 4],
                &[0x7f, 0xff, 0xff, 0xff],
                &[0; 4],
                &[0, 0, 1, 0],
                &[0xff; 2],
                &[0, 0x10],
            ];
            let number = numbers[random.below(numbers.len())];
            for (byte, &new) in bytes.iter_mut().skip(place).zip(number) {
                *byte = new;
            }
        }
        4 => {
            let piece = bytes[place..end].to_vec();
            bytes.splice(place..place, piece.repeat(1 + random.below(40)));
        }
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
    bytes.truncate(1 << 18);
}

/// Makes a number in a text another one.
fn inflate(bytes: &mut Vec<u8>, random: &mut Random) {
    const NUMBERS: [&str; 16] = [
        "0",
        "-1",
        "1e9",
        "-1e9",
        "4294967295",
        "4294967296",
        "1e308",
        "NaN",
        "65536",
        "99999",
        "0.00001",
        "1000",
        "-0.5",
        "null",
        "1e-300",
        "999",
    ];
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at].is_ascii_digit() && (at == 0 || !is_of_number(bytes[at - 1])))
        .collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[random.below(starts.len())];
    let length = bytes[start..].iter().take_while(|&&byte| is_of_number(byte)).count();
    let number = NUMBERS[random.below(NUMBERS.len())];
    bytes.splice(start..start + length, number.bytes());
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e')
}

/// Makes the checksums of a PNG file's chunks right.
fn mend_png(bytes: &mut [u8]) {
    let mut at = 8;
    if !bytes.starts_with(b"\x89PNG") {
        return;
    }
    while let Some(&[a, b, c, d]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let end = at + 8 + length;
        let Some(sum) = bytes.get(at + 4..end).map(checksum) else { return };
        let Some(place) = bytes.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

/// CRC-32 of the PNG specification, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
