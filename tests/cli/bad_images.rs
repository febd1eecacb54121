//! Images of every kind: each gives the right result or one clear message, and never ends a batch.

use std::fs;

use image::{DynamicImage, ImageFormat, RgbImage, imageops};

use crate::support::{Place, QUICK, needs_weights, scene};

/// The edges of `input` are found and have its size.
#[track_caller]
fn gives_edges(place: &Place, input: &str, size: (u32, u32)) {
    let args = [&["edges", input, "--output", "out", "--save", "thinned"][..], &QUICK].concat();
    place.run(&args).exits(0);
    let name = input.rsplit_once('.').expect("an extension").0;
    assert_eq!(place.size(&format!("out/{name}.edges.png")), size);
}

/// `input` fails alone, with a message that holds `parts`, before any weights are looked for.
#[track_caller]
fn fails(place: &Place, input: &str, parts: &[&str]) {
    let empty = place.path("no-models");
    let args = ["edges", input, "--offline", "--output", "out"];
    place
        .run_with(&args, |c| _ = c.env("SAMKIT_MODELS_DIR", empty))
        .exits(1)
        .says(&[input])
        .says(parts);
    assert_eq!(place.names("out"), [""; 0]);
}

/// Saves `image` as `name`, finds edges, and compares them with those of `same`, the same picture
/// as 8-bit RGB.
#[track_caller]
fn gives_the_edges_of(place: &Place, name: &str, same: &RgbImage) {
    place.picture("same.png", same);
    let args =
        [&["edges", name, "same.png", "--output", "out", "--save", "raw"][..], &QUICK].concat();
    place.run(&args).exits(0);
    let files = place.files("out");
    let stem = name.rsplit_once('.').expect("an extension").0;
    let edges = format!("{stem}.edges.raw.png");
    assert!(!files[&edges].is_empty());
    assert!(files[&edges] == files["same.edges.raw.png"], "{name} has other edges");
}

#[test]
fn an_unreadable_image() {
    let place = Place::new();
    place.write("a.png", "this is no picture");
    fails(&place, "a.png", &["a.png"]);
}

#[test]
fn a_truncated_image() {
    let place = Place::new();
    let path = place.picture("a.png", &scene(64, 48));
    let whole = fs::read(&path).unwrap();
    place.write("a.png", &whole[..whole.len() / 2]);
    fails(&place, "a.png", &["a.png"]);
}

#[test]
fn an_empty_file() {
    let place = Place::new();
    place.write("a.jpg", []);
    fails(&place, "a.jpg", &["empty"]);
}

#[test]
fn an_image_of_no_pixels() {
    // A PNG whose header says 0×0, with the header's checksum made right.
    let mut header = Vec::from(*b"IHDR");
    header.extend([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
    let mut bytes = Vec::from(*b"\x89PNG\r\n\x1a\n\0\0\0\x0d");
    bytes.extend(&header);
    bytes.extend(crc32(&header).to_be_bytes());
    let place = Place::new();
    place.write("a.png", bytes);
    fails(&place, "a.png", &["a.png"]);
}

/// The checksum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn an_image_of_one_pixel() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(1, 1));
    gives_edges(&place, "a.png", (1, 1));
}

#[test]
fn an_image_of_4000_by_1() {
    needs_weights!();
    let place = Place::new();
    place.picture("a.png", &scene(4000, 1));
    gives_edges(&place, "a.png", (4000, 1));
}

#[test]
fn a_16_bit_image() {
    needs_weights!();
    let place = Place::new();
    let picture = scene(60, 40);
    DynamicImage::from(picture.clone()).into_rgb16().save(place.path("a.png")).unwrap();
    gives_the_edges_of(&place, "a.png", &picture);
}

#[test]
fn a_grey_image() {
    needs_weights!();
    let place = Place::new();
    let grey = DynamicImage::from(scene(60, 40)).into_luma8();
    grey.save(place.path("a.png")).unwrap();
    gives_the_edges_of(&place, "a.png", &DynamicImage::from(grey).into_rgb8());
}

#[test]
fn a_grey_image_with_alpha() {
    needs_weights!();
    let place = Place::new();
    let grey = DynamicImage::from(scene(60, 40)).into_luma_alpha8();
    grey.save(place.path("a.png")).unwrap();
    gives_the_edges_of(&place, "a.png", &DynamicImage::from(grey).into_rgb8());
}

#[test]
fn an_image_with_alpha() {
    needs_weights!();
    let place = Place::new();
    let picture = scene(60, 40);
    DynamicImage::from(picture.clone()).into_rgba8().save(place.path("a.png")).unwrap();
    gives_the_edges_of(&place, "a.png", &picture);
}

#[test]
fn an_image_with_a_palette() {
    needs_weights!();
    let place = Place::new();
    let colours = [[200, 30, 40], [20, 120, 220]];
    let index = |x: u32, y: u32| usize::from((x / 20 + y / 20) % 2 == 1);
    let indices: Vec<u8> = (0..60 * 40).map(|i| index(i % 60, i / 60) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 60, 40);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(colours.concat());
    encoder.write_header().unwrap().write_image_data(&indices).unwrap();
    place.write("a.png", bytes);
    let same = RgbImage::from_fn(60, 40, |x, y| image::Rgb(colours[index(x, y)]));
    gives_the_edges_of(&place, "a.png", &same);
}

#[test]
fn a_cmyk_jpeg() {
    needs_weights!();
    let place = Place::new();
    let picture = scene(64, 48);
    let ink: Vec<u8> =
        picture.pixels().flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.encode(&ink, 64, 48, jpeg_encoder::ColorType::Cmyk).unwrap();
    place.write("a.jpg", bytes);
    gives_edges(&place, "a.jpg", (64, 48));
}

#[test]
fn a_photograph_turned_by_exif() {
    needs_weights!();
    let place = Place::new();
    let upright = scene(64, 48);
    // Stored lying on its side; orientation 6 says "turn by 90° clockwise to view".
    let mut jpeg = std::io::Cursor::new(Vec::new());
    imageops::rotate270(&upright).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let exif =
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    place.write("a.jpg", [&jpeg[..2], exif, &jpeg[2..]].concat());
    gives_edges(&place, "a.jpg", (64, 48));
}
