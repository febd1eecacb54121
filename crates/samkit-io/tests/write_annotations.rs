//! The files of one image: polygons, pictures and arrays.

use std::{fs::File, io::Read};

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{Rgb, RgbImage, Rgba};
use samkit_core::{BBox, LOW_RES_SIDE, LowResLogits, Mask, Rle, Size};
use samkit_io::{
    Instance, cutout, label_colors, label_map, labelme, labelme_masks, mask_image, mask_overlay,
    write_geojson, write_logits_npz,
};
use serde_json::{Value, json};

#[allow(dead_code, reason = "only the masks are wanted here")]
#[path = "common/shapes.rs"]
mod shapes;

const SIZE: Size = Size::new(10, 8);

fn rle(inside: impl FnMut(u32, u32) -> bool) -> Rle {
    Rle::from_mask(&Mask::from_fn(SIZE, inside))
}

/// Two squares, one with a hole.
fn squares() -> Rle {
    rle(|x, y| (1..4).contains(&x) && (2..5).contains(&y) && (x, y) != (2, 3) || (x, y) == (7, 7))
}

fn instance(mask: Option<Rle>) -> Instance {
    let bbox = mask.as_ref().map_or(BBox::new(0.5, 1.0, 3.0, 4.0), Rle::bbox);
    Instance { bbox, label: "thing".into(), category_id: Some(7), score: Some(0.9), mask }
}

fn geojson(instances: &[Instance]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.geojson");
    write_geojson(&path, instances).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), instances.len() + if instances.is_empty() { 4 } else { 5 });
    serde_json::from_str(&text).unwrap()
}

#[test]
fn geojson_has_parts_and_holes_that_run_as_the_rfc_wants() {
    let file =
        geojson(&[instance(Some(squares())), instance(None), instance(Some(rle(|_, _| false)))]);
    assert_eq!(file["type"], "FeatureCollection");
    let features = &file["features"];
    assert_eq!(
        features[0],
        json!({
            "type": "Feature",
            "id": 1,
            "properties":
                { "id": 1, "label": "thing", "category_id": 7, "score": 0.9, "area": 9 },
            "geometry": { "type": "MultiPolygon", "coordinates": [
                [
                    [[1, 2], [4, 2], [4, 5], [1, 5], [1, 2]],
                    [[2, 3], [2, 4], [3, 4], [3, 3], [2, 3]],
                ],
                [[[7, 7], [8, 7], [8, 8], [7, 8], [7, 7]]],
            ] },
        })
    );
    assert_eq!(
        features[1]["geometry"],
        json!({
            "type": "Polygon",
            "coordinates": [[[0.5, 1], [3, 1], [3, 4], [0.5, 4], [0.5, 1]]],
        })
    );
    assert_eq!(features[1]["properties"]["area"], 7.5);
    assert_eq!(features[2]["geometry"], Value::Null);
    assert_eq!(geojson(&[])["features"], json!([]));
}

#[test]
fn geojson_areas_are_those_of_the_masks() {
    for (name, _, mask) in shapes::shapes() {
        let file = geojson(&[instance(Some(mask.clone()))]);
        let geometry = &file["features"][0]["geometry"];
        let polygons = match geometry["type"].as_str() {
            Some("Polygon") => vec![&geometry["coordinates"]],
            _ => geometry["coordinates"].as_array().unwrap().iter().collect(),
        };
        let area = |ring: &Value| {
            let points: Vec<[f64; 2]> = serde_json::from_value(ring.clone()).unwrap();
            assert_eq!(points.first(), points.last(), "a ring of `{name}` is open");
            points.windows(2).map(|w| w[0][0] * w[1][1] - w[1][0] * w[0][1]).sum::<f64>() / 2.0
        };
        let rings = polygons.iter().flat_map(|polygon| polygon.as_array().unwrap());
        assert_eq!(rings.map(area).sum::<f64>(), mask.area() as f64, "{name}");
        assert!(polygons.iter().all(|polygon| area(&polygon[0]) > 0.0), "{name}");
    }
}

#[test]
fn labelme_groups_the_parts_of_a_thing_and_keeps_holes() {
    let file = labelme(SIZE, &[instance(Some(squares())), instance(None)], "../a.jpg");
    let shapes = file["shapes"].as_array().unwrap();
    assert_eq!(shapes.len(), 3);
    let shared: Vec<&Value> = shapes.iter().map(|shape| &shape["group_id"]).collect();
    assert_eq!(shared, [&json!(1), &json!(1), &json!(null)]);
    assert_eq!(
        shapes[0]["points"],
        json!([[1, 2], [2, 3], [2, 4], [3, 4], [3, 3], [2, 3], [1, 2], [4, 2], [4, 5], [1, 5]])
    );
    assert_eq!(shapes[2]["shape_type"], "rectangle");
    assert_eq!(shapes[2]["points"], json!([[0.5, 1], [3, 4]]));
    assert_eq!(file["imagePath"], "../a.jpg");
}

