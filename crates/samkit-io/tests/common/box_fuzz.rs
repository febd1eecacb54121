//! Annotation files that nobody wrote: right ones cut up, put together and spoilt.

use std::{fs, path::Path};

use samkit_core::Size;
use samkit_io::{BoxFile, BoxFormat, BoxOptions, InputImage};

/// Numbers that are random enough and the same for the same seed (xorshift, Marsaglia 2003).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A right file of each format, with the ending that it has.
pub(crate) const CORPUS: [(BoxFormat, &str, &str); 6] = [
    (
        BoxFormat::Coco,
        "json",
        r#"{"info": {"year": 2017}, "annotations": [
{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20.5, 30, 4e1], "iscrowd": 0,
 "segmentation": [[1, 2, 3, 4, 5, 6]], "area": 1200},
{"id": 2, "image_id": 7, "category_id": 4, "bbox": [0, 0, NaN, -Infinity], "iscrowd": 1}],
"images": [{"id": 7, "file_name": "train/a.jpg", "width": 640, "height": 480}],
"categories": [{"id": 3, "name": "h\u00e9ron \"grey\""}]}"#,
    ),
    (
        BoxFormat::CocoResults,
        "json",
        r#"[{"image_id": 139, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
{"image_id": "b", "category_id": 2, "bbox": [5, 6, 7, 8], "score": 0.25}]"#,
    ),
    (
        BoxFormat::Yolo,
        "txt",
        "0 0.5 0.5 0.25 0.125\n1 0.1 0.2 0.1 0.1 0.75\n\n2 0.1 0.1 0.2 0.1 0.2 0.3 0.1 0.3\n",
    ),
    (
        BoxFormat::Voc,
        "xml",
        "<?xml version=\"1.0\"?>\n<annotation><filename>a.jpg</filename>\n<size><width>640</width>\
         <height>480</height><depth>3</depth></size>\n<object><name>heron &amp; egret</name>\
         <part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>\n<bndbox><xmin>10</xmin>\
         <ymin>20</ymin><xmax>40</xmax><ymax>60.5</ymax></bndbox></object>\n<!-- end --></annotation>",
    ),
    (
        BoxFormat::Csv,
        "csv",
        "filename,width,height,class,xmin,ymin,xmax,ymax,score\n\
         a.jpg,640,480,heron,10,20,40,60,0.5\n\"b,1.jpg\",640,480,\"the \"\"egret\"\"\",1,2,3,4,\n",
    ),
    (
        BoxFormat::Labelme,
        "json",
        r#"{"version": "5.5.0", "flags": {}, "shapes": [
{"label": "heron", "points": [[10, 20], [40, 60]], "group_id": null, "shape_type": "rectangle"},
{"label": "egret", "points": [[1, 1], [9, 2], [4, 8]], "group_id": 3, "shape_type": "polygon"},
{"label": "egret", "points": [[5, 5]], "group_id": 3, "shape_type": "point"}],
"imagePath": "..\\images\\a.jpg", "imageData": null, "imageHeight": 480, "imageWidth": 640}"#,
    ),
];

/// Pieces that mean something to the formats.
const PIECES: [&str; 52] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    ";",
    "\t",
    " ",
    "\n",
    "\r\n",
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e999",
    "-1",
    "0",
    "1",
    "0.5",
    "99999999999999999999",
    "4294967296",
    "\"id\": ",
    "\"images\": ",
    "\"annotations\": ",
    "\"categories\": ",
    "\"bbox\": ",
    "\"image_id\": ",
    "\"shapes\": ",
    "\"points\": ",
    "\"group_id\": 3",
    "<",
    ">",
    "</",
    "/>",
    "&",
    "&#x41;",
    "&#0;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "<!DOCTYPE a [",
    "<object>",
    "<bndbox>",
    "</annotation>",
    "xmin",
    "\u{feff}",
    "é",
    "\u{7f}",
    "\u{0}",
];

/// A file made of one or two of the corpus, with the format that it was made from.
pub(crate) fn mutate(random: &mut Random) -> (BoxFormat, &'static str, Vec<u8>) {
    let &(format, ending, text) = random.of(&CORPUS);
    let mut text = text.as_bytes().to_vec();
    for _ in 0..=random.below(5) {
        let place = random.below(text.len() + 1);
        let end = (place + random.below(12)).min(text.len());
        match random.below(7) {
            0 => drop(text.drain(place..end)),
            1 => drop(text.splice(place..place, random.of(&PIECES).bytes())),
            2 => drop(text.splice(place..end, random.of(&PIECES).bytes())),
            3 => {
                if let Some(byte) = text.get_mut(place) {
                    *byte = random.below(256) as u8;
                }
            }
            4 => {
                let copy = text[place..end].to_vec();
                let times = 1 + random.below(200);
                text.splice(place..place, copy.repeat(times));
            }
            5 => {
                let other = random.of(&CORPUS).2.as_bytes();
                let start = random.below(other.len() + 1);
                let length = random.below(200).min(other.len() - start);
                text.splice(place..end, other[start..start + length].iter().copied());
            }
            _ => text.truncate(place),
        }
    }
    text.truncate(1 << 16);
    (format, ending, text)
}

/// Reads `bytes` as a file in `folder` every way there is, matches and resolves it. What comes out
/// must be boxes.
pub(crate) fn exercise(folder: &Path, format: BoxFormat, ending: &str, bytes: &[u8]) {
    let path = folder.join(format!("a.{ending}"));
    fs::write(&path, bytes).expect("the folder is there");
    let images: Vec<_> = ["a.jpg", "train/a.jpg", "b.png", "000139.jpg"]
        .iter()
        .map(|name| InputImage { path: Path::new("/in").join(name), relative: name.into() })
        .collect();
    for format in [None, Some(format)] {
        let options = BoxOptions { format, ..BoxOptions::default() };
        let file = match BoxFile::read(&path, &options) {
            Ok(file) => file,
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() < 4000, "an error of {} bytes", text.len());
                continue;
            }
        };
        let matched = file.matched(&images);
        let size = Size::new(640, 480);
        for index in 0..images.len() {
            let boxes = matched.boxes(index, size);
            assert!(boxes.boxes.len() <= file.box_count());
            for given in boxes.boxes {
                let bbox = given.bbox;
                assert!(bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1, "{bbox:?}");
                assert!(bbox.x0 < 640.0 && bbox.y0 < 480.0 && bbox.x1 > 0.0 && bbox.y1 > 0.0);
            }
        }
    }
}