#[test]
fn labelme_masks_are_pictures_of_a_box() {
    let file = labelme_masks(SIZE, &[instance(Some(squares())), instance(None)], "a.jpg");
    let shape = &file["shapes"][0];
    assert_eq!(shape["shape_type"], "mask");
    assert_eq!(shape["points"], json!([[1, 2], [7, 7]]), "the first and the last pixel");
    let bytes = BASE64_STANDARD.decode(shape["mask"].as_str().unwrap()).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().into_luma8();
    assert_eq!(picture.dimensions(), (7, 6));
    let mask = squares().to_mask();
    let agrees = |(x, y, p): (u32, u32, &image::Luma<u8>)| (p[0] == 255) == mask.get(x + 1, y + 2);
    assert!(picture.enumerate_pixels().all(agrees));
    assert_eq!(file["shapes"][1]["shape_type"], "rectangle");
}

#[test]
fn cutouts_hold_nothing_of_what_is_outside() {
    let photo =
        RgbImage::from_fn(SIZE.width, SIZE.height, |x, y| Rgb([x as u8 + 1, y as u8 + 1, 9]));
    let cut = cutout(&photo, &squares()).unwrap();
    assert_eq!(cut.dimensions(), (7, 6));
    assert_eq!(cut[(0, 0)], Rgba([2, 3, 9, 255]));
    assert_eq!(cut[(6, 5)], Rgba([8, 8, 9, 255]));
    assert_eq!(cut[(1, 1)], Rgba([0; 4]), "the hole");
    let opaque = cut.pixels().filter(|pixel| pixel[3] == 255).count();
    assert_eq!(opaque as u64, squares().area());
    assert!(cut.pixels().all(|pixel| pixel[3] == 255 || *pixel == Rgba([0; 4])));
    assert_eq!(cutout(&photo, &rle(|_, _| false)), None);
}

#[test]
fn single_masks_are_black_and_white() {
    let picture = mask_image(&squares());
    assert_eq!(picture.dimensions(), (10, 8));
    assert_eq!([picture[(1, 2)][0], picture[(2, 3)][0], picture[(7, 7)][0]], [255, 0, 255]);
}

#[test]
fn colours_are_where_the_numbers_are_and_those_of_the_overlay() {
    let (small, large) = (rle(|x, y| x < 3 && y < 3), rle(|x, _| x < 6));
    let masks = [&small, &large];
    let (colors, numbers) = (label_colors(SIZE, &masks), label_map(SIZE, &masks));
    for (x, y, number) in numbers.enumerate_pixels() {
        assert_eq!(number[0] == 0, colors[(x, y)] == Rgb([0; 3]));
        let same = [(0, 0), (5, 7)].map(|place| colors[(x, y)] == colors[place]);
        assert_eq!(same, [number[0] == 1, number[0] == 2], "({x}, {y})");
    }
    // A contour is nearly opaque.
    let black = RgbImage::new(SIZE.width, SIZE.height);
    let contour = mask_overlay(&black, &masks)[(5, 7)];
    assert!((0..3).all(|i| contour[i].abs_diff(colors[(5, 7)][i]) < 20), "{contour:?}");
}

#[test]
fn npz_files_hold_three_arrays_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let logits = |start: f32| {
        let values = (0..LOW_RES_SIDE * LOW_RES_SIDE).map(|i| start + i as f32).collect();
        LowResLogits::new(values).unwrap()
    };
    let boxes = [BBox::new(1.0, 2.0, 3.5, 4.0), BBox::new(0.0, 0.0, 9.0, 9.0)];
    write_logits_npz(&path, &[logits(0.5), logits(-3.0)], &boxes, &[0.75, 0.5]).unwrap();
    let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let mut array = |name: &str, header: &str| -> Vec<f32> {
        let mut entry = archive.by_name(name).unwrap();
        let time = entry.last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!(start % 64, 0);
        let text = String::from_utf8_lossy(&bytes[10..start]).into_owned();
        assert!(text.contains(header), "{text}");
        let numbers = bytes[start..].chunks_exact(4);
        numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let values = array("logits.npy", "'shape': (2, 256, 256), ");
    assert_eq!(values.len(), 2 * LOW_RES_SIDE * LOW_RES_SIDE);
    assert_eq!([values[1], values[LOW_RES_SIDE * LOW_RES_SIDE]], [1.5, -3.0]);
    let corners = array("boxes.npy", "'shape': (2, 4), ");
    assert_eq!(corners, [1.0, 2.0, 3.5, 4.0, 0.0, 0.0, 9.0, 9.0]);
    assert_eq!(array("scores.npy", "'shape': (2,), "), [0.75, 0.5]);
    // Of no masks there is an archive, too.
    write_logits_npz(&path, &[], &[], &[]).unwrap();
    assert_eq!(zip::ZipArchive::new(File::open(&path).unwrap()).unwrap().len(), 3);
}
